"""An update that is held to a preview does the steps of that preview, and none besides."""

from bandplan.cli.engines.permission import permission
from tests.embedded.conftest import ToyProject, thing


def test_what_was_previewed_is_carried_out_with_what_was_unknown_filled_in(project: ToyProject) -> None:
    project.declare(thing("gone"), thing("wood", kind="wood"))
    project.up()
    project.declare(thing("wood", kind="iron"), thing("a"), thing("b", of={"from": "a.made"}))
    previewed = project.preview().digest

    outcome = project.engine().up(permit=permission(previewed))

    assert outcome.ok, project.messages()
    assert set(project.resources()) >= {"wood", "a", "b"}
    assert "gone" not in project.resources()


def test_a_step_that_was_not_previewed_fails_and_nothing_more_is_begun(project: ToyProject) -> None:
    project.declare(thing("a", size=1), thing("kept"))
    project.up()
    project.declare(thing("a", size=2), thing("kept"))
    previewed = project.preview().digest
    before = project.toys.effects()

    for other, told in (
        ((thing("a", size=3), thing("kept")), "a: its inputs differ from the preview"),
        ((thing("a", size=1), thing("kept"), thing("new")), "new: create was not previewed"),
        ((thing("a", size=1),), "kept: delete was not previewed"),
    ):
        project.declare(*other)
        assert not project.engine().up(permit=permission(previewed)).ok
        assert told in project.messages()
    assert project.toys.effects() == before


def test_a_step_that_is_needless_by_now_is_left_out(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare(thing("a", size=2))
    previewed = project.preview().digest
    project.up()

    outcome = project.engine().up(permit=permission(previewed))

    assert outcome.ok
    assert not outcome.has_changes
