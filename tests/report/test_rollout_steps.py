"""What the report says of rollouts in steps, and of capacity of which less is accepted."""

from typing import Any

from bandplan.report.endpoint_side import StepOfRollout
from bandplan.report.line import endpoint_lines
from tests.report.previews import CHUNK, changed, document, entity, inputs, report_on

STEP = {"step": 1, "steps": 3, "percent": 10, "version": "2", "fromModel": "m.a.chat", "fromVersion": "1"}
OLD = {"servedName": "chat-1", "version": "1"}
NEW = {"servedName": "chat-2", "version": "2"}


def texts(before: dict[str, Any], after: dict[str, Any]) -> tuple[Any, list[str]]:
    report = report_on(document(*changed(before=before, after=after)))
    (change,) = report.endpoints
    return change, ["".join(run.text for run in line.runs) for line in endpoint_lines(change, report)]


def test_step_says_its_number_and_that_old_and_new_run_at_once() -> None:
    before = inputs("chat", entity(2, 4, **OLD))
    after = inputs(
        "chat",
        entity(2, 4, **OLD, trafficPercent=90),
        entity(2, 4, **NEW, trafficPercent=10),
        rollout=STEP,
        floorTokensPerSecond=2 * CHUNK,
        ceilingTokensPerSecond=4 * CHUNK,
    )
    change, lines = texts(before, after)
    assert change.after.step_of_rollout == StepOfRollout(1, 3, 10, "2", "1")
    assert change.rollout.kind == "in_place"
    assert change.rollout.consequence == "old + new at the same time: 1,960 + 1,960 tokens/s (floors)"  # 2 x 980 each
    assert (
        "rollout step 1 of 3: v2 has 10% of the traffic, v1 has the rest; both keep their capacity until the last step"
        in lines
    )
    assert any(line.startswith("traffic ") for line in lines)
    assert change.after.bands == (2, 4)  # those of the version that stays


def test_later_step_moves_traffic_and_needs_no_new_capacity() -> None:
    sides = [
        inputs(
            "chat",
            entity(2, 4, **OLD, trafficPercent=100 - percent),
            entity(2, 4, **NEW, trafficPercent=percent),
            rollout={**STEP, "step": step, "percent": percent},
        )
        for step, percent in ((1, 10), (2, 50))
    ]
    change, lines = texts(*sides)
    assert change.rollout.kind == "same_capacity"
    assert any(line.startswith("rollout step 2 of 3: v2 has 50%") for line in lines)


def test_last_step_is_told_as_a_version_that_is_not_served_any_more() -> None:
    before = inputs(
        "chat", entity(2, 4, **OLD, trafficPercent=50), entity(2, 4, **NEW, trafficPercent=50), rollout=STEP
    )
    change, lines = texts(before, inputs("chat", entity(2, 4, **NEW)))
    assert change.rollout.kind == "same_capacity"
    assert "rollout ends: v2 has all traffic" in lines
    assert any("no longer served" in line for line in lines)


def test_accepted_capacity_stands_below_what_is_wanted() -> None:
    before = inputs("chat", entity(2, 3))
    after = inputs("chat", entity(2, 4), acceptedCeilingTokensPerSecond=3 * CHUNK)
    _, lines = texts(before, after)
    assert "accepted no less → up to 2,940 tokens/s, while there is no GPU capacity for more" in lines
    _, lines = texts(before, inputs("chat", entity(2, 4)))
    assert not any(line.startswith("accepted") for line in lines)
