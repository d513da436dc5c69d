"""What a killed run had just made is taken over by whatever runs next, and not made twice."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from bandplan.embedded.checkpoint import StackFile, parse
from bandplan.embedded.journal import Journal
from bandplan.embedded.run import Engine
from bandplan.plugin.errors import ProviderError
from tests.embedded.conftest import ROOT, ToyProject, plan_of, thing


def killed_while_making(project: ToyProject, *resources: dict[str, object]) -> None:
    """An update that is killed when the first toy is in the world and not yet in the state."""
    project.declare(*resources)
    script = (
        "import os; from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys\n"
        "class Killed(Toys):\n"
        "    async def create(self, request):\n"
        "        made = await super().create(request)\n"
        "        os.kill(os.getpid(), 9) if not request.preview else None\n"
        "        return made\n"
        f"Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Killed(Path({str(project.toys.world)!r}))}}, lambda event: None).up()"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    assert subprocess.run([sys.executable, "-c", script], env=environment).returncode == -signal.SIGKILL


def engine(project: ToyProject) -> Engine:
    """One that knows the ids of toys beforehand."""

    def id_of(_type: str, inputs: Mapping[str, Any]) -> str:
        return f"{inputs['name']}.plain"

    return project.engine(id_of=id_of)


def is_open(project: ToyProject) -> bool:
    return "pending_operations" in project.checkpoint()["checkpoint"]["latest"]


def test_what_a_killed_run_had_just_made_is_taken_over_and_not_made_twice(project: ToyProject) -> None:
    killed_while_making(project, thing("a", size=1))
    assert project.toys.effects() == ["create a.plain"]

    outcome = engine(project).up()

    assert outcome.ok, project.messages()
    assert "taken over" in project.messages() and "uncertain" not in project.messages()
    assert project.toys.effects() == ["create a.plain"]
    assert project.resources()["a"]["id"] == "a.plain"
    assert not is_open(project)
    assert project.preview().changes == {"same": 2}


def test_what_a_killed_run_had_just_made_is_destroyed_with_the_rest(project: ToyProject) -> None:
    killed_while_making(project, thing("a"))

    assert engine(project).destroy().ok

    assert project.toys.effects() == ["create a.plain", "delete a.plain"]
    assert not is_open(project)


def test_what_a_killed_run_had_just_made_is_changed_to_what_the_program_says_now(project: ToyProject) -> None:
    killed_while_making(project, thing("a", size=1))
    project.declare(thing("a", size=2))

    assert plan_of(engine(project).preview().digest) == {"a": "update"}
    assert engine(project).up().ok

    assert project.toys.effects() == ["create a.plain", "update a.plain"]


def test_preview_takes_nothing_over_on_disk(project: ToyProject) -> None:
    killed_while_making(project, thing("a"))
    engine(project).export()  # puts the journal in order
    before = project.checkpoint()

    assert engine(project).preview().changes == {"same": 2}

    assert project.checkpoint() == before


def test_recovered_checkpoint_holds_what_was_made_and_nothing_open(project: ToyProject) -> None:
    """What the CLI goes on from: it neither looks for what was under way nor forgets it by itself."""
    killed_while_making(project, thing("a"))

    engine(project).recover()

    assert project.resources()["a"]["id"] == "a.plain"
    assert not is_open(project)
    assert project.preview().changes == {"same": 2}


def test_creation_that_made_nothing_is_open_no_more(project: ToyProject) -> None:
    killed_while_making(project, thing("a"))
    (project.toys.world / "a.plain.json").unlink()

    engine(project).recover()

    assert "a" not in project.resources()
    assert not is_open(project)


def test_creation_that_may_be_repeated_is_open_no_more(project: ToyProject) -> None:
    killed_while_making(project, thing("a"))

    project.engine(id_of=lambda _type, _inputs: "").recover()

    assert not is_open(project)


def test_creation_of_which_nobody_can_tell_stays_open(project: ToyProject) -> None:
    killed_while_making(project, thing("a"))
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "trouble": "read"}))

    engine(project).recover()
    assert is_open(project), "the provider could not look"
    project.engine().recover()
    assert is_open(project), "the id is not known"


def test_creations_stay_open_while_there_is_no_workspace_to_look_in(project: ToyProject) -> None:
    killed_while_making(project, thing("a"))

    async def configure(_request: object) -> None:
        raise ProviderError("nobody answers")

    project.toys.configure = configure  # type: ignore[assignment, method-assign]
    engine(project).recover()

    assert is_open(project)


def test_replacement_that_was_just_made_takes_the_place_of_the_one_that_made_room(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    file = StackFile(project.state_dir, "toys", "local")
    text = file.path.read_bytes()
    journal = Journal(file, parse(text, file), text)
    index, old = journal.progress.base.by_urn()["urn:pulumi:local::toys::toy:index/thing:Thing::a"]
    journal.mark(index, old.changed(pending_replacement=True), journal.start(old, "deleting"))
    journal.start(old.changed(id="", outputs={}), "creating")
    journal.close()

    engine(project).recover()

    assert [
        (one.id, one.pending_replacement) for one in parse(file.path.read_bytes(), file).resources if one.name == "a"
    ] == [("a.plain", False)]
    assert project.preview().changes == {"same": 2}


def test_something_else_under_that_id_is_not_taken_over(project: ToyProject) -> None:
    killed_while_making(project, thing("a", size=1))
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9}))

    outcome = engine(project).up()

    assert not outcome.ok
    assert "differs in size" in project.messages()
    assert "a" not in project.resources()


def test_something_else_under_that_id_is_taken_over_when_the_program_says_the_same(project: ToyProject) -> None:
    killed_while_making(project, thing("a", size=1))
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9}))
    project.declare(thing("a", size=9))

    assert engine(project).up().ok, project.messages()

    assert project.toys.effects() == ["create a.plain"]
    assert project.resources()["a"]["outputs"]["size"] == 9
