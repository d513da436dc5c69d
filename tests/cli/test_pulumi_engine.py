import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.engines.engine import Options
from bandplan.cli.engines.pulumi import PulumiEngine
from bandplan.cli.errors import UsageProblem
from bandplan.cli.project import Project

TOKEN = "dapi-secret-of-the-test"


@dataclass(frozen=True)
class Machine:
    """A project, and a `pulumi` that notes how it is called."""

    folder: Path

    def engine(self, stack: str, **more: str) -> PulumiEngine:
        environ = {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin",
            "DATABRICKS_TOKEN": TOKEN,
            "PULUMI_BACKEND_URL": "s3://team-state",
            **more,
        }
        return PulumiEngine(str(self.folder / "pulumi"), Project(self.folder / "project"), stack, environ)

    def reports(self, *, changes: dict[str, int], exit: int = 0, old: int = 1, types: Sequence[str] = ()) -> None:
        report = {
            "changes": changes,
            "outputs": {"n": 1},
            "old_outputs": {"n": old},
            "exit": exit,
            "types": list(types),
        }
        (self.folder / "report.json").write_text(json.dumps(report))

    @property
    def calls(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in (self.folder / "calls.jsonl").read_text().splitlines()]

    @property
    def commands(self) -> list[str]:
        return [" ".join(call["argv"][:2]) if call["argv"][0] == "stack" else call["argv"][0] for call in self.calls]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    shutil.copy(Path(__file__).parent / "fake_pulumi.py", tmp_path / "fake_pulumi.py")
    executable = tmp_path / "pulumi"
    executable.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{tmp_path}/fake_pulumi.py" "$@"\n')
    executable.chmod(0o755)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi-resource-databricks").touch(0o755)
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "Pulumi.yaml").write_text("name: bandplan\n")
    return Machine(tmp_path)


def test_up_previews_then_updates_and_returns_the_outputs(machine: Machine) -> None:
    machine.reports(changes={"create": 3})
    result = machine.engine("local").up(Options())
    assert result.ok
    assert result.outputs == {"n": 1}
    assert machine.commands == ["stack init", "preview", "up"]
    assert "--yes" in machine.calls[-1]["argv"]


def test_up_without_changes_runs_no_update_and_still_returns_the_outputs(machine: Machine) -> None:
    machine.reports(changes={"same": 3})
    result = machine.engine("local").up(Options())
    assert result.ok
    assert result.outputs == {"n": 1}
    assert machine.commands == ["stack init", "preview"]


def test_up_with_only_a_new_output_updates(machine: Machine) -> None:
    machine.reports(changes={"same": 3}, old=0)
    machine.engine("local").up(Options())
    assert machine.commands[-1] == "up"


def test_pack_that_saw_no_endpoint_is_not_left_as_one_that_found_nothing(
    machine: Machine, capfd: pytest.CaptureFixture[str]
) -> None:
    (machine.folder / "project" / "policies").mkdir()
    (machine.folder / "project" / "policies" / "PulumiPolicy.yaml").write_text("runtime: python\n")
    told = "Policies: nothing was judged"
    machine.reports(changes={}, exit=255)
    for run in (machine.engine("prod").preview, machine.engine("local").up):
        assert not run(Options()).ok
        assert capfd.readouterr().out.rstrip().splitlines()[-1].startswith(told)
    machine.reports(changes={}, exit=255, types=["bandplan:index:Endpoint"])
    assert not machine.engine("prod").preview(Options()).ok
    machine.reports(changes={})
    assert machine.engine("prod").preview(Options()).ok
    assert told not in capfd.readouterr().out


def test_failed_preview_stops_before_the_update(machine: Machine) -> None:
    machine.reports(changes={}, exit=255)
    result = machine.engine("local").up(Options())
    assert not result.ok
    assert result.outputs == {}
    assert machine.commands == ["stack init", "preview"]


def test_local_stack_is_made_once(machine: Machine) -> None:
    machine.reports(changes={})
    machine.engine("local").preview(Options())
    machine.engine("local").preview(Options())
    assert machine.commands == ["stack init", "preview", "preview"]


def test_local_run_has_the_projects_own_backend_plugin_and_no_passphrase(machine: Machine) -> None:
    machine.reports(changes={})
    machine.engine("local").preview(Options())
    environ = machine.calls[-1]["environ"]
    own = machine.folder / "project" / ".bandplan"
    assert environ["PULUMI_BACKEND_URL"] == f"file://{own}/state"
    assert environ["PULUMI_CONFIG_PASSPHRASE"] == ""
    assert environ["PATH"].split(":")[0] == str(own / "plugins")
    assert (own / "plugins" / "pulumi-resource-databricks").is_file()


