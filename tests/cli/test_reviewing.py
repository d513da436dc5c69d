"""The moment at which a plan was made decides on the holds of rollouts, when it is applied too."""

from pathlib import Path

from bandplan.cli.reviewing import as_of, commit_of
from bandplan.serving.planning.deployment import rollouts_as_of

VARIABLE = "BANDPLAN_ROLLOUTS_AS_OF"


def test_a_hold_that_passes_after_the_review_does_not_count() -> None:
    """2026-11-22 03:00 UTC is 20,779 days and 3 hours after 1970-01-01: 1,795,316,400 s."""
    environ = as_of("2026-11-22T03:00:00.000Z")
    assert environ == {VARIABLE: "1795316400000"}
    an_hour_later_ms = 1_795_320_000_000
    assert rollouts_as_of(environ, an_hour_later_ms) == 1_795_316_400_000


def test_no_plan_hurries_a_rollout_and_nonsense_means_now() -> None:
    for text in ("1795316400001", "", "soon", "-5", "9" * 30, "²"):
        assert rollouts_as_of({VARIABLE: text}, 1_795_316_400_000) == 1_795_316_400_000
    assert rollouts_as_of({}, 5) == 5


def test_outside_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert commit_of(tmp_path) == ""
