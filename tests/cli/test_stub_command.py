"""`bandplan stub`, with the stub as it is: a process on a free port."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.commands.stub import require_agreement
from cli.errors import UsageProblem
from cli.main import main
from cli.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "Pulumi.yaml").write_text("name: bandplan\n")
    here = Path.cwd()
    os.chdir(tmp_path)
    yield tmp_path
    main(["stub", "stop"])
    os.chdir(here)


def test_stub_starts_once_is_shown_without_its_token_and_stops(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stub", "status"]) == 1
    assert "is not running" in capsys.readouterr().out

    assert main(["stub", "start"]) == 0
    first = capsys.readouterr().out
    assert main(["stub", "start"]) == 0
    assert capsys.readouterr().out == first

    assert main(["stub", "status", "--json"]) == 0
    shown = capsys.readouterr().out
    facts = json.loads(shown)
    assert facts["host"] in first
    assert Path(facts["token_file"]).read_text().strip() not in shown

    assert main(["stub", "stop"]) == 0
    assert main(["stub", "status"]) == 1


@pytest.mark.parametrize(
    ("option", "value"), [("--port", "99999"), ("--port", "x"), ("--port", "-1"), ("--settle", "never")]
)
def test_wrong_setting_is_told_on_one_line_with_exit_status_two(
    project: Path, capsys: pytest.CaptureFixture[str], option: str, value: str
) -> None:
    assert main(["stub", "start", option, value]) == 2
    out, said = capsys.readouterr()
    assert said.startswith(f"error: {option} {value}: not a ")
    assert (out, said.count("\n")) == ("", 1) and len(said) < 120
    assert main(["stub", "status"]) == 1


def test_running_stub_says_which_settings_it_does_not_take_and_how_to_change_them(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["stub", "start", "--settle", "reads:3"])
    out, said = capsys.readouterr()
    assert said == ""
    port = out.strip().rpartition(":")[2]
    other = "1" if port != "1" else "2"

    assert main(["stub", "start", "--settle", "at-once", "--port", other]) == 0
    again, said = capsys.readouterr()
    assert again == out
    assert "keeps the settings that it was started with" in said
    assert f"`bandplan stub stop` and then `bandplan stub start --settle at-once --port {other}`" in said

    assert main(["stub", "start", "--port", port]) == 0
    assert capsys.readouterr().err == ""


def test_reset_says_that_the_workspace_is_stopped(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["stub", "start"])
    capsys.readouterr()
    assert main(["stub", "reset"]) == 0
    assert "empty and stopped; `bandplan stub start`" in capsys.readouterr().out
    assert main(["stub", "status"]) == 1


def checkpoint_with(folder: Path, *, custom: int) -> None:
    path = folder / ".bandplan" / "state" / ".pulumi" / "stacks" / "bandplan" / "local.json"
    path.parent.mkdir(parents=True)
    resources = [{"urn": "stack", "custom": False}, *({"urn": str(n), "custom": True} for n in range(custom))]
    path.write_text(json.dumps({"version": 3, "checkpoint": {"stack": "local", "latest": {"resources": resources}}}))


def test_reset_under_a_deployed_stack_needs_agreement(project: Path) -> None:
    checkpoint_with(project, custom=2)
    with pytest.raises(UsageProblem, match="has 2 resources"):
        require_agreement(Project(project), agreed=False)
    require_agreement(Project(project), agreed=True)


def test_reset_after_destroy_needs_none(project: Path) -> None:
    checkpoint_with(project, custom=0)
    require_agreement(Project(project), agreed=False)
