"""Commands that only look at the local workspace: one that is stopped stays so."""

from pathlib import Path

import pytest

from bandplan.cli import local_workspace
from bandplan.cli.main import main
from bandplan.cli.project import Project

MODELS = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 1, max: 2}}
"""


@pytest.mark.parametrize(
    "command",
    [
        ("adopt",),
        ("adopt", "--all"),
        ("adopt", "--all", "--entries"),
        ("drift",),
        ("migrate",),
        ("rollback", "chat"),
        ("observe",),
        ("real-scale", "chat"),
        ("logs", "chat"),
        ("open",),
    ],
    ids=" ".join,
)
def test_a_stopped_local_workspace_is_not_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    def started(project: Project) -> None:
        raise AssertionError("the local workspace was started")

    monkeypatch.setattr(local_workspace, "running_stub", started)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "Pulumi.yaml").write_text("name: fleet\nruntime: python\n")
    (tmp_path / "models.yaml").write_text(MODELS)
    assert main(list(command)) == 1
    assert "start it with `bandplan stub start`" in capsys.readouterr().err
