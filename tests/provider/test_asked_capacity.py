"""The input `throughput` of a ModelVersion, in every form that it was ever written in, judged by its plain values."""

from fractions import Fraction
from typing import Any

import pytest

from bandplan.components.model_version import version_inputs
from bandplan.provider.asked_capacity import asked_of, unmet_lines
from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.entity_sizer import asked_of_entity
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable
from bandplan.serving.throughput.registrations import planned_models

IN_BANDS = OptimizationInfo(True, "llama", 980)
IN_UNITS = OptimizationInfo(True, "llama", None, 50)
DEMAND = {"requestsPerSecond": 0.1, "inputTokens": 2048, "outputTokens": 256}


def lines(throughput: Any, answer: OptimizationInfo | Unavailable = IN_BANDS, **more: Any) -> tuple[str, ...]:
    item = {"endpoint": "chat", "task": "llm/v1/chat", "throughput": throughput, **more}
    return unmet_lines("ml.own.mine", "3", answer, [item])


@pytest.mark.parametrize(
    ("throughput", "answer", "places"),
    [
        ({"bands": {"min": 0, "max": 2}}, IN_BANDS, []),
        ({"bands": {"min": 1, "want": 4, "accept": 2}}, IN_BANDS, []),
        ({"tokensPerSecond": {"min": 980, "max": 1960}}, IN_BANDS, []),
        ({"tokensPerSecond": {"min": 980, "max": 2000}}, IN_BANDS, ["throughput/tokens_per_second/max"]),
        (
            {"tokensPerSecond": {"min": 1, "want": 3000, "accept": 980}},
            IN_BANDS,
            ["throughput/tokens_per_second/min", "throughput/tokens_per_second/want"],
        ),
        ("auto", IN_BANDS, []),
        ({"modelUnits": 100, "burst": True}, IN_UNITS, []),
        ({"modelUnits": 70}, IN_UNITS, ["throughput/model_units"]),
        ({"modelUnits": {"want": 100, "accept": 70}}, IN_UNITS, ["throughput/model_units/accept"]),
        ({"modelUnits": 50}, IN_BANDS, ["throughput"]),
        ({"bands": {"min": 1, "max": 2}}, IN_UNITS, ["throughput"]),
        ("auto", IN_UNITS, ["throughput"]),
        ("auto", OptimizationInfo(False, None, None), ["register/name"]),
        ("auto", Unavailable("nobody told"), ["register/name"]),
    ],
)
def test_every_form_is_judged_at_its_place(throughput: Any, answer: Any, places: list[str]) -> None:
    found = lines(throughput, answer)
    assert [line.split(": ")[1].split(" ")[1] for line in found] == [f"models/chat/{place}" for place in places]


def test_suggested_band_covers_the_share_of_the_demand_exactly() -> None:
    (line,) = lines({"modelUnits": 50}, demand={**DEMAND, "requestsPerSecond": 10}, trafficPercent=50)
    # 10 x 2304 x 50% x 1.2 = 13,824 tokens/s, 14.1 chunks of 980
    assert "write `throughput: {bands: {min: 1, max: 15}}`" in line
    item = {"endpoint": "chat", "task": "llm/v1/chat", "throughput": "auto", "demand": DEMAND, "trafficPercent": 10}
    assert asked_of("ml.own.mine", "3", item).demand == Fraction(2304, 100)


def test_latency_that_no_band_keeps_is_told_once_the_chunk_is_known() -> None:
    # 2304 tokens at 980 / 4 tokens/s, 1.35 times as fast alone: 6.97 s.
    (line,) = lines("auto", demand={**DEMAND, "latencySeconds": 4})
    assert "S35-latency models/chat/demand: no capacity fixes this: one request alone takes 7.0 s" in line
    assert lines("auto", OptimizationInfo(True, "llama", 2500), demand={**DEMAND, "latencySeconds": 4}) == ()


def test_version_of_which_nothing_is_asked_still_has_to_be_eligible() -> None:
    assert unmet_lines("ml.own.mine", "3", IN_BANDS, []) == ()
    assert unmet_lines("ml.own.mine", "3", OptimizationInfo(False, None, None), []) == (
        "ml.own.mine version 3: not eligible for provisioned throughput",
    )


@pytest.mark.parametrize(
    "throughput",
    [
        "{bands: {min: 1, max: 2}}",
        "{tokens_per_second: {min: 980, want: 2940, accept: 1960}}",
        "{model_units: 100, burst: false}",
        "{model_units: {want: 100, accept: 50}}",
        "auto",
    ],
)
def test_component_and_provider_read_an_entity_alike(throughput: str) -> None:
    """What crosses is the same plain values as the entry in models.yaml has."""
    text = f"""\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    demand: {{requests_per_second: 0.3, peak_factor: 2, input_tokens: 700, output_tokens: 11, ttft_seconds: 3}}
    headroom_percent: 35
    register: {{name: ml.own.mine, source: "runs:/0123/model"}}
    throughput: {throughput}
"""
    fleet = load_text(text, "models.yaml", None).fleet
    assert fleet is not None
    (version,) = planned_models(fleet)[0].versions
    ((entry, entity),) = version.users
    (item,) = version_inputs(version)["throughput"]
    read = asked_of("ml.own.mine", "3", item)
    assert (read.unit, read.amounts, read.demand, read.headroom_percent, read.wanted) == (
        (written := asked_of_entity(entry, entity)).unit,
        written.amounts,
        written.demand,
        written.headroom_percent,
        written.wanted,
    )
    assert (read.path, read.model_path, read.task) == (written.path, written.model_path, written.task)
