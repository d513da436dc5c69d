"""Over-provisioned, under-provisioned, floor-zero-in-prod, demand-missing: figures by hand."""

from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bandplan.components.capacity import capacity_inputs
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput.bands import bands_for
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sizing import size_entry
from bandplan.wire.sentinels import UNKNOWN
from tests.policies.builders import band, endpoint, told, unsized_band, waiver
from tests.unhurried import UNHURRIED


def test_ceiling_far_over_the_demand_is_a_violation_with_its_arithmetic() -> None:
    inputs = endpoint(band(2, 6), demandTokensPerSecond=2800)
    # 6 x 980 = 5880; 5880 / 2800 = 2.1; 2800 x 1.2 = 3360; 3360 / 980 = 3.43, so 4 bands of 980 = 3920.
    assert told("over-provisioned", inputs) == [
        (
            "mandatory",
            "ceiling 5,880 tokens/s is 2.1 times the demand of 2,800 tokens/s; allowed is 1.2 times = "
            "3,360, in chunks of 980: 4 bands (3,920); write bands: {min: 2, max: 4}",
        )
    ]


def test_floor_over_what_is_allowed_is_lowered_too() -> None:
    inputs = endpoint(band(5, 6), demandTokensPerSecond=2800)
    assert told("over-provisioned", inputs)[0][1].endswith("write bands: {min: 4, max: 4}")


@pytest.mark.parametrize(
    ("most", "demand", "headroom", "holds"),
    [
        (4, 2800, 20, True),  # 3360 needs 4 chunks
        (5, 2800, 20, False),
        (4, 3920, 0, True),  # exactly 4 chunks
        (5, 3920, 0, False),
        (5, 3920.5, 0, True),  # half a token more needs a fifth
        (1, 1, 0, True),  # no endpoint has less than one chunk
        (2, 1, 0, False),
        (12, 9800, 20, True),  # 11760 is exactly 12 chunks
        (13, 9800, 20, False),
    ],
)
def test_allowed_is_the_demand_with_headroom_in_whole_chunks(
    most: int, demand: float, headroom: int, holds: bool
) -> None:
    inputs = endpoint(band(1, most), demandTokensPerSecond=demand)
    assert (told("over-provisioned", inputs, headroom_percent=headroom) == []) is holds


def test_each_entity_is_judged_by_its_share_of_the_traffic() -> None:
    current = band(1, 4, percent=90, servedName="current")
    candidate = band(1, 2, percent=10, servedName="candidate")
    inputs = endpoint(current, candidate, demandTokensPerSecond=3000)
    # 2700 x 1.2 = 3240: 4 chunks. 300 x 1.2 = 360: 1 chunk.
    assert [text.split(":")[0] for _, text in told("over-provisioned", inputs)] == ["entity candidate"]


def test_model_units_are_judged_where_an_estimate_is_published() -> None:
    units = {"servedName": "maverick", "model": "system.ai.llama-4-maverick", "trafficPercent": 100, "modelUnits": 150}
    inputs = endpoint(
        units, family="model_units", modelUnits=150, estimatedTokensPerSecond=9750, demandTokensPerSecond=3800
    )
    # 150 units x 65 = 9750; 3800 x 1.2 = 4560; 4560 / 65 = 70.2 units, in steps of 50: 100.
    (level, text), *rest = told("over-provisioned", inputs)
    assert level == "mandatory" and not rest
    assert "150 model units, estimated at 9,750 tokens/s, are 2.57 times the demand of 3,800 tokens/s" in text
    assert text.endswith("in steps of 50 units: 100 units; write model_units: 100")


def test_model_units_are_suggested_in_the_models_own_increment() -> None:
    """3800 x 1.2 = 4560 tokens/s at 65 a unit are 70.2 units: 120 in increments of 60, where steps of 50 would say 100."""
    units = {"servedName": "m", "model": "system.ai.x", "trafficPercent": 100, "modelUnits": 180}
    inputs = endpoint(
        {**units, "modelUnitChunkSize": 60},
        family="model_units",
        modelUnits=180,
        estimatedTokensPerSecond=11700,
        demandTokensPerSecond=3800,
    )
    ((_, text),) = told("over-provisioned", inputs)
    assert text.endswith("in steps of 60 units: 120 units; write model_units: 120")


