"""Less than wanted is accepted while the platform has no GPU capacity (S18), and for no other reason."""

from typing import Any

import pytest

from bandplan.plugin.errors import ProviderError
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.readiness import EntityFailure, Failed
from bandplan.serving.endpoint.shortfall import is_for_lack_of_capacity, shortfalls
from tests.endpoint.builders import declaration, live, live_config, live_served, served
from tests.provider.workbench import Workbench

WANTED = [served(maxProvisionedThroughput=3920)]
ACCEPTED = {"servedEntities": [served()]}  # 2940
MAXIMUM = "declared.servedEntities[0].maxProvisionedThroughput"
NO_CAPACITY = "Not enough GPU capacity in this region to deploy the served entity."


def inputs(bench: Workbench, **changes: Any) -> dict[str, Any]:
    return bench.inputs(**{"declared": declaration(servedEntities=WANTED), "accepted": ACCEPTED, **changes})


def maximum(bench: Workbench) -> int:
    config = bench.live().config
    assert config is not None
    return int(config.entities[0].settings["max_provisioned_throughput"])


def test_s18_wanted_capacity_is_sent_and_leaves_no_diff(bench: Workbench) -> None:
    bench.make_endpoint()
    outputs = bench.create(inputs(bench))
    assert maximum(bench) == 3920
    assert outputs["shortfall"] == []
    assert bench.diff({**inputs(bench), **outputs}, inputs(bench)).changes is False


def test_s18_without_gpu_capacity_the_accepted_one_is_kept_and_shown_and_tried_again(bench: Workbench) -> None:
    bench.make_endpoint()
    bench.fail_next_update(NO_CAPACITY)

    outputs = bench.create(inputs(bench))

    assert maximum(bench) == 2940
    assert outputs["ready"] is True
    assert outputs["shortfall"] == [
        {"servedName": "llama-1", "unit": "tokens/s", "wanted": 3920, "accepted": 2940, "runs": 2940}
    ]
    (warning,) = bench.warnings
    assert "llama-1 runs 2,940 of 3,920 tokens/s wanted (2,940 accepted)" in warning and NO_CAPACITY in warning

    state = {**inputs(bench), **outputs}
    found = bench.diff(state, inputs(bench))
    assert set(found.detailed_diff) == {MAXIMUM}
    assert len(bench.warnings) == 1  # the same words, which one process says once

    assert bench.update(state, inputs(bench))["shortfall"] == []  # there is capacity now
    assert maximum(bench) == 3920


def test_more_that_is_wanted_only_now_is_not_called_a_shortage(bench: Workbench) -> None:
    bench.make_endpoint()
    state = {**inputs(bench), **bench.create(inputs(bench))}
    more = inputs(bench, declared=declaration(servedEntities=[served(maxProvisionedThroughput=4900)]))
    assert set(bench.diff(state, more).detailed_diff) == {MAXIMUM}
    assert bench.warnings == []


def test_refresh_keeps_the_wish_for_more(bench: Workbench) -> None:
    bench.make_endpoint()
    bench.fail_next_update(NO_CAPACITY)
    outputs = bench.create(inputs(bench))
    refreshed = bench.refresh({**inputs(bench), **outputs})
    assert refreshed["shortfall"] == outputs["shortfall"] and refreshed["ready"] is True
    assert MAXIMUM in bench.diff(refreshed, inputs(bench)).detailed_diff


def test_another_failure_stays_an_error(bench: Workbench) -> None:
    bench.make_endpoint()
    bench.fail_next_update("CUDA error in the container")
    with pytest.raises(ProviderError, match="CUDA error in the container"):
        bench.create(inputs(bench))


