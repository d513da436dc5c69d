"""Errors in the models file end every command with the same exit status, whichever engine finds them."""

import json

import pytest

from tests.e2e.conftest import FleetProject

WRONG = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {tokens_per_second: {min: 981, max: 1960}}
"""
"""Only the workspace's answer shows that 981 is not a multiple of the chunk."""


@pytest.mark.parametrize(
    "command",
    [("preview",), ("preview", "--save-plan", "plan.json"), ("up",), ("up", "--json")],
    ids=" ".join,
)
def test_errors_in_the_models_file_are_exit_status_2(
    fleet: FleetProject, engine: str, command: tuple[str, ...]
) -> None:
    fleet.write_models(WRONG)
    done = fleet.run(*command, "--engine", engine)
    assert done.returncode == 2
    assert "models.yaml:7:" in done.stdout + done.stderr
    if "--json" in command:
        assert json.loads(done.stdout)["exitStatus"] == 2


def test_errors_count_without_a_workspace_too(fleet: FleetProject) -> None:
    fleet.write_models("version: 1\nmodels: []\n")
    base = fleet.root / "base.yaml"
    base.write_text(fleet.models)
    fleet.write_models(WRONG.replace("{min: 981, max: 1960}", "{min: 1960, max: 980}"))
    done = fleet.run("preview", "--offline", "--against", str(base))
    assert done.returncode == 2, done.stdout + done.stderr
