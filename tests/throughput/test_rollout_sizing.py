"""Sizings at the stage of their rollout, and what a preview says about it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.rollout import Measured, Running, RunningEntity
from bandplan.serving.throughput.rollout_sizing import staged, target_of
from bandplan.serving.throughput.rollout_wording import described
from bandplan.serving.throughput.sizing import EndpointSizing

from .conftest import UNITS, Size, entry, only

ROLLOUT = "rollout: {steps: [10, 50, 100]}"
SOURCE = Source("models.yaml")
OLD = RunningEntity("model-1", "ml.own.model", "1", 100, 980, 2940)

Wanted = Callable[..., EndpointSizing]


@pytest.fixture
def wanted(sized: Size) -> Wanted:
    """The sizing of version 2, from 2 to 3 chunks of 980."""

    def run(
        model: str = 'model: ml.own.model, version: "2"', throughput: str = "", answer: Any = None
    ) -> EndpointSizing:
        entries = entry(*([throughput] if throughput else []), model=model, more=ROLLOUT)
        return only(sized(entries, *([answer] if answer else [])))

    return run


def next_stage(sizing: EndpointSizing, *running: RunningEntity, **more: Any) -> EndpointSizing:
    now, problem = staged(sizing, Running(running), 0, SOURCE, **more)
    assert problem is None
    return now


def told(sizing: EndpointSizing) -> str | None:
    assert sizing.rollout is not None
    return described("chat", sizing.rollout)


def test_old_version_stays_just_as_it_runs_beside_the_wanted_one(wanted: Wanted) -> None:
    old, new = next_stage(wanted(), OLD).entities
    assert (old.served_name, old.version, old.traffic_percent) == ("model-1", "1", 90)
    assert (old.min_provisioned_throughput, old.max_provisioned_throughput) == (980, 2940)
    assert (new.served_name, new.version, new.traffic_percent) == ("model-2", "2", 10)
    assert (new.min_provisioned_throughput, new.max_provisioned_throughput) == (1960, 2940)  # 2 and 3 x 980


def test_capacity_of_the_endpoint_stays_what_models_yaml_says(wanted: Wanted) -> None:
    sizing = wanted()
    now = next_stage(sizing, OLD)
    assert now.floor_tokens_per_second == sizing.floor_tokens_per_second == 1960
    assert now.ceiling_tokens_per_second == sizing.ceiling_tokens_per_second == 2940


def test_last_step_leaves_the_wanted_version_alone(wanted: Wanted) -> None:
    new = replace(OLD, served_name="model-2", version="2", traffic_percent=50)
    (alone,) = next_stage(wanted(), replace(OLD, traffic_percent=50), new).entities
    assert (alone.version, alone.traffic_percent) == ("2", 100)


def test_version_that_runs_keeps_the_name_it_has(wanted: Wanted) -> None:
    (alone,) = next_stage(wanted(), replace(OLD, served_name="champion", version="2")).entities
    assert alone.served_name == "champion"


def test_new_version_never_takes_the_name_of_the_old_one(wanted: Wanted) -> None:
    old, new = next_stage(wanted(), replace(OLD, served_name="model-2")).entities
    assert (old.served_name, new.served_name) == ("model-2", "model-2-2")


def test_followed_alias_gives_names_by_number(wanted: Wanted) -> None:
    sizing = wanted()
    followed = replace(sizing, entities=(replace(sizing.entities[0], served_name="model-champion", alias="champion"),))
    old, new = next_stage(followed, replace(OLD, served_name="model-champion")).entities
    assert (old.served_name, new.served_name, new.alias) == ("model-champion", "model-2", "champion")


def test_model_units_and_burst_are_carried_on(wanted: Wanted) -> None:
    sizing = wanted(throughput="throughput: {model_units: 50, burst: true}", answer=UNITS)
    old, new = next_stage(sizing, RunningEntity("model-1", "ml.own.model", "1", 100, model_units=30)).entities
    assert (old.model_units, old.burst, new.model_units, new.burst) == (30, True, 50, True)


@pytest.mark.parametrize(
    ("old", "kind"),
    [
        (RunningEntity("model-1", "ml.own.model", "1", 100, model_units=50), "model_units"),
        (RunningEntity("model-1", "ml.own.model", "1", 100, is_legacy=True), "workload"),
    ],
)
def test_rollout_between_kinds_of_capacity_is_refused(wanted: Wanted, old: RunningEntity, kind: str) -> None:
    sizing, problem = staged(wanted(), Running((old,)), 0, SOURCE)
    assert isinstance(problem, Problem) and problem.id == "rollout-mixed"
    assert kind in problem.finding
    assert sizing == wanted()


def test_entry_without_rollout_has_no_target(sized: Size) -> None:
    assert target_of(only(sized(entry()))) is None


def test_measurement_is_looked_up_by_the_name_that_the_wanted_version_has(wanted: Wanted) -> None:
    new = replace(OLD, served_name="champion", version="2", traffic_percent=10)
    sizing = wanted()
    rollout = sizing.entry.rollout
    assert rollout is not None
    limited = rollout.model_copy(
        update={"stop_if": type(rollout).model_validate({"steps": [10, 100], "stop_if": {"error_rate": 0.1}}).stop_if}
    )
    sizing = replace(sizing, entry=sizing.entry.model_copy(update={"rollout": limited}))
    measured = {"champion": Measured(100, 90), "model-2": Measured(100, 0)}
    stopped = next_stage(sizing, replace(OLD, traffic_percent=90), new, measured=measured)
    assert stopped.rollout is not None and stopped.rollout.action == "stop"
    assert "next: `bandplan rollback chat`" in (told(stopped) or "")


@pytest.mark.parametrize(
    ("shares", "line"),
    [
        ([("1", 100)], "models/chat/rollout: step 1 of 3: version 2 from 0 to 10 percent, version 1 keeps the rest"),
        (
            [("1", 90), ("2", 10)],
            "models/chat/rollout: step 2 of 3: version 2 from 10 to 50 percent, version 1 keeps the rest",
        ),
        ([("1", 50), ("2", 50)], "models/chat/rollout: step 3 of 3: version 2 from 50 to 100 percent, version 1 goes"),
        (
            [("2", 50), ("3", 50)],
            "models/chat/rollout: back to version 2 immediately, from 50 to 100 percent; version 3 is removed",
        ),
        ([("2", 100)], None),
    ],
)
def test_preview_says_which_step_comes(wanted: Wanted, shares: list[tuple[str, int]], line: str | None) -> None:
    running = [
        replace(OLD, served_name=f"model-{version}", version=version, traffic_percent=percent)
        for version, percent in shares
    ]
    assert told(next_stage(wanted(), *running)) == line


def test_rollout_from_one_model_to_another_names_both(wanted: Wanted) -> None:
    line = told(next_stage(wanted(), replace(OLD, model="ml.own.before")))
    assert line is not None and "ml.own.model version 2" in line and "ml.own.before version 1 keeps" in line
