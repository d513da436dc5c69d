"""Damaged state, journal and lock files: the run succeeds or refuses in words, and a refused stack is left as it is."""

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bandplan.embedded.checkpoint import StackFile, parse
from bandplan.embedded.errors import EngineError
from bandplan.embedded.journal import Journal, replay
from bandplan.embedded.lock import hold
from tests.damage import SPOILERS, as_text, damaged_bytes, damaged_documents
from tests.embedded.conftest import ToyProject, box, thing

URN = "urn:pulumi:local::toys::toy:index/thing:Thing::"


@pytest.fixture
def stack(project: ToyProject) -> StackFile:
    """A deployed stack with a component and dependencies."""
    project.declare(box("shelf"), thing("a"), {"name": "b", "props": {"name": "b", "of": {"from": "a.id"}}})
    assert project.up().ok, project.messages()
    return StackFile(project.state_dir, "toys", "local")


def files_of(file: StackFile) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in file.root.rglob("*") if path.is_file()}


def refused(project: ToyProject, file: StackFile) -> str:
    """Preview and update; both have to refuse, in the same words and without touching a file."""
    before, effects = files_of(file), project.toys.effects()
    told = []
    for run in (project.preview, project.up):
        assert not run().ok
        told.append(project.messages().strip())
    assert files_of(file) == before
    assert project.toys.effects() == effects
    assert told[0] == told[1]
    return told[0]


# ---------------------------------------------------------------------- the checkpoint


def entry(document: Any, name: str) -> Any:
    entries = document["checkpoint"]["latest"]["resources"]
    return next(one for one in entries if one["urn"].endswith(f"::{name}"))


def latest(document: Any) -> Any:
    return document["checkpoint"]["latest"]


STATES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "doubled URN": (lambda d: latest(d)["resources"].append(entry(d, "b")), "same urn as resources["),
    "cycle of two": (lambda d: entry(d, "a").update(dependencies=[URN + "b"]), "depend on each other in a cycle"),
    "cycle of one": (lambda d: entry(d, "a").update(deletedWith=URN + "a"), "depend on each other in a cycle"),
    "missing parent": (
        lambda d: entry(d, "a").update(parent=URN + "gone"),
        "depends on a resource that does not exist",
    ),
    "missing dependency": (
        lambda d: entry(d, "a").update(dependencies=[URN + "no"]),
        "depends on a resource that does not",
    ),
    "missing provider": (
        lambda d: entry(d, "a").update(provider="urn:x::y"),
        "depends on a resource that does not exist",
    ),
    "another stack": (lambda d: d["checkpoint"].update(stack="organization/toys/prod"), "is not toys/local"),
    "another project": (lambda d: d["checkpoint"].update(stack="organization/x/local"), "is not toys/local"),
    "urn of another stack": (
        lambda d: entry(d, "b").update(urn=URN.replace("local", "prod") + "b"),
        "urn does not belong to the stack toys/local",
    ),
    "no urn": (lambda d: entry(d, "b").update(urn="b"), "urn must be urn:pulumi:STACK::PROJECT::TYPE::NAME"),
    "empty name": (lambda d: entry(d, "b").update(urn=URN), "urn must be urn:pulumi:"),
    "another type": (lambda d: entry(d, "b").update(type="toy:index/x:X"), "type does not match its urn"),
    "no type": (lambda d: entry(d, "b").pop("type"), "has no type"),
    "custom is a text": (lambda d: entry(d, "b").update(custom="yes"), "custom must be true or false, not a string"),
    "inputs are a list": (lambda d: entry(d, "b").update(inputs=[1]), "inputs must be an object, not a list"),
    "outputs are a text": (lambda d: entry(d, "b").update(outputs="x"), "outputs must be an object, not a string"),
    "id is an object": (lambda d: entry(d, "b").update(id={}), "id must be a string, not an object"),
    "dependencies are a text": (lambda d: entry(d, "b").update(dependencies="a"), "dependencies must be a list of"),
    "dependencies of lists": (lambda d: entry(d, "b").update(dependencies=[[]]), "dependencies must be a list of"),
    "times are texts": (
        lambda d: entry(d, "b").update(customTimeouts={"create": "1h"}),
        "an object of non-negative seconds",
    ),
    "times are no object": (lambda d: entry(d, "b").update(customTimeouts=[1]), "an object of non-negative seconds"),
    "pending text": (lambda d: latest(d).update(pending_operations=["x"]), "pending_operations[0]: must be an obj"),
    "pending nothing": (lambda d: latest(d).update(pending_operations=[{"type": "creating"}]), "pending_operations[0]"),
    "resources are an object": (lambda d: latest(d).update(resources={"a": 1}), "resources: must be a list"),
    "metadata is a list": (lambda d: latest(d).update(metadata=[1]), "metadata: must be an object, not a list"),
    "secrets provider is a text": (lambda d: latest(d).update(secrets_providers="x"), "secrets_providers: must be"),
    "time is a number": (lambda d: latest(d)["manifest"].update(time=5), "manifest.time: must be a string"),
    "latest is a list": (lambda d: d["checkpoint"].update(latest=[1]), "latest: must be an object, not a list"),
    "features are a number": (lambda d: d.update(features=4), "features must be a list of strings"),
    "version is an object": (lambda d: d.update(version={}), "has checkpoint version {}"),
}