@pytest.mark.parametrize("rule", ["over-provisioned", "under-provisioned"])
def test_size_that_hangs_on_a_version_to_be_registered_makes_the_rule_wait(rule: str) -> None:
    inputs = endpoint(unsized_band(), demandTokensPerSecond=2800)
    ((level, text),) = told(rule, inputs)
    assert level == "advisory"
    assert text.startswith("waits: the ") and text.endswith(
        "is unknown until the chunk size of its model version is known"
    )


def test_entities_that_are_not_known_yet_make_the_rule_wait() -> None:
    inputs = {**endpoint(demandTokensPerSecond=2800), "entities": UNKNOWN}
    assert [level for level, _ in told("over-provisioned", inputs)] == ["advisory"]


def test_endpoint_without_a_demand_is_not_over_provisioned() -> None:
    assert told("over-provisioned", endpoint(band(1, 50))) == []


def test_waiver_in_force_makes_the_violation_advisory_and_says_until_when_by_whom_and_why() -> None:
    inputs = endpoint(band(2, 6), demandTokensPerSecond=2800, waivers=[waiver("over-provisioned", "2026-11-22")])
    ((level, text),) = told("over-provisioned", inputs)
    assert level == "advisory"
    assert text.endswith("max: 4}; waived until 2026-11-22 by ana@example.com: a trade fair")


def test_waiver_past_its_day_lets_nothing_through_and_is_named() -> None:
    inputs = endpoint(band(2, 6), demandTokensPerSecond=2800, waivers=[waiver("over-provisioned", "2026-11-22")])
    ((level, text),) = told("over-provisioned", inputs, today=date(2026, 11, 23))
    assert level == "mandatory"
    assert text.endswith("max: 4}; its waiver by ana@example.com expired on 2026-11-22")


def test_waiver_of_a_rule_mistyped_lets_nothing_through_and_is_pointed_out() -> None:
    inputs = endpoint(band(2, 6), demandTokensPerSecond=2800, waivers=[waiver("over-provisoned", "2027-01-01")])
    ((level, text),) = told("over-provisioned", inputs)
    assert level == "mandatory"
    assert text.endswith("; a waiver names over-provisoned: did you mean over-provisioned?")


def test_waiver_of_another_rule_lets_nothing_through() -> None:
    inputs = endpoint(band(2, 6), demandTokensPerSecond=2800, waivers=[waiver("tags-missing", "2027-01-01")])
    assert [level for level, _ in told("over-provisioned", inputs)] == ["mandatory"]


RPS = st.decimals(min_value="0.001", max_value="500", places=3)


