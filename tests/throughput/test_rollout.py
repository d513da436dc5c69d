"""Which step of a rollout comes next."""

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.serving.spec.rollout import Rollout
from bandplan.serving.throughput.rollout import (
    Measured,
    Running,
    RunningEntity,
    Share,
    Stage,
    Target,
    is_target,
    stage,
)
from tests.unhurried import UNHURRIED

NOON = int(datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp() * 1000)
NEW = Target("m.a.chat", "2")
MINUTE = 60_000


def rollout(*steps: int, hold_minutes: int = 30, **stop_if: float) -> Rollout:
    stated = {"stop_if": stop_if} if stop_if else {}
    return Rollout.model_validate({"steps": steps or (10, 50, 100), "hold_minutes": hold_minutes, **stated})


def serving(version: str, percent: int, **changes: Any) -> RunningEntity:
    return RunningEntity(f"chat-{version}", "m.a.chat", version, percent, **changes)


def running(*shares: tuple[str, int], **changes: Any) -> Running:
    """Entities by version and share, in the order of the routes; last changed an hour before noon."""
    entities = tuple(serving(version, percent) for version, percent in shares)
    return Running(**{"entities": entities, "changed_ms": NOON - 60 * MINUTE, **changes})


def shares(planned: Stage) -> list[tuple[str, int]]:
    return [
        (share.running.version if share.running else planned.target.version, share.traffic_percent)
        for share in planned.shares
    ]


def test_first_creation_goes_straight_to_100() -> None:
    planned = stage(None, NEW, rollout(), NOON)
    assert (planned.action, shares(planned)) == ("create", [("2", 100)])


def test_version_that_serves_alone_has_nothing_to_roll_out() -> None:
    planned = stage(running(("2", 100)), NEW, rollout(), NOON)
    assert (planned.action, shares(planned)) == ("done", [("2", 100)])


@pytest.mark.parametrize(
    ("now", "step", "planned_shares"),
    [
        ([("1", 100)], 1, [("1", 90), ("2", 10)]),
        ([("1", 90), ("2", 10)], 2, [("1", 50), ("2", 50)]),
        ([("1", 50), ("2", 50)], 3, [("2", 100)]),
        ([("1", 70), ("2", 30)], 2, [("1", 50), ("2", 50)]),  # a share between two steps: the next one above it
    ],
)
def test_each_deploy_goes_one_step(
    now: list[tuple[str, int]], step: int, planned_shares: list[tuple[str, int]]
) -> None:
    planned = stage(running(*now), NEW, rollout(), NOON)
    assert (planned.action, planned.step, planned.steps, shares(planned)) == ("step", step, 3, planned_shares)


def test_first_step_of_0_percent_deploys_the_version_without_traffic() -> None:
    first = stage(running(("1", 100)), NEW, rollout(0, 100), NOON)
    assert shares(first) == [("1", 100), ("2", 0)]
    assert shares(stage(running(("1", 100), ("2", 0)), NEW, rollout(0, 100), NOON)) == [("2", 100)]


def test_first_step_is_not_held_back_however_lately_the_endpoint_changed() -> None:
    assert stage(running(("1", 100), changed_ms=NOON), NEW, rollout(), NOON).action == "step"


def test_step_is_held_until_its_minutes_are_over() -> None:
    now = running(("1", 90), ("2", 10), changed_ms=NOON)
    held = stage(now, NEW, rollout(hold_minutes=30), NOON + 30 * MINUTE - 1)
    assert (held.action, shares(held), held.step) == ("hold", [("1", 90), ("2", 10)], 1)
    assert held.reason == "the next step is due at 2026-11-22 12:30 UTC (hold_minutes: 30)"
    assert stage(now, NEW, rollout(hold_minutes=30), NOON + 30 * MINUTE).action == "step"


def test_without_a_hold_no_clock_is_asked() -> None:
    now = running(("1", 90), ("2", 10), changed_ms=NOON + MINUTE)  # the platform's clock is ahead
    assert stage(now, NEW, rollout(hold_minutes=0), NOON).action == "step"


def test_update_under_way_is_waited_for() -> None:
    planned = stage(running(("1", 90), ("2", 10), is_updating=True), NEW, rollout(), NOON)
    assert (planned.action, shares(planned)) == ("wait", [("1", 90), ("2", 10)])


@pytest.mark.parametrize(
    ("measured", "limits", "action"),
    [
        (Measured(1000, 20), {"error_rate": 0.02}, "step"),  # 0.02 is not over 0.02
        (Measured(1000, 21), {"error_rate": 0.02}, "stop"),
        (Measured(0, 0), {"error_rate": 0.02}, "unmeasured"),
        (None, {"error_rate": 0.02}, "unmeasured"),
        (Measured(1000, 0, ttft_seconds=2.0), {"ttft_seconds": 2.0}, "step"),
        (Measured(1000, 0, ttft_seconds=2.1), {"ttft_seconds": 2.0}, "stop"),
        (Measured(1000, 0), {"ttft_seconds": 2.0}, "unmeasured"),
        (Measured(1000, 0), {"error_rate": 0.02, "ttft_seconds": 2.0}, "unmeasured"),
        (Measured(1000, 900), {"error_rate": 0.02, "ttft_seconds": 2.0}, "stop"),
        (Measured(1000, 900), {}, "step"),
    ],
)
def test_stop_if_lets_on_only_what_was_measured_and_is_within(
    measured: Measured | None, limits: dict[str, float], action: str
) -> None:
    planned = stage(running(("1", 90), ("2", 10)), NEW, rollout(**limits), NOON, measured)
    assert planned.action == action
    assert (shares(planned) == [("1", 90), ("2", 10)]) == (action != "step")


