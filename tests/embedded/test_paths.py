"""Property paths, as `ignore_changes` and `replace_on_changes` name them."""

from typing import Any

import pytest

from bandplan.embedded.paths import contains, keep_old
from bandplan.wire.property_path import parse
from tests.embedded.conftest import ToyProject, thing


def test_path_holds_what_is_below_it() -> None:
    assert contains(parse("a.b"), parse("a.b[0].c"))
    assert contains(parse("*"), parse("a.b"))
    assert contains(parse("a[*].c"), parse("a[3].c"))
    assert not contains(parse("a.b"), parse("a"))
    assert not contains(parse("a[0]"), parse("a[1]"))


@pytest.mark.parametrize(
    ("path", "old", "new", "kept"),
    [
        ("size", {"size": 1}, {"size": 2}, {"size": 1}),
        ("size", {}, {"size": 2}, {}),
        ("size", {"size": 1}, {}, {"size": 1}),
        ("c.x", {"c": {"x": 1, "y": 1}}, {"c": {"x": 2, "y": 2}}, {"c": {"x": 1, "y": 2}}),
        ("l[0].p", {"l": [{"p": 1}]}, {"l": [{"p": 2, "q": 2}]}, {"l": [{"p": 1, "q": 2}]}),
        ("l[*].p", {"l": [{"p": 1}, {"p": 1}]}, {"l": [{"p": 2}, {"p": 2}]}, {"l": [{"p": 1}, {"p": 1}]}),
        ("*", {"a": 1}, {"a": 2, "b": 2}, {"a": 1}),
        ("l[1]", {"l": [1, 2]}, {"l": [3, 4]}, {"l": [3, 2]}),
        ("l[5]", {"l": [1]}, {"l": [2]}, {"l": [2]}),
    ],
)
def test_old_value_is_kept_at_the_path(path: str, old: dict[str, Any], new: dict[str, Any], kept: Any) -> None:
    before = repr(new)

    assert keep_old(new, old, [path]) == (kept, [])
    assert repr(new) == before, "what the program gave is not changed"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("l[1]", {"l": [1]}, {"l": [1, 2]}),
        ("c.x.y", {"c": {"x": {}}}, {"c": {}}),
        ("l[*]", {"l": [1]}, {"l": [1, 2]}),
        ("c.x", {"c": {"x": 1}}, {"c": 3}),
    ],
)
def test_path_that_cannot_be_kept_is_named(path: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    assert keep_old(new, old, [path])[1] == [path]


def test_change_below_an_ignored_path_is_not_made(project: ToyProject) -> None:
    options = {"ignore_changes": ["config.x"]}
    project.declare({**thing("a", config={"x": 1, "y": 1}), "options": options})
    project.up()
    project.declare({**thing("a", config={"x": 2, "y": 2}), "options": options})

    assert project.up().changes == {"update": 1, "same": 1}
    assert project.toys.things()["a.plain"]["config"] == {"x": 1, "y": 2}


def test_resource_that_is_not_ready_is_replaced_when_the_program_asks_for_it(project: ToyProject) -> None:
    fleet = {**thing("a", trouble="init"), "options": {"replace_on_changes": ["#initerror"]}}
    project.declare(fleet)
    project.up()
    project.declare(fleet)

    step = next(step for step in project.preview().digest["steps"] if step["op"] == "replace")

    assert step["replaceReasons"] == ["#initerror"]
    assert step["detailedDiff"] == {"#initerror": {"kind": "update-replace", "inputDiff": False}}
