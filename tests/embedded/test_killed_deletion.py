"""A run that is killed while it deletes or updates: the next one finds what came of it, and nothing stays under way."""

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.engines.embedded import EmbeddedEngine
from bandplan.cli.engines.engine import Options
from bandplan.cli.project import Project
from bandplan.embedded.checkpoint import StackFile, parse
from bandplan.embedded.journal import Journal
from bandplan.plugin.errors import ProviderError
from tests.embedded.conftest import ROOT, ToyProject, box, plan_of, thing


def killed_amid(project: ToyProject, act: str, moment: str, *resources: dict[str, Any]) -> None:
    """An update that is killed at its first `act` of a toy, `before` or `after` the toy is in the world that way."""
    project.declare(*resources)
    call = f"{act}(self, request)"
    script = (
        "import os; from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys\n"
        "class Killed(Toys):\n"
        f"    async def {call}:\n"
        f"        await super().{act}(request) if {moment == 'after'} else None\n"
        "        os.kill(os.getpid(), 9)\n"
        f"Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Killed(Path({str(project.toys.world)!r}))}}, lambda event: None).up()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", script], env=environment).returncode == -signal.SIGKILL


def left_under_way(project: ToyProject) -> list[Any]:
    return project.checkpoint()["checkpoint"]["latest"].get("pending_operations", [])


def locks(project: ToyProject) -> list[Path]:
    return list((project.state_dir / ".pulumi/locks").rglob("*.json"))


def up(project: ToyProject) -> dict[str, str]:
    """As the command runs it: a preview, and an update unless nothing is to be done; the plan."""
    plan = project.engine().preview(settle=True)
    assert plan.ok, project.messages()
    if plan.has_changes:
        assert project.engine().up().ok, project.messages()
    return plan_of(plan.digest)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("is_wanted_again", [False, True], ids=["left out", "wanted again"])
def test_plain_up_after_a_killed_deletion_converges(project: ToyProject, moment: str, is_wanted_again: bool) -> None:
    project.declare(thing("a"), thing("b"))
    project.up()
    killed_amid(project, "delete", moment, thing("a"))
    assert [("b.plain" in project.toys.things())] == [moment == "before"]
    wanted = [thing("a"), thing("b")] if is_wanted_again else [thing("a")]
    project.declare(*wanted)

    planned = up(project)

    is_there = moment == "before"
    assert (
        planned
        == {
            (True, True): {},
            (True, False): {"b": "delete"},
            (False, True): {"b": "create"},
            (False, False): {},
        }[(is_there, is_wanted_again)]
    )
    assert sorted(project.toys.things()) == [f"{one['name']}.plain" for one in wanted]
    assert {name for name in project.resources() if name in "ab"} == {one["name"] for one in wanted}
    assert left_under_way(project) == []
    assert locks(project) == []
    assert up(project) == {}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_deletion_that_makes_room_and_was_killed_converges(project: ToyProject, moment: str) -> None:
    first = {"name": "a", "props": {"name": "fixed-a"}}
    bound = {"name": "b", "props": {"name": "b", "of": {"from": "a.id"}}}
    beside = {"name": "c", "props": {"name": "c"}, "after": ["a"]}
    project.declare(first, bound, beside)
    project.up()
    killed_amid(project, "delete", moment, {"name": "a", "props": {"name": "fixed-new"}}, bound, beside)

    up(project)

    assert sorted(project.toys.things()) == ["b.plain", "c.plain", "fixed-new.plain"]
    assert left_under_way(project) == [] and locks(project) == []
    assert up(project) == {}


