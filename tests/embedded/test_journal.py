"""What a journal says of a killed update, whatever the moment of the kill."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bandplan.embedded.checkpoint import Snapshot, StackFile, parse
from bandplan.embedded.journal import Journal, replay
from bandplan.embedded.resource import ResourceState
from bandplan.wire.types import STACK
from tests.embedded.conftest import ROOT, ToyProject, plan_of, thing


def state(name: str, **fields: object) -> ResourceState:
    return ResourceState(
        f"urn:pulumi:local::toys::toy:index/thing:Thing::{name}", "toy:index/thing:Thing", True
    ).changed(id=f"{name}.plain", **fields)


def journal_over(project: ToyProject) -> tuple[StackFile, Journal]:
    """A journal over the project's checkpoint, as a run that is killed leaves it."""
    file = StackFile(project.state_dir, "toys", "local")
    text = file.path.read_bytes()
    return file, Journal(file, parse(text, file), text)


def index_of(journal: Journal, name: str) -> int:
    return next(index for index, state in enumerate(journal.progress.base.resources) if state.name == name)


def test_outputs_of_an_unchanged_stack_are_recovered(project: ToyProject) -> None:
    project.declare(thing("a"), {"name": "outputs", "props": {"n": 1}})
    project.up()
    file, journal = journal_over(project)
    stack = next(state for state in journal.progress.base.resources if state.type == STACK)
    journal.record(stack, 0, changed=False)
    journal.outputs(stack.urn, {"n": 2}, changed=True)
    journal.close()

    assert project.engine().outputs() == {"n": 1}, "a reader without the lock takes the checkpoint as it is"
    project.engine().recover()

    assert project.engine().outputs() == {"n": 2}
    assert not file.journal_path.exists()


def test_replacement_that_was_made_leaves_the_old_one_to_be_deleted(project: ToyProject) -> None:
    project.declare(thing("a", kind="wood"))
    project.up()
    file, journal = journal_over(project)
    index = index_of(journal, "a")
    old = journal.progress.base.resources[index]
    sequence = journal.start(old.changed(id=""), "creating")
    journal.record(old.changed(id="a.tin"), index, sequence, is_condemned=True)
    journal.close()

    recovered = replay(file)

    assert recovered is not None
    assert [(entry.id, entry.delete) for entry in recovered.resources if entry.name == "a"] == [
        ("a.tin", False),
        ("a.wood", True),
    ]
    assert recovered.pending_operations == []