@pytest.mark.parametrize("kind", STATES)
def test_state_that_cannot_be_is_refused_by_its_place_and_rule(
    project: ToyProject, stack: StackFile, kind: str
) -> None:
    change, finding = STATES[kind]
    document = json.loads(stack.path.read_bytes())
    change(document)
    stack.path.write_bytes(as_text(document))

    assert finding in refused(project, stack)


def test_all_that_is_wrong_with_a_state_is_said_at_once_and_no_value_of_it(
    project: ToyProject, stack: StackFile
) -> None:
    document = json.loads(stack.path.read_bytes())
    entry(document, "a").update(id={"token": "dapi-secret"}, protect="dapi-secret")
    entry(document, "b").update(inputs="dapi-secret")
    stack.path.write_bytes(as_text(document))

    told = refused(project, stack)

    assert [told.count(key) for key in ("id must be", "protect must be", "inputs must be")] == [1, 1, 1]
    assert "dapi-secret" not in told


def test_resources_out_of_order_are_put_in_order(project: ToyProject, stack: StackFile) -> None:
    document = json.loads(stack.path.read_bytes())
    latest(document)["resources"].reverse()
    stack.path.write_bytes(as_text(document))

    assert set(project.preview().changes) == {"same"}
    assert project.engine().destroy().ok
    assert project.toys.effects()[-2:] == ["delete b.plain", "delete a.plain"]


def test_replaced_resource_may_need_what_needs_its_successor(stack: StackFile) -> None:
    """The program turned a dependency round: the condemned entry is no part of a circle."""
    document = json.loads(stack.path.read_bytes())
    old = {**entry(document, "a"), "delete": True, "id": "old", "dependencies": [URN + "b"]}
    latest(document)["resources"].append(old)

    assert len(parse(as_text(document), stack).resources) == len(latest(document)["resources"])


def test_property_without_dependencies_may_be_null_as_pulumi_writes_it(stack: StackFile) -> None:
    document = json.loads(stack.path.read_bytes())
    entry(document, "b")["propertyDependencies"]["name"] = None

    assert entry_of(parse(as_text(document), stack), "b").property_dependencies["name"] == []


def entry_of(snapshot: Any, name: str) -> Any:
    return next(one for one in snapshot.resources if one.name == name)


@pytest.mark.parametrize("kind", [kind for kind in SPOILERS if kind != "twice"])
def test_spoiled_state_is_refused_and_kept(project: ToyProject, stack: StackFile, kind: str) -> None:
    stack.path.write_bytes(SPOILERS[kind](stack.path.read_bytes()))
    assert str(stack.path) in refused(project, stack)


# ---------------------------------------------------------------------- the journal


def journal_text(file: StackFile) -> bytes:
    """Lines of every kind over the stack's checkpoint, as a killed update leaves them."""
    text = file.path.read_bytes()
    journal = Journal(file, parse(text, file), text)
    base = journal.progress.base
    index, old = base.by_urn()[URN + "a"]
    other, b = base.by_urn()[URN + "b"]
    made = old.changed(urn=URN + "c", id="c.plain", dependencies=[])
    journal.fail(journal.start(made, "creating"))
    journal.record(made, None, journal.start(made.changed(id=""), "creating"))
    journal.record(old.changed(id="a.tin"), index, journal.start(old, "creating"), is_condemned=True)
    journal.mark(other, b.changed(pending_replacement=True), journal.start(b, "deleting"))
    journal.gone(other, journal.start(b, "deleting"))
    journal.outputs(next(state.urn for state in base.resources if state.is_stack), {"n": 1}, changed=True)
    journal.start(made.changed(urn=URN + "d"), "creating")
    journal.close()
    return file.journal_path.read_bytes()