def test_stop_comes_before_the_end_of_the_hold_and_has_the_figures() -> None:
    now = running(("1", 90), ("2", 10), changed_ms=NOON)
    measured = Measured(240, 12, origin="metrics export, last minute")
    planned = stage(now, NEW, rollout(error_rate=0.02), NOON, measured)
    assert planned.reason == "error_rate 0.05 is over 0.02 (12 of 240 requests, metrics export, last minute)"


def test_measurement_of_an_earlier_step_is_none() -> None:
    now = running(("1", 90), ("2", 10))
    old = Measured(1000, 900, measured_ms=now.changed_ms - 1)
    assert stage(now, NEW, rollout(error_rate=0.02), NOON, old).action == "unmeasured"


def test_version_without_traffic_yet_is_not_asked_for_its_errors() -> None:
    assert stage(running(("1", 100), ("2", 0)), NEW, rollout(0, 50, 100, error_rate=0.02), NOON).action == "step"


def test_models_yaml_that_was_put_back_has_all_traffic_at_once() -> None:
    now = running(("1", 50), ("2", 50), changed_ms=NOON)
    planned = stage(now, Target("m.a.chat", "1"), rollout(error_rate=0.02), NOON)
    assert (planned.action, shares(planned)) == ("back", [("1", 100)])
    assert planned.leaving is not None and planned.leaving.version == "2"


def test_at_once_takes_no_steps() -> None:
    planned = stage(running(("2", 100)), Target("m.a.chat", "1"), rollout(), NOON, at_once=True)
    assert (planned.action, shares(planned)) == ("back", [("1", 100)])


def test_another_version_in_the_middle_begins_anew_beside_the_one_with_most_traffic() -> None:
    planned = stage(running(("1", 50), ("2", 50)), Target("m.a.chat", "3"), rollout(), NOON)
    assert shares(planned) == [("1", 90), ("3", 10)]  # a tie goes to the one that was there first


def test_old_version_that_was_left_without_traffic_goes() -> None:
    assert shares(stage(running(("1", 0), ("2", 100)), NEW, rollout(), NOON)) == [("2", 100)]


def test_failed_try_is_planned_again_and_says_so() -> None:
    planned = stage(running(("1", 100), failure="no GPU"), NEW, rollout(), NOON)
    assert (planned.action, planned.step, planned.reason) == ("step", 1, "no GPU")


# ------------------------------------------------------------------------------------------------ properties

percents = st.lists(st.integers(0, 99), unique=True, max_size=5).map(lambda found: (*sorted(found), 100))
limits = st.sampled_from([{}, {"error_rate": 0.1}, {"ttft_seconds": 1.0}, {"error_rate": 0.1, "ttft_seconds": 1.0}])
measurements = st.none() | st.builds(
    lambda requests, errors, ttft: Measured(requests, min(errors, requests), ttft),
    st.integers(0, 100),
    st.integers(0, 100),
    st.none() | st.floats(0, 3),
)


@st.composite
def endpoints(draw: st.DrawFn) -> Running:
    versions = draw(st.lists(st.sampled_from(["1", "2", "3"]), unique=True, min_size=1, max_size=3))
    left, entities = 100, []
    for version in versions[:-1]:
        percent = draw(st.integers(0, left))
        left -= percent
        entities.append(serving(version, percent))
    entities.append(serving(versions[-1], left))
    return Running(
        tuple(entities), draw(st.integers(0, 2 * NOON)), draw(st.booleans()), draw(st.sampled_from(["", "x"]))
    )


@UNHURRIED
@given(endpoints(), percents, st.integers(0, 60), limits, measurements, st.booleans())
def test_plan_is_sound_whatever_runs(
    now: Running, steps: tuple[int, ...], hold: int, stop_if: dict[str, float], measured: Measured | None, at_once: bool
) -> None:
    wanted = rollout(*steps, hold_minutes=hold, **stop_if)
    planned = stage(now, NEW, wanted, NOON, measured, at_once=at_once)
    assert sum(share.traffic_percent for share in planned.shares) == 100
    assert planned == stage(now, NEW, wanted, NOON, measured, at_once=at_once)  # the preview is the plan
    before = sum(entity.traffic_percent for entity in now.entities if entity.version == "2")
    assert planned.from_percent == before
    if planned.action in ("hold", "stop", "unmeasured", "wait"):
        assert shares(planned) == [(entity.version, entity.traffic_percent) for entity in now.entities]
    if planned.action == "step":
        assert planned.to_percent >= before  # never backwards
        between = [step for step in steps if before < step < planned.to_percent]
        assert not between  # never more than one step
    assert all(share.running is not None or is_target(share, NEW) for share in planned.shares)


@UNHURRIED
@given(endpoints(), percents, st.integers(0, 60))
def test_rollout_ends_at_the_wanted_version_alone(now: Running, steps: tuple[int, ...], hold: int) -> None:
    now = replace(now, is_updating=False, failure="")
    wanted, clock_ms = rollout(*steps, hold_minutes=hold), 2 * NOON
    for _ in range(len(steps) + 2):
        clock_ms += hold * MINUTE
        planned = stage(now, NEW, wanted, clock_ms)
        now = Running(tuple(_after(share) for share in planned.shares), clock_ms)
    assert [(entity.version, entity.traffic_percent) for entity in now.entities] == [("2", 100)]
    assert stage(now, NEW, wanted, clock_ms).action == "done"


def _after(share: Share) -> RunningEntity:
    entity = share.running or serving("2", 0)
    return replace(entity, traffic_percent=share.traffic_percent)
