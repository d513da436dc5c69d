"""The state of a stack through a `pulumi` that keeps it in a file: read, changed, refused when it moved meanwhile."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.engines.exported import deployment_of, export
from bandplan.cli.engines.pulumi import PulumiEngine
from bandplan.cli.engines.state_edit import change_state, plan
from bandplan.cli.errors import CommandError
from bandplan.cli.project import Project

PROGRAM = """\
import json, sys
from pathlib import Path
folder = Path(__file__).parent
state = folder / "state.json"
match sys.argv[1:3]:
    case ["stack", "export"]:
        print(state.read_text(), end="") if state.exists() else sys.exit("error: no stack named 'dev' found")
        moving = folder / "moving"
        if moving.exists():
            whole = json.loads(state.read_text())
            whole["deployment"]["resources"].append({})
            state.write_text(json.dumps(whole))
    case ["stack", "import"]:
        state.write_text(Path(sys.argv[sys.argv.index("--file") + 1]).read_text())
    case ["preview", _]:
        print((folder / "preview.json").read_text())
        sys.exit(int((folder / "preview.exit").read_text()))
"""


@pytest.fixture
def engine(tmp_path: Path) -> PulumiEngine:
    (tmp_path / "project").mkdir()
    (tmp_path / "fake.py").write_text(PROGRAM)
    program = tmp_path / "pulumi"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{tmp_path}/fake.py" "$@"\n')
    program.chmod(0o755)
    return PulumiEngine(str(program), Project(tmp_path / "project"), "dev", {"PATH": "/usr/bin:/bin"})


def state(engine: PulumiEngine) -> Path:
    return engine.project.root.parent / "state.json"


def add_one(deployment: dict[str, Any]) -> dict[str, Any]:
    return {**deployment, "resources": [*deployment["resources"], {"urn": "new"}]}


def test_state_is_exported_changed_and_imported_and_no_copy_is_left(engine: PulumiEngine) -> None:
    state(engine).write_text(json.dumps({"version": 3, "deployment": {"resources": [{"urn": "old"}]}}))

    change_state(engine, add_one)

    found = json.loads(state(engine).read_text())
    assert found == {"version": 3, "deployment": {"resources": [{"urn": "old"}, {"urn": "new"}]}}
    assert [path.name for path in engine.project.own_folder.iterdir()] == [".gitignore"]
    assert deployment_of(engine.project, "dev", "pulumi", engine.environ, engine.executable) == found["deployment"]


def test_stack_that_was_changed_meanwhile_is_left_alone(engine: PulumiEngine) -> None:
    state(engine).write_text(json.dumps({"version": 3, "deployment": {"resources": []}}))
    (state(engine).parent / "moving").touch()
    with pytest.raises(CommandError, match="changed in the meantime"):
        change_state(engine, add_one)
    assert "new" not in state(engine).read_text()


def test_stack_that_is_not_there_is_told_in_pulumis_words(engine: PulumiEngine) -> None:
    with pytest.raises(CommandError, match="no stack named 'dev'"):
        export(engine.executable, engine.project, "dev", engine.environ)


@pytest.mark.parametrize("exit_status", [0, 1])
def test_plan_is_the_document_or_the_errors_of_the_preview(engine: PulumiEngine, exit_status: int) -> None:
    told = [{"severity": "error", "message": "chunk is 980"}, {"severity": "warning", "message": "floor-zero"}]
    (state(engine).parent / "preview.json").write_text(json.dumps({"steps": [], "diagnostics": told}))
    (state(engine).parent / "preview.exit").write_text(str(exit_status))
    if exit_status == 0:
        assert plan(engine)["steps"] == []
        return
    with pytest.raises(CommandError) as refused:
        plan(engine)
    assert "chunk is 980" in str(refused.value) and "floor-zero" not in str(refused.value)


def test_stack_of_ours_that_was_never_deployed_is_empty(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    assert deployment_of(Project(tmp_path), "local", "embedded", {}, None) == {}