def test_deletion_to_make_room_is_recovered_as_a_pending_replacement(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    _, journal = journal_over(project)
    index = index_of(journal, "a")
    old = journal.progress.base.resources[index]
    journal.mark(index, old.changed(pending_replacement=True), journal.start(old, "deleting"))
    journal.start(old.changed(id=""), "creating")
    journal.close()
    (project.toys.world / "a.plain.json").unlink()

    assert plan_of(project.preview().digest) == {"a": "replace"}
    assert project.up().ok
    assert project.toys.effects() == ["create a.plain", "create a.plain"], "it is not deleted a second time"


def test_creation_that_was_under_way_stays_named_until_the_resource_is_known(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    file, journal = journal_over(project)
    journal.start(state("b"), "creating")
    journal.start(state("a"), "updating")
    journal.close()

    project.up()
    after_one_run = [
        operation["resource"]["urn"] for operation in parse(file.path.read_bytes(), file).pending_operations
    ]
    project.declare(thing("a"), thing("b"))
    project.up()

    # As in Pulumi: what a killed creation made, nobody but the user can tell.
    assert after_one_run == [state("b").urn]
    assert parse(file.path.read_bytes(), file).pending_operations == []


def test_line_cut_short_by_the_kill_is_passed_over(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    file, journal = journal_over(project)
    journal.record(state("b"), None)
    journal.record(state("c"), None)
    journal.close()
    text = file.journal_path.read_text()
    file.journal_path.write_text(text[: text.rindex('"id"')])

    recovered = replay(file)

    assert recovered is not None
    assert {"a", "b"} <= {entry.name for entry in recovered.resources}
    assert "c" not in {entry.name for entry in recovered.resources}


@pytest.mark.parametrize("is_first", [True, False])
def test_update_killed_between_its_checkpoint_and_the_end_of_its_journal_is_whole(
    project: ToyProject, is_first: bool
) -> None:
    file = StackFile(project.state_dir, "toys", "local")
    if not is_first:
        project.declare(thing("a"))
        project.up()
    text = file.path.read_bytes() if not is_first else None
    project.declare(thing("a"), thing("b"))
    project.up()
    left = Journal(file, parse(text, file) if text else Snapshot(), text)
    left.record(state("b"), None)
    left.close()

    assert project.preview().changes == {"same": 3}
    assert project.up().ok, project.messages()
    assert not file.journal_path.exists()


def test_journal_over_a_checkpoint_that_the_cli_has_written_since_is_kept_and_told(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    file, journal = journal_over(project)
    journal.record(state("b"), None)
    journal.close()
    document = project.checkpoint()
    document["checkpoint"]["latest"]["manifest"]["version"] = "v3.260.0"
    file.backup_path.write_bytes(file.path.read_bytes())
    file.path.write_text(json.dumps(document))

    assert not project.up().ok
    assert "continues a different checkpoint" in project.messages()
    assert file.journal_path.exists()


@pytest.mark.parametrize("text", [b"\x00\xff\n", b"[]\n", b"3\n{}\n", b'{"seq": 1}\n'])
def test_journal_that_cannot_be_read_is_kept_and_told(project: ToyProject, text: bytes) -> None:
    project.declare(thing("a"))
    project.up()
    file, _ = journal_over(project)
    file.journal_path.parent.mkdir(parents=True, exist_ok=True)
    file.journal_path.write_bytes(text)

    assert not project.preview().ok
    assert str(file.journal_path) in project.messages() and "remove the journal" in project.messages()
    assert file.journal_path.read_bytes() == text


@pytest.mark.parametrize("text", [b"", b'{"base": "ab'])
def test_journal_of_an_update_killed_before_it_began_is_nothing(project: ToyProject, text: bytes) -> None:
    project.declare(thing("a"))
    project.up()
    file, _ = journal_over(project)
    file.journal_path.parent.mkdir(parents=True, exist_ok=True)
    file.journal_path.write_bytes(text)

    assert project.preview().changes == {"same": 2}
    assert not file.journal_path.exists()


def test_journal_that_cannot_be_written_stops_the_update_and_loses_nothing(project: ToyProject) -> None:
    """As on a full disk: what was written stays, a line may be cut, and the next run takes it over."""
    project.declare(*[thing(f"t{number}") for number in range(40)])
    script = (
        "import resource; from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys\n"
        "import signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))\n"
        f"outcome = Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Toys(Path({str(project.toys.world)!r}))}}, lambda event: None, parallel=2).up()\n"
        "print(outcome.ok, *[one['message'] for one in outcome.digest['diagnostics']])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("False ") and done.stderr == ""
    assert "local.jsonl: cannot be written: File too large" in done.stdout
    assert "unexpectedly" not in done.stdout
    made = set(project.toys.things())
    assert 0 < len(made) < 40

    outcome = project.engine(id_of=lambda _type, inputs: f"{inputs['name']}.plain").up()

    assert outcome.ok, project.messages()
    assert sorted(project.toys.effects()) == sorted(f"create t{number}.plain" for number in range(40))


def test_preview_beside_a_running_update_reads_the_checkpoint_and_touches_nothing(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    file, journal = journal_over(project)
    journal.record(state("b"), None)
    file.lock_dir.mkdir(parents=True, exist_ok=True)
    holder = file.lock_dir / "other.json"
    holder.write_text(json.dumps({"pid": 1, "username": "ann", "hostname": "elsewhere", "timestamp": "t"}))
    before = file.path.read_bytes(), file.journal_path.read_bytes()

    planned = project.preview()

    assert planned.ok and planned.changes == {"same": 2}
    assert (file.path.read_bytes(), file.journal_path.read_bytes()) == before
    assert not project.up().ok and "ann@elsewhere" in project.messages()


def test_update_writes_the_checkpoint_once(project: ToyProject) -> None:
    """Of what an update costs: one whole checkpoint at its end, however many resources it makes."""
    project.declare(*[thing(f"t{number}") for number in range(50)])
    project.up()
    backup = project.state_dir / ".pulumi/stacks/toys/local.json.bak"

    assert not backup.exists(), "a second write would have kept the first one as a backup"


def up_killed_after(project: ToyProject, effects: int) -> None:
    """Run `up` in a process that is killed as soon as the world has seen so many effects."""
    script = (
        "import os; from pathlib import Path; from bandplan.embedded.run import Engine; from tests.embedded.toy import Toys\n"
        "class Killed(Toys):\n"
        "    def _log(self, line):\n"
        "        super()._log(line)\n"
        f"        os.kill(os.getpid(), 9) if len(self.effects()) >= {effects} else None\n"
        f"Engine(Path({str(project.folder)!r}), 'local', Path({str(project.state_dir)!r}),"
        f" {{'toy': Killed(Path({str(project.toys.world)!r}))}}, lambda event: None, parallel=3).up()"
    )
    done = subprocess.run([sys.executable, "-c", script], env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.returncode in (0, -signal.SIGKILL)


@pytest.mark.parametrize("effects", range(7, 19, 2))
def test_update_killed_amid_replacements_and_deletions_is_carried_on(project: ToyProject, effects: int) -> None:
    first = [{"name": f"a{n}", "props": {"name": f"fixed-{n}"}} for n in range(2)]
    bound = [{"name": f"b{n}", "props": {"name": f"b{n}", "of": {"from": f"a{n}.id"}}} for n in range(2)]
    project.declare(*first, *bound, thing("c", kind="wood"), thing("gone"))
    project.up()
    for entry in first:
        entry["props"]["name"] += "-new"
    project.declare(*first, *bound, thing("c", kind="tin"), thing("new"))
    up_killed_after(project, effects)

    project.engine().recover()
    held = {
        entry["id"]
        for entry in project.checkpoint()["checkpoint"]["latest"]["resources"]
        if "Thing" in entry["urn"] and not entry.get("pendingReplacement")
    }
    uncertain = project.checkpoint()["checkpoint"]["latest"].get("pending_operations", [])
    lost = set(project.toys.things()) - held
    names = {operation["resource"]["inputs"]["name"] for operation in uncertain if operation["type"] == "creating"}

    assert {thing_id.split(".")[0] for thing_id in lost} <= names, "what is not in the state is named as uncertain"
    for thing_id in lost:
        Path(project.toys.world / f"{thing_id}.json").unlink()
    assert project.up().ok, project.messages()
    assert set(project.toys.things()) == {
        "fixed-0-new.plain",
        "fixed-1-new.plain",
        "b0.plain",
        "b1.plain",
        "c.tin",
        "new.plain",
    }
    assert not project.up().has_changes