def test_accepted_capacity_is_sent_where_what_runs_is_something_else(bench: Workbench) -> None:
    """A version bump that finds no room for what is wanted goes on with what is accepted, of the new version."""
    bench.make_endpoint()
    bench.fail_next_update(NO_CAPACITY)
    bumped = {"name": "llama-2", "entityVersion": "2"}
    wanted = inputs(
        bench,
        declared=declaration(servedEntities=[served(maxProvisionedThroughput=3920, **bumped)]),
        accepted={"servedEntities": [served(**bumped)]},
    )
    outputs = bench.create(wanted)
    live_now = bench.live()
    assert live_now.config is not None and live_now.config.entities[0].settings["entity_version"] == "2"
    assert maximum(bench) == 2940 and not live_now.has_failed_update
    assert outputs["shortfall"][0]["runs"] == 2940


def test_what_runs_between_accepted_and_wanted_is_not_lowered(bench: Workbench) -> None:
    bench.make_endpoint(declared={"servedEntities": [served(maxProvisionedThroughput=3920)]})
    bench.fail_next_update(NO_CAPACITY)
    more = inputs(bench, declared=declaration(servedEntities=[served(maxProvisionedThroughput=4900)]))
    outputs = bench.create(more)
    assert maximum(bench) == 3920
    assert outputs["shortfall"][0]["runs"] == 3920


def test_accepted_that_differs_in_more_than_capacity_is_refused(bench: Workbench) -> None:
    other = {"servedEntities": [served(entityVersion="9")]}
    failures = bench.check(inputs(bench, accepted=other)).failures or []
    assert [failure.property for failure in failures] == ["accepted.servedEntities[0].entityVersion"]
    failures = bench.check(inputs(bench, accepted={"servedEntities": []})).failures or []
    assert [failure.property for failure in failures] == ["accepted.servedEntities"]


@pytest.mark.parametrize(
    ("runs", "found"),
    [
        ({"max_provisioned_throughput": 3920}, []),
        ({"max_provisioned_throughput": 2940}, [2940]),
        ({"max_provisioned_throughput": 3430}, [3430]),
        ({"max_provisioned_throughput": 1960}, None),  # less than accepted
        ({"max_provisioned_throughput": 4900}, None),  # more than wanted is to be lowered
        ({"min_provisioned_throughput": 980, "max_provisioned_throughput": 2940}, None),  # the floor is not up for it
        ({"entity_version": "2", "max_provisioned_throughput": 2940}, None),
    ],
)
def test_only_capacity_between_accepted_and_wanted_will_do(runs: dict[str, Any], found: list[int] | None) -> None:
    wanted = Declared.from_inputs(declaration(servedEntities=WANTED))
    accepted = Declared.from_inputs({**declaration(), **ACCEPTED})
    config = live(config=live_config(live_served(**runs))).config
    short = shortfalls(wanted, accepted, config)
    assert (None if short is None else [one.runs for one in short]) == found


@pytest.mark.parametrize(
    ("reason", "is_shortage"),
    [
        (NO_CAPACITY, True),
        ("Insufficient GPU resources are available", True),
        ("RESOURCE_EXHAUSTED: no instances left", True),
        ("Deployment timed out. The region is out of GPU capacity.", True),
        ("CUDA out of memory", False),
        ("Deployment timed out after 120 minutes", False),
        ("Model is not eligible", False),
        ("", False),
    ],
)
def test_s18_reason_decides_whether_capacity_is_missing(reason: str, is_shortage: bool) -> None:
    failure = EntityFailure("llama-1", "DEPLOYMENT_FAILED", reason)
    assert is_for_lack_of_capacity(Failed("UPDATE_FAILED", (failure,), True)) is is_shortage


def test_one_entity_that_failed_for_another_reason_makes_it_an_error() -> None:
    short = EntityFailure("a", "DEPLOYMENT_FAILED", NO_CAPACITY)
    aborted = EntityFailure("b", "DEPLOYMENT_ABORTED", "Aborted because 'a' failed.")
    broken = EntityFailure("c", "DEPLOYMENT_FAILED", "bad image")
    assert is_for_lack_of_capacity(Failed("UPDATE_FAILED", (short, aborted), True))
    assert not is_for_lack_of_capacity(Failed("UPDATE_FAILED", (short, aborted, broken), True))
    assert not is_for_lack_of_capacity(Failed("UPDATE_FAILED", (aborted,), True))