def test_published_plugin_is_left_to_pulumi_to_find_and_all_else_stays_local(machine: Machine) -> None:
    machine.reports(changes={})
    machine.engine("local", BANDPLAN_DATABRICKS_PLUGIN="published").preview(Options())
    environ = machine.calls[-1]["environ"]
    own = machine.folder / "project" / ".bandplan"
    assert environ["PATH"] == f"{Path(sys.executable).parent}:{machine.folder}/bin:/usr/bin:/bin"
    assert not (own / "plugins").exists()
    assert environ["PULUMI_BACKEND_URL"] == f"file://{own}/state"


def test_plugin_that_is_neither_the_stand_in_nor_the_published_one_is_refused(machine: Machine) -> None:
    with pytest.raises(UsageProblem, match="BANDPLAN_DATABRICKS_PLUGIN=real"):
        machine.engine("local", BANDPLAN_DATABRICKS_PLUGIN="real").preview(Options())


def test_another_stack_runs_in_the_users_environment_and_never_sees_the_stub_plugin(machine: Machine) -> None:
    machine.reports(changes={"create": 1})
    machine.engine("prod").up(Options(ask=True))
    assert machine.commands == ["up"]
    call = machine.calls[-1]
    assert call["environ"]["PULUMI_BACKEND_URL"] == "s3://team-state"
    assert ".bandplan" not in call["environ"]["PATH"]
    assert "--yes" not in call["argv"]
    assert not (machine.folder / "project" / ".bandplan" / "plugins").exists()


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_token_is_in_no_argument_of_the_child(machine: Machine, stack: str) -> None:
    machine.reports(changes={"create": 1})
    engine = machine.engine(stack)
    for operation in (engine.preview, engine.up, engine.refresh, engine.destroy):
        operation(Options())
    assert len(machine.calls) >= 4
    assert all(TOKEN not in argument for call in machine.calls for argument in call["argv"])


def test_event_log_is_not_left_behind(machine: Machine) -> None:
    machine.reports(changes={"create": 1})
    machine.engine("local").up(Options())
    assert list((machine.folder / "project" / ".bandplan").glob("*.jsonl")) == []


def test_what_a_killed_embedded_update_made_is_in_the_checkpoint_before_pulumi_runs(machine: Machine) -> None:
    machine.reports(changes={})
    project = Project(machine.folder / "project")
    (project.root / "Pulumi.yaml").write_text("name: bandplan\nruntime: python\n")
    urn = "urn:pulumi:local::bandplan::pulumi:pulumi:Stack::bandplan-local"
    made = {"urn": urn, "custom": False, "type": "pulumi:pulumi:Stack"}
    journal = project.state_folder / ".pulumi" / "journals" / "bandplan" / "local.jsonl"
    journal.parent.mkdir(parents=True)
    lines = [{"base": ""}, {"seq": 1, "new": made, "old": None}]
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))

    machine.engine("local").preview(Options())

    assert not journal.exists()
    checkpoint = json.loads((project.state_folder / ".pulumi/stacks/bandplan/local.json").read_text())
    assert [entry["urn"] for entry in checkpoint["checkpoint"]["latest"]["resources"]] == [urn]
    assert machine.commands == ["preview"]


def test_lock_of_a_dead_pulumi_is_removed_before_pulumi_runs_again(machine: Machine) -> None:
    machine.reports(changes={})
    machine.engine("local").preview(Options())
    project = Project(machine.folder / "project")
    (project.root / "Pulumi.yaml").write_text("name: bandplan\nruntime: python\n")
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    lock = project.state_folder / ".pulumi/locks/organization/bandplan/local/dead.json"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps({"pid": dead.pid, "hostname": socket.gethostname(), "username": "u", "timestamp": "t"}))

    machine.engine("local").preview(Options())

    assert not lock.exists()


def test_program_is_started_with_the_python_of_bandplan_whatever_is_on_path(machine: Machine) -> None:
    """A project whose Pulumi.yaml names no `virtualenv`, and `.venv/bin/bandplan` called without activating it."""
    machine.reports(changes={})
    machine.engine("prod").preview(Options())
    found = shutil.which("python3", path=machine.calls[-1]["environ"]["PATH"])
    assert found is not None and Path(found).parent == Path(sys.executable).parent
