"""A run that did not finish leaves nothing in the state that never was: components above it say what they said before."""

from typing import Any

import pytest

from bandplan.embedded.checkpoint import StackFile, parse
from bandplan.embedded.journal import Journal
from bandplan.embedded.resource import ResourceState
from tests.embedded.conftest import ToyProject, box, thing


def fleet(project: ToyProject, *members: dict[str, Any], size: int = 1) -> None:
    """A box in a box, with things in it; the stack's output has the size."""
    project.declare(
        box("outer", size=size),
        {**box("inner", size=size), "parent": "outer"},
        {**box("other", size=size), "parent": "outer"},
        *members,
        {"name": "outputs", "props": {"size": size}},
    )


def member(name: str, parent: str = "inner", **props: Any) -> dict[str, Any]:
    return {**thing(name, **props), "parent": parent}


def sizes(project: ToyProject) -> dict[str, Any]:
    found = {name: entry.get("inputs", {}).get("size") for name, entry in project.resources().items()}
    (stack,) = [entry for entry in project.resources().values() if entry["type"] == "pulumi:pulumi:Stack"]
    return {name: found[name] for name in ("outer", "inner", "other")} | {"stack": stack["outputs"]["size"]}


@pytest.mark.parametrize("trouble", ["update", "unready"])
def test_components_above_a_failed_update_say_what_they_said_before(project: ToyProject, trouble: str) -> None:
    fleet(project, member("a", size=1), member("b", "other", size=1))
    assert project.up().ok
    fleet(project, member("b", "other", size=2), {**member("a", size=2, trouble=trouble), "after": ["b"]}, size=2)

    assert not project.up().ok

    assert sizes(project) == {"outer": 1, "inner": 1, "other": 2, "stack": 1}
    assert project.resources()["b"]["inputs"]["size"] == 2
    fleet(project, member("a", size=2), member("b", "other", size=2), size=2)
    assert project.up().ok
    assert set(sizes(project).values()) == {2}


def test_component_whose_children_were_never_reached_says_what_it_said_before(project: ToyProject) -> None:
    fleet(project, member("a", size=1), member("b", "other", size=1))
    project.up()
    fleet(project, member("b", "other", size=2, trouble="update"), {**member("a", size=2), "after": ["b"]}, size=2)

    assert not project.up().ok

    assert set(sizes(project).values()) == {1}


def test_component_with_a_child_that_was_changed_says_so_though_another_was_not_reached(project: ToyProject) -> None:
    fleet(project, member("a", size=1), member("a2", size=1), member("b", "other", size=1))
    project.up()
    fleet(
        project,
        member("a", size=2),
        {**member("b", "other", size=2, trouble="update"), "after": ["a"]},
        {**member("a2", size=2), "after": ["b"]},
        size=2,
    )

    assert not project.up().ok

    assert sizes(project) == {"outer": 1, "inner": 2, "other": 1, "stack": 1}


def test_new_component_stays_as_its_children_need_it(project: ToyProject) -> None:
    fleet(project, member("a", size=1, trouble="init"))

    assert not project.up().ok

    assert {"outer", "inner", "a"} <= set(project.resources())


def test_components_above_what_a_killed_run_was_changing_say_what_they_said_before(project: ToyProject) -> None:
    fleet(project, member("a", size=1))
    project.up()
    file = StackFile(project.state_dir, "toys", "local")
    text = file.path.read_bytes()
    base = parse(text, file)
    journal = Journal(file, base, text)
    entries: dict[str, tuple[int, ResourceState]] = {
        state.name: (index, state) for index, state in enumerate(base.resources)
    }
    for name in ("outer", "inner"):
        index, state = entries[name]
        journal.record(state.changed(inputs={"size": 2}), index)
    _, thing_state = entries["a"]
    journal.start(thing_state.changed(inputs={**thing_state.inputs, "size": 2}), "updating")
    journal.close()

    project.engine().recover()

    assert set(sizes(project).values()) == {1}
