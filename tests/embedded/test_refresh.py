"""A refresh takes over what the world is, and only that."""

import json

from tests.embedded.conftest import ToyProject, box, plan_of, thing


def test_resource_changed_by_hand_is_taken_over_and_the_next_up_puts_it_back(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9}))

    outcome = project.engine().refresh()

    assert outcome.changes == {"update": 1, "same": 1}
    assert project.resources()["a"]["outputs"]["size"] == 9
    assert plan_of(project.preview().digest) == {"a": "update"}


def test_resource_deleted_by_hand_leaves_the_state_and_is_made_again(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b", of={"from": "a.made"}))
    project.up()
    (project.toys.world / "a.plain.json").unlink()

    outcome = project.engine().refresh()

    assert outcome.changes["delete"] == 1
    assert "a" not in project.resources()
    assert "dependencies" not in project.resources()["b"]
    assert project.up().changes["create"] == 1


def test_refresh_before_preview_writes_nothing(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    before = project.checkpoint()
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9}))

    outcome = project.engine().preview(refresh=True)

    assert plan_of(outcome.digest) == {"a": "update"}
    assert project.checkpoint() == before


def changed_by_hand(project: ToyProject, thing_id: str, **changes: object) -> None:
    file = project.toys.world / f"{thing_id}.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), **changes}))


def test_refresh_tells_a_change_as_the_world_made_it(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    changed_by_hand(project, "a.plain", text="new")

    digest = project.engine().refresh(is_preview=True).digest

    step = next(step for step in digest["steps"] if step["op"] == "update")
    # The provider would take `text` away again; the world has added it.
    assert step["detailedDiff"] == {"text": {"kind": "add", "inputDiff": True}}
    assert step["newState"]["outputs"]["text"] == "new"
    assert digest["changeSummary"] == {"same": 1, "update": 1}


def test_change_that_no_update_would_undo_is_taken_over_as_same(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    changed_by_hand(project, "a.plain", made=7)

    assert project.engine().refresh().changes == {"same": 2}
    assert project.resources()["a"]["outputs"]["made"] == 7


def test_preview_with_refresh_tells_each_reading_and_then_the_plan(project: ToyProject) -> None:
    project.declare(thing("a", size=1), thing("b"))
    project.up()
    changed_by_hand(project, "a.plain", size=9)

    digest = project.engine().preview(refresh=True).digest

    told = [(step["op"], step["urn"].rsplit("::", 1)[-1]) for step in digest["steps"]]
    assert sorted(told[:3]) == [("refresh", "a"), ("refresh", "b"), ("refresh", "toys-local")]
    assert sorted(told[3:]) == [("same", "toys-local"), ("update", "a")]
    assert digest["changeSummary"] == {"same": 2, "update": 1}


def test_child_of_what_is_gone_belongs_to_the_grandparent(project: ToyProject) -> None:
    project.declare(box("box"), {**thing("a"), "parent": "box"}, {**thing("b"), "parent": "a"})
    project.up()
    (project.toys.world / "a.plain.json").unlink()

    project.engine().refresh()

    assert project.resources()["b"]["parent"] == project.resources()["box"]["urn"]


def test_sick_resource_is_kept_with_its_reasons_and_updated_next_time(project: ToyProject) -> None:
    project.declare(thing("a", trouble="sick"))
    project.up()

    assert project.engine().refresh().ok
    assert project.resources()["a"]["initErrors"] == ["it has a fever"]
    assert plan_of(project.preview().digest) == {"a": "update"}


def test_what_cannot_be_read_fails_the_refresh_but_the_rest_is_taken_over(project: ToyProject) -> None:
    project.declare(thing("a", trouble="read"), thing("b", size=1))
    project.up()
    changed_by_hand(project, "b.plain", size=9)

    assert not project.engine().refresh().ok
    assert "it hides" in project.messages()
    assert project.resources()["b"]["outputs"]["size"] == 9
    assert project.resources()["a"]["outputs"]["trouble"] == "read"