def test_line_that_is_damaged_in_the_middle_of_a_journal_is_refused_and_the_file_kept(
    project: ToyProject, stack: StackFile
) -> None:
    lines = journal_text(stack).split(b"\n")
    assert len(lines) > 10
    for number in range(len(lines) - 1):
        damaged = [*lines[:number], lines[number][:-9], *lines[number + 1 :]]
        stack.journal_path.write_bytes(b"\n".join(damaged))
        told = refused(project, stack)
        assert f"line {number + 1} cannot be trusted" in told and "the journal is kept" in told


@pytest.mark.parametrize("cut", [1, 5, 40])
def test_last_line_without_its_line_feed_is_passed_over(project: ToyProject, stack: StackFile, cut: int) -> None:
    text = journal_text(stack)
    stack.journal_path.write_bytes(text[:-cut])

    recovered = replay(stack)

    assert recovered is not None
    assert {one.id for one in recovered.resources} >= {"c.plain", "a.tin"}
    assert recovered.pending_operations == [], "the start of d was the last line"


LINES: dict[str, tuple[str, str]] = {
    "empty": ("", "is not valid JSON"),
    "a list": ("[]", "must be an object, not a list"),
    "unknown": ('{"seq": 1, "what": 2}', "has an unknown kind"),
    "one key more": ('{"failed": 1, "x": 1}', "has an unknown kind"),
    "index beyond": ('{"gone": 99, "seq": 1}', "a resource that is not in the checkpoint"),
    "index below": ('{"gone": -1, "seq": 1}', "gone must be a non-negative integer"),
    "index is true": ('{"gone": true, "seq": 1}', "gone must be a non-negative integer, not true or false"),
    "index is a text": ('{"gone": "1", "seq": 1}', "gone must be a non-negative integer, not a string"),
    "sequence is a list": ('{"failed": [1]}', "failed must be a non-negative integer, not a list"),
    "resource is a text": ('{"start": "x", "op": "creating", "seq": 1}', "start: must be an object, not a string"),
    "resource of another stack": (
        '{"new": {"urn": "urn:pulumi:prod::toys::t:a:B::x", "type": "t:a:B", "custom": true}, "old": null, "seq": 1}',
        "urn does not belong to the stack toys/local",
    ),
    "outputs are a list": ('{"outputs": "urn", "properties": []}', "properties must be an object, not a list"),
    "gone a second time": ('{"gone": 1, "seq": 7}\n{"gone": 1, "seq": 8}', "an earlier line has replaced or deleted"),
}


@pytest.mark.parametrize("kind", LINES)
def test_line_that_a_journal_cannot_have_is_refused(project: ToyProject, stack: StackFile, kind: str) -> None:
    line, finding = LINES[kind]
    text = journal_text(stack).split(b"\n")
    stack.journal_path.write_bytes(b"\n".join([text[0], line.encode(), *text[1:]]))

    assert finding in refused(project, stack)


def test_journal_that_would_double_a_resource_is_refused(project: ToyProject, stack: StackFile) -> None:
    text = stack.path.read_bytes()
    journal = Journal(stack, parse(text, stack), text)
    journal.record(journal.progress.base.by_urn()[URN + "a"][1], None)
    journal.close()

    assert "leads to an invalid state" in refused(project, stack)


# ---------------------------------------------------------------------- locks

LOCKS: dict[str, Any] = {
    "no pid": {"hostname": socket.gethostname()},
    "pid is a text": {"pid": "7", "hostname": socket.gethostname()},
    "pid is true": {"pid": True, "hostname": socket.gethostname()},
    "pid is zero": {"pid": 0, "hostname": socket.gethostname()},
    "pid is a group": {"pid": -7, "hostname": socket.gethostname()},
    "pid is huge": {"pid": 10**15, "hostname": socket.gethostname()},
    "host is a list": {"pid": os.getpid(), "hostname": []},
    "a list": [],
    "null": None,
}


