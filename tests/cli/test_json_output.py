import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bandplan.cli.main import main

ROOT = Path(__file__).parents[2]
SCHEMA = json.loads((ROOT / "schemas" / "output.schema.json").read_text())

MODELS = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 3, max: 2}}
    tagss: {}
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: team\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.prod.yaml").write_text("config: {}\n")
    (tmp_path / "stacks" / "policies.prod.json").write_text('{"stack-budget": "advisory"}')
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("BANDPLAN_MODELS", raising=False)
    return tmp_path


def printed(capsys: pytest.CaptureFixture[str], *argv: str) -> tuple[int, Any]:
    """Return the exit status and what was printed, which has a shape of the schema and is all of the output."""
    status = main(argv)
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, SCHEMA)
    return status, document


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_validate_gives_every_problem_in_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "validate", "--offline", "--json")
    assert (status, document["errors"], document["endpoints"]) == (2, len(document["problems"]), None)
    unknown = next(one for one in document["problems"] if one["id"] == "unknown-key")
    assert (unknown["file"], unknown["line"], unknown["path"]) == ("models.yaml", 8, "models/chat/tagss")
    assert unknown["nextStep"] == "did you mean tags?"


def test_validate_of_a_sound_file_counts_its_endpoints(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "models.yaml").write_text("version: 1\nmodels: []\n")
    status, document = printed(capsys, "validate", "--offline", "--json")
    assert (status, document["endpoints"], document["problems"], document["failure"]) == (0, 0, [], None)


def test_problems_are_shown_in_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["validate", "--json", "--show"])
    assert "not allowed with argument" in capsys.readouterr().err


def write_state(project: Path, name: str, text: str) -> None:
    path = project / ".bandplan" / "state" / ".pulumi" / "stacks" / "team" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_stacks_are_listed_with_those_that_cannot_be_read(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_state(project, "local", '{"version": 3, "checkpoint": {"stack": "organization/team/local", "latest": null}}')
    write_state(project, "other", "{")
    status, document = printed(capsys, "stack", "ls", "--json", "--engine", "embedded")
    nothing = {"lastUpdate": None, "resourceCount": None}
    assert (status, document["stacks"]) == (0, [{"name": "local", **nothing}, {"name": "other", **nothing}])


def test_policies_are_listed_with_their_levels(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "policy", "list", "--json")
    levels = {rule["id"]: rule["levels"] for rule in document["rules"]}
    assert (status, levels["stack-budget"]) == (0, {"prod": "advisory"})


def test_doctor_has_a_shape_of_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    status, document = printed(capsys, "doctor", "--offline", "--json")
    assert (status, document["command"]) == (1, "doctor")