@settings(UNHURRIED, max_examples=100)
@given(
    rps=RPS,
    tokens=st.integers(1, 20_000),
    headroom=st.integers(0, 300),
    chunk=st.sampled_from([980, 970, 1360, 2120, 7000]),
)
def test_fleet_sized_from_its_demand_is_never_over_provisioned_at_the_same_headroom(
    rps: Decimal, tokens: int, headroom: int, chunk: int
) -> None:
    entry = Entry.model_validate(
        {
            "name": "auto",
            "task": "llm/v1/chat",
            "model": "ml.chat.own",
            "version": "1",
            "throughput": "auto",
            "headroom_percent": headroom,
            "demand": {"requests_per_second": float(rps), "input_tokens": tokens, "output_tokens": 0},
        }
    )
    answers = {ModelVersion("ml.chat.own", "1"): OptimizationInfo(True, None, chunk)}
    sized, _ = size_entry(entry, answers, {}, Source("models.yaml"))
    assert sized is not None
    assert sized.ceiling_tokens_per_second == bands_for(Fraction(str(rps)) * tokens, headroom, chunk) * chunk
    assert told("over-provisioned", capacity_inputs(sized), headroom_percent=headroom) == []
    if sized.ceiling_tokens_per_second > chunk:
        more = band(1, sized.ceiling_tokens_per_second // chunk + 1, chunk)
        inputs = {**capacity_inputs(sized), "entities": [more]}
        assert told("over-provisioned", inputs, headroom_percent=headroom) != []


def test_floor_below_the_steady_demand_is_told_with_the_floor_that_covers_it() -> None:
    inputs = endpoint(band(1, 4), demandTokensPerSecond=2800)
    # Half of 2800 is 1400: 2 chunks of 980.
    assert told("under-provisioned", inputs) == [
        (
            "mandatory",
            "floor 980 tokens/s is below the steady demand: 50% of 2,800 = 1,400 tokens/s, in chunks of "
            "980: 2 bands (1,960); write bands: {min: 2, max: 4}",
        )
    ]
    assert told("under-provisioned", endpoint(band(2, 4), demandTokensPerSecond=2800)) == []
    assert told("under-provisioned", inputs, steady_percent=35) == []  # 980 exactly


def test_floor_of_zero_chunks_and_legacy_scale_to_zero_are_told() -> None:
    ((_, bands),) = told("floor-zero-in-prod", endpoint(band(0, 3)))
    assert bands.endswith("write bands: {min: 1, max: 3}")
    workload = {
        "servedName": "old",
        "model": "ml.a.b",
        "trafficPercent": 100,
        "workloadType": "CPU",
        "scaleToZero": True,
    }
    ((_, legacy),) = told("floor-zero-in-prod", endpoint(workload, family="workload"))
    assert legacy.endswith("write scale_to_zero: false")
    assert told("floor-zero-in-prod", endpoint(band(1, 3))) == []


def test_demand_is_asked_of_bands_and_of_model_units_only_where_configured() -> None:
    units = {"servedName": "m", "model": "system.ai.llama-4-maverick", "trafficPercent": 100, "modelUnits": 50}
    assert len(told("demand-missing", endpoint())) == 1
    assert told("demand-missing", endpoint(demandTokensPerSecond=1)) == []
    assert told("demand-missing", endpoint(units, family="model_units")) == []
    assert len(told("demand-missing", endpoint(units, family="model_units"), families=["model_units"])) == 1


def test_version_that_a_rollout_brings_is_judged_by_the_whole_demand_and_the_one_that_goes_not_at_all() -> None:
    going = {"servedName": "old", "model": "m", "trafficPercent": 90, "ceilingTokensPerSecond": 9800}
    inputs = endpoint(going, band(2, 4, percent=10, servedName="new"), demandTokensPerSecond=2800, rollout={"step": 1})
    assert told("over-provisioned", inputs) == []
    inputs = endpoint(going, band(2, 6, percent=10, servedName="new"), demandTokensPerSecond=2800, rollout={"step": 1})
    ((_, text),) = told("over-provisioned", inputs)
    assert text.startswith("ceiling 5,880 tokens/s is 2.1 times the demand of 2,800 tokens/s")


PLANNED = {"minBands": 3, "maxBands": 6, "target": "8 s of latency at p95", "source": "published figures"}


def test_a_ceiling_up_to_what_the_latency_target_needs_is_not_too_much() -> None:
    # 2800 x 1.2 = 3360 tokens/s are 4 chunks of 980; the target needs 6.
    def inputs(most: int) -> dict[str, object]:
        return endpoint(band(3, most, planned=PLANNED), demandTokensPerSecond=2800)

    assert told("over-provisioned", inputs(6)) == []
    ((_, text),) = told("over-provisioned", inputs(7))
    assert text == (
        "ceiling 6,860 tokens/s is above what the latency target needs: 3 to 6 bands for 8 s of latency at p95; from "
        "published figures, in chunks of 980; write bands: {min: 3, max: 6}"
    )


def test_what_the_latency_target_needs_is_named_beside_a_headroom_that_allows_more() -> None:
    planned = {**PLANNED, "minBands": 2, "maxBands": 4, "isForHeadroom": True}
    ((_, text),) = told("over-provisioned", endpoint(band(2, 6, planned=planned), demandTokensPerSecond=2800))
    assert "4 bands (3,920); 2 to 4 bands are enough for 8 s of latency at p95 and the headroom; from" in text
    assert text.endswith("write bands: {min: 2, max: 4}")


def test_a_floor_is_judged_by_what_the_latency_target_needs_on_average() -> None:
    # Half of 2800 tokens/s would be 2 chunks.
    assert told("under-provisioned", endpoint(band(3, 6, planned=PLANNED), demandTokensPerSecond=2800)) == []
    ((_, text),) = told("under-provisioned", endpoint(band(2, 6, planned=PLANNED), demandTokensPerSecond=2800))
    assert text.startswith(
        "floor 1,960 tokens/s is below what the latency target needs on average: 3 to 6 bands for 8 s of latency at p95"
    )
    assert "write bands: {min: 3, max: 6}" in text
    low = {**PLANNED, "minBands": 1}
    assert told("under-provisioned", endpoint(band(1, 6, planned=low), demandTokensPerSecond=2800)) == []


def test_a_suggested_ceiling_keeps_the_latency_target_unless_that_warning_is_waived() -> None:
    inputs = endpoint(band(2, 4, planned=PLANNED), demandTokensPerSecond=2800)
    assert "write bands: {min: 3, max: 6}" in told("under-provisioned", inputs)[0][1]
    waived = {**inputs, "waivers": [waiver("latency-missed", "2099-01-01")]}
    assert "write bands: {min: 3, max: 4}" in told("under-provisioned", waived)[0][1]


@pytest.mark.parametrize("planned", [UNKNOWN, None, {}, {"minBands": 1}, {**PLANNED, "maxBands": "6"}])
def test_a_planned_band_of_another_form_counts_as_none(planned: object) -> None:
    inputs = endpoint(band(1, 4, planned=planned), demandTokensPerSecond=2800)
    assert "below the steady demand" in told("under-provisioned", inputs)[0][1]


def test_requests_always_in_flight_are_judged_by_the_planned_band_alone() -> None:
    def inputs(least: int, most: int) -> dict[str, object]:
        return endpoint(band(least, most, planned=PLANNED), concurrentRequests=32)

    assert told("over-provisioned", inputs(3, 6)) == told("under-provisioned", inputs(3, 6)) == []
    assert told("demand-missing", inputs(3, 6)) == []
    ((_, over),) = told("over-provisioned", inputs(3, 7))
    assert over.startswith("ceiling 6,860 tokens/s is above what the latency target needs: 3 to 6 bands")
    assert over.endswith("write bands: {min: 3, max: 6}")
    ((_, under),) = told("under-provisioned", inputs(1, 6))
    assert "write bands: {min: 3, max: 6}" in under
    plain = endpoint(band(1, 9), concurrentRequests=32)
    assert told("over-provisioned", plain) == told("under-provisioned", plain) == []


UNITS_PLANNED = {"modelUnits": 200, "target": "8 s of latency at p95", "source": "an assumed law of model units"}


def in_units(units: int, **more: object) -> dict[str, object]:
    entity = {"servedName": "m", "model": "system.ai.llama-4-maverick", "trafficPercent": 100, "modelUnits": units}
    entity |= {"modelUnitChunkSize": 50, "planned": UNITS_PLANNED}
    return endpoint(entity, family="model_units", modelUnits=units, **more)


def test_units_are_judged_by_what_the_latency_target_needs() -> None:
    assert told("over-provisioned", in_units(200)) == told("under-provisioned", in_units(200)) == []
    ((_, over),) = told("over-provisioned", in_units(250, demandTokensPerSecond=3800))
    assert over == (
        "250 model units are more than the latency target needs: 200 model units for 8 s of latency at p95; from an "
        "assumed law of model units; write model_units: 200; if a load test needs more, waive over-provisioned with "
        "it as the reason"
    )
    ((_, under),) = told("under-provisioned", in_units(150))
    assert under == (
        "150 model units are fewer than the latency target needs: 200 model units for 8 s of latency at p95; from an "
        "assumed law of model units; write model_units: 200, and load-test them"
    )
    assert told("under-provisioned", in_units(150), steady_percent=0) == []


def test_a_headroom_that_allows_more_units_than_the_target_needs_counts() -> None:
    # The published estimate of 65 tokens/s for each unit: 15,000 x 1.2 / 65 = 276.9, in steps of 50 that is 300.
    def inputs(units: int) -> dict[str, object]:
        return in_units(units, demandTokensPerSecond=15_000, estimatedTokensPerSecond=65 * units)

    assert told("over-provisioned", inputs(300)) == []
    ((_, text),) = told("over-provisioned", inputs(350))
    assert "and the headroom of 20% allows 300; write model_units: 300" in text