def test_what_came_of_a_killed_deletion_is_said(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b"))
    project.up()
    killed_amid(project, "delete", "after", thing("a"))

    project.preview()

    assert "no longer exists: the killed run had deleted it" in project.messages()
    assert "uncertain" not in project.messages()


def test_deletion_of_which_nobody_can_tell_stays_open(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b", trouble="read"))
    project.up()
    killed_amid(project, "delete", "before", thing("a"))

    project.engine().recover()

    assert [operation["type"] for operation in left_under_way(project)] == ["deleting"]
    assert "b" in project.resources()


def test_nothing_is_looked_up_while_there_is_no_workspace(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b"))
    project.up()
    killed_amid(project, "delete", "after", thing("a"))

    async def configure(_request: object) -> None:
        raise ProviderError("nobody answers")

    project.toys.configure = configure  # type: ignore[assignment, method-assign]
    project.engine().recover()

    assert [operation["type"] for operation in left_under_way(project)] == ["deleting"]


@pytest.mark.parametrize("wanted", [1, 2], ids=["taken back", "wanted still"])
@pytest.mark.parametrize("moment", ["before", "after"])
def test_plain_up_after_a_killed_update_converges(project: ToyProject, moment: str, wanted: int) -> None:
    """Taken back: the state still has the old value, and the program has it again; only the world differs."""
    project.declare(thing("a", size=1))
    project.up()
    killed_amid(project, "update", moment, thing("a", size=2))
    project.declare(thing("a", size=wanted))

    up(project)

    assert project.toys.things()["a.plain"]["size"] == wanted
    assert left_under_way(project) == [] and locks(project) == []
    assert up(project) == {}


def test_component_that_was_under_way_does_not_keep_the_rest_from_being_looked_up(project: ToyProject) -> None:
    project.declare(box("shelf"), thing("a"))
    project.up()
    file = StackFile(project.state_dir, "toys", "local")
    text = file.path.read_bytes()
    journal = Journal(file, parse(text, file), text)
    by_name = {state.name: state for state in journal.progress.base.resources}
    journal.start(by_name["shelf"], "deleting")
    journal.start(by_name["a"], "deleting")
    journal.close()
    (project.toys.world / "a.plain.json").unlink()

    project.engine().recover()

    assert left_under_way(project) == []
    assert "a" not in project.resources() and "shelf" in project.resources()


def pending(state: dict[str, Any], act: str) -> dict[str, Any]:
    return {"resource": state, "type": act}


@pytest.mark.parametrize("act", ["creating", "deleting", "updating", "importing", "reading", "of a later version"])
def test_nothing_that_the_cli_left_under_way_stays_in_the_checkpoint(project: ToyProject, act: str) -> None:
    """The CLI does not clear it; an `up` that finds nothing to do has to."""
    project.declare(thing("a"), thing("b"))
    project.up()
    path = project.state_dir / ".pulumi/stacks/toys/local.json"
    document = project.checkpoint()
    document["checkpoint"]["latest"]["pending_operations"] = [pending(project.resources()["b"], act)]
    document["checkpoint"]["latest"]["manifest"]["version"] = "v3.260.0"
    path.write_text(json.dumps(document))

    plan = project.engine(id_of=lambda _type, inputs: f"{inputs['name']}.plain").preview(settle=True)

    assert plan.ok and not plan.has_changes, project.messages()
    assert left_under_way(project) == []
    assert len([one for one in project.checkpoint()["checkpoint"]["latest"]["resources"] if "::b" in one["urn"]]) == 1


def dead_lock(project: ToyProject) -> Path:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    folder = project.state_dir / ".pulumi/locks/organization/toys/local"
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "dead.json"
    lock.write_text(json.dumps({"pid": dead.pid, "hostname": socket.gethostname(), "username": "u", "timestamp": "t"}))
    return lock


def test_up_that_changes_nothing_removes_the_lock_of_a_dead_process(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    lock = dead_lock(project)

    assert project.preview().ok and lock.exists(), "a preview by itself changes no file"
    assert up(project) == {}

    assert not lock.exists()


def test_up_that_changes_nothing_leaves_the_lock_of_another_machine(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    lock = dead_lock(project)
    lock.write_text(json.dumps({**json.loads(lock.read_text()), "hostname": "elsewhere"}))

    assert up(project) == {}

    assert lock.exists()


def test_command_settles_before_it_plans(project: ToyProject, monkeypatch: pytest.MonkeyPatch) -> None:
    project.declare(thing("a"))
    project.up()
    state_dir = project.folder / ".bandplan" / "state"
    state_dir.parent.mkdir()
    project.state_dir.rename(state_dir)
    project.state_dir = state_dir
    lock = dead_lock(project)
    monkeypatch.setattr("bandplan.cli.engines.embedded.providers", lambda listen: {"toy": project.toys})
    environ = {**os.environ, "DATABRICKS_HOST": "http://127.0.0.1:1"}

    result = EmbeddedEngine(Project(project.folder), "local", environ).up(Options())

    assert result.ok
    assert not lock.exists()
