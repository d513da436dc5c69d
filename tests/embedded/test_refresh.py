"""A refresh takes over what the world is, and only that."""

import json

from tests.embedded.conftest import ToyProject, plan_of, thing


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