@pytest.mark.parametrize("kind", [*LOCKS, *(kind for kind in SPOILERS if kind != "twice")])
def test_lock_that_does_not_say_who_holds_it_is_named_and_kept(
    project: ToyProject, stack: StackFile, kind: str
) -> None:
    stack.lock_dir.mkdir(parents=True, exist_ok=True)
    lock = stack.lock_dir / "other.json"
    whole = as_text({"pid": os.getpid(), "hostname": socket.gethostname(), "username": "ann", "timestamp": "t"})
    lock.write_bytes(SPOILERS[kind](whole) if kind in SPOILERS else as_text(LOCKS[kind]))
    before = lock.read_bytes()

    assert not project.up().ok

    assert f"locked by {lock}, which does not name its holder; remove that file" in project.messages()
    assert lock.read_bytes() == before


@pytest.mark.parametrize("field", ["username", "timestamp"])
def test_lock_with_an_odd_name_or_time_still_names_the_process(
    project: ToyProject, stack: StackFile, field: str
) -> None:
    stack.lock_dir.mkdir(parents=True, exist_ok=True)
    content = {"pid": os.getpid(), "hostname": socket.gethostname(), "username": "ann", "timestamp": "t", field: [1]}
    (stack.lock_dir / "other.json").write_bytes(as_text(content))

    assert not project.up().ok
    assert f"(process {os.getpid()})" in project.messages()


def test_user_without_a_name_can_hold_a_lock(stack: StackFile, monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 12345")

    monkeypatch.setattr("getpass.getuser", nameless)
    with hold(stack, "t"):
        (lock,) = stack.lock_dir.glob("*.json")
        assert json.loads(lock.read_text())["username"] == str(os.getuid())


# ---------------------------------------------------------------------- what stands in a file's place


@pytest.mark.parametrize("place", ["path", "journal_path", "lock"])
@pytest.mark.parametrize("what", ["folder", "circle of links"])
def test_what_is_no_file_in_the_place_of_one_is_refused_by_name(
    project: ToyProject, stack: StackFile, place: str, what: str
) -> None:
    path = stack.lock_dir / "other.json" if place == "lock" else getattr(stack, place)
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.mkdir() if what == "folder" else path.symlink_to(path)

    assert not project.up().ok
    assert f"{path}: cannot be read: " in project.messages()


@pytest.mark.parametrize("folder", ["journals", "locks"])
def test_file_in_the_place_of_a_folder_is_refused_by_name(project: ToyProject, stack: StackFile, folder: str) -> None:
    for made in sorted((stack.root / folder).rglob("*"), reverse=True):
        made.rmdir()
    (stack.root / folder).rmdir() if (stack.root / folder).exists() else None
    (stack.root / folder).write_text("")
    project.declare(thing("new"))

    assert not project.up().ok
    assert f"{stack.root / folder}" in project.messages() and ": cannot be " in project.messages()


# ---------------------------------------------------------------------- seeded damage


def test_randomly_damaged_state_is_read_or_refused(stack: StackFile) -> None:
    text = stack.path.read_bytes()
    document = json.loads(text)
    latest(document)["pending_operations"] = [{"type": "deleting", "resource": entry(document, "b")}]
    damaged = [
        *map(as_text, damaged_documents(document, seed=1, count=600)),
        *damaged_bytes(text, seed=2, count=300),
    ]
    accepted = sum(_is_accepted(lambda text=text: parse(text, stack)) for text in damaged)
    assert 30 < accepted < 600, "both sides are tried"


def test_randomly_damaged_journal_is_taken_over_or_refused(stack: StackFile) -> None:
    text = journal_text(stack)
    lines = [json.loads(line) for line in text.splitlines()]
    damaged = [
        *(b"".join(as_text(line) + b"\n" for line in found) for found in damaged_documents(lines, seed=3, count=200)),
        *damaged_bytes(text, seed=4, count=100),
    ]
    accepted = 0
    for damage in damaged:
        stack.journal_path.write_bytes(damage)
        accepted += _is_accepted(lambda: replay(stack))
        assert stack.journal_path.read_bytes() == damage
    assert 10 < accepted < 200, "both sides are tried"


def _is_accepted(read: Callable[[], object]) -> bool:
    try:
        read()
    except EngineError:
        return False
    return True


def test_randomly_damaged_stack_is_run_or_refused(project: ToyProject, stack: StackFile) -> None:
    """Whole runs: what passes the reader is planned, and what does not is left as it is."""
    text = stack.path.read_bytes()
    ends = []
    for damage in map(as_text, damaged_documents(json.loads(text), seed=5, count=40)):
        stack.path.write_bytes(damage)
        outcome = project.preview()
        assert outcome.ok or project.messages().strip()
        assert stack.path.read_bytes() == damage
        ends.append(outcome.ok)
    assert {True, False} == set(ends)
