"""Amounts of which less is accepted: `want` and `accept`."""

from collections.abc import Callable

import pytest

from bandplan.serving.spec.loading import Loaded
from bandplan.serving.spec.schema import schema_problems
from bandplan.serving.spec.throughput import BandThroughput, ModelUnitThroughput, WantedBandRange

from .conftest import Load, OnlyProblem

Changed = Callable[[str, str], Loaded]
BANDS = "{bands: {min: 2, max: 3}}"


@pytest.mark.parametrize(
    "throughput",
    [
        "{bands: {want: 4, accept: 2}}",
        "{bands: {min: 0, want: 4, accept: 2}}",
        "{bands: {min: 2, want: 4, accept: 2}}",
        "{tokens_per_second: {min: 980, want: 3920, accept: 1960}}",
        "{model_units: {want: 100, accept: 50}, burst: true}",
    ],
)
def test_s18_wanted_and_accepted_amounts_are_taken_by_shapes_and_schema(changed: Changed, throughput: str) -> None:
    loaded = changed(BANDS, throughput)
    assert loaded.problems == ()
    assert schema_problems(loaded.data, loaded.source) == ()


def test_floor_that_is_left_out_beside_want_is_one_chunk(changed: Changed) -> None:
    fleet = changed(BANDS, "{bands: {want: 4, accept: 2}}").fleet
    assert fleet is not None
    throughput = fleet.models[0].throughput
    assert isinstance(throughput, BandThroughput) and isinstance(throughput.bands, WantedBandRange)
    assert (throughput.bands.min, throughput.bands.max, throughput.bands.accept) == (1, 4, 2)


def test_units_alone_accept_nothing_less(changed: Changed) -> None:
    fleet = changed(BANDS, "{model_units: 50}").fleet
    assert fleet is not None
    throughput = fleet.models[0].throughput
    assert isinstance(throughput, ModelUnitThroughput)
    assert (throughput.wanted_units, throughput.accepted_units) == (50, None)


@pytest.mark.parametrize(
    ("throughput", "step"),
    [
        ("{bands: {want: 4, accept: 4}}", "write less than 4, or max: 4 alone"),
        ("{bands: {min: 3, want: 4, accept: 2}}", "write accept: 3, or a smaller min"),
        ("{tokens_per_second: {min: 980, want: 1960, accept: 2940}}", "write less than 1960"),
        ("{model_units: {want: 50, accept: 100}}", "write model_units: 50"),
    ],
)
def test_accept_that_is_not_between_min_and_want_is_refused(
    changed: Changed, only_problem: OnlyProblem, throughput: str, step: str
) -> None:
    assert step in only_problem(changed(BANDS, throughput), "S18-accept").next_step


def test_max_beside_want_is_refused_at_max(changed: Changed, only_problem: OnlyProblem) -> None:
    problem = only_problem(changed(BANDS, "{bands: {max: 4, want: 4, accept: 2}}"), "one-of", (7, 31))
    assert problem.next_step == "keep want and accept, or remove them and keep max"


@pytest.mark.parametrize(
    ("throughput", "missing"),
    [("{bands: {want: 4}}", "accept"), ("{tokens_per_second: {want: 1960, accept: 980}}", "min")],
)
def test_what_is_missing_beside_want_is_named(
    changed: Changed, only_problem: OnlyProblem, throughput: str, missing: str
) -> None:
    assert f"{missing} is missing" in only_problem(changed(BANDS, throughput), "missing-key").finding


def test_override_changes_what_is_accepted_alone(load: Load) -> None:
    entry = "  - {name: a, task: llm/v1/chat, model: m.a.b, version: '1', throughput: {bands: {want: 4, accept: 2}}}\n"
    loaded = load(entry, after="overrides: {dev: {a: {throughput: {bands: {accept: 3}}}}}\n", stack="dev")
    assert loaded.fleet is not None, loaded.problems
    throughput = loaded.fleet.models[0].throughput
    assert isinstance(throughput, BandThroughput) and isinstance(throughput.bands, WantedBandRange)
    assert (throughput.bands.want, throughput.bands.accept) == (4, 3)
