"""`preview --json` prints one whole document, whatever happens: CI redirects it into the file that `report` reads."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.main import main

ROOT = Path(__file__).parent.parent.parent
FOLLOWING = """\
version: 1
models:
  - {name: a, task: llm/v1/chat, model: ml.x.tuned, version: {alias: champion}, throughput: {bands: {min: 1, max: 2}}}
"""
OFFLINE = ("preview", "--stack", "dev", "--offline", "--json")
AGAINST = (*OFFLINE, "--against", "base.yaml")
EMBEDDED = (*OFFLINE, "--engine", "embedded")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copy(ROOT / "Pulumi.yaml", tmp_path / "Pulumi.yaml")
    (tmp_path / "stacks").mkdir()
    shutil.copy(ROOT / "stacks" / "__main__.py", tmp_path / "stacks")
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config: {}\n")
    for name in ("models.yaml", "base.yaml"):
        (tmp_path / name).write_text(FOLLOWING)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATABRICKS_HOST", "http://127.0.0.1:9")
    monkeypatch.setenv("DATABRICKS_TOKEN", "not-to-be-used")
    return tmp_path


def previewed(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, Any]]:
    capsys.readouterr()
    status = main(arguments)
    document: dict[str, Any] = json.loads(capsys.readouterr().out)
    return status, document


def told(document: dict[str, Any]) -> str:
    return "\n".join(one["message"] for one in document["diagnostics"] if one["severity"] == "error")


def test_followed_alias_is_previewed_by_nobody_s_word(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status, document = previewed(capsys, *AGAINST)
    changing = [step for step in document["steps"] if step["op"] != "same"]
    assert (status, changing, document["changeSummary"]) == (0, [], {"same": 5})
    assert main(["report", "--stack", f"dev={written(project, document)}"]) == 0
    models = FOLLOWING.replace("{min: 1, max: 2}", "{min: 1, max: 3}")
    (project / "models.yaml").write_text(models)
    status, document = previewed(capsys, *AGAINST)
    assert status == 0
    assert main(["report", "--stack", f"dev={written(project, document)}"]) == 0
    assert "1 to 2 chunks, size not known yet → **1 to 3 chunks, size not known yet**" in capsys.readouterr().out


def written(project: Path, document: dict[str, Any]) -> Path:
    (project / "preview.json").write_text(json.dumps(document))
    return project / "preview.json"


@pytest.mark.parametrize(
    ("arguments", "change", "status", "words"),
    [
        (AGAINST, {"base.yaml": "version: 1\nmodels: [{}]\n"}, 1, "base.yaml:2:"),
        (AGAINST, {"models.yaml": "version: 1\nmodels: [{}]\n"}, 2, "models.yaml:2:"),
        (AGAINST, {"base.yaml": None}, 1, "no such file"),
        (AGAINST, {"stacks/Pulumi.dev.yaml": "config: ["}, 1, "stacks/Pulumi.dev.yaml"),
        ((*OFFLINE[:2], "dve", *OFFLINE[3:], "--engine", "embedded"), {}, 2, "did you mean dev?"),
        (("preview", "--stack", "dev", "--json", "--engine", "embedded"), {}, 1, "127.0.0.1"),
        (EMBEDDED, {"models.yaml": "version: 1\nmodels: [{}]\n"}, 2, "models.yaml:2:"),
        ((*AGAINST, "--refresh"), {}, 2, "--against"),
    ],
    ids=["base", "models", "no base", "configuration", "stack", "no workspace", "embedded", "usage"],
)
def test_refusal_is_a_document_too(
    project: Path,
    arguments: tuple[str, ...],
    change: dict[str, str | None],
    status: int,
    words: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for name, text in change.items():
        if text is None:
            (project / name).unlink()
        else:
            (project / name).write_text(text)
    found, document = previewed(capsys, *arguments)
    assert found == status
    assert words in told(document)
    assert main(["report", "--stack", f"dev={written(project, document)}"]) == 0
