import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.serving.throughput.bands import bands_for, is_multiple_of_chunk, nearest_multiples, nearest_wanted
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from tests.unhurried import UNHURRIED

from .conftest import Size, entry, ids, only, only_problem


@pytest.mark.parametrize(("chunk", "floor", "ceiling"), [(1580, 3160, 4740), (980, 1960, 2940), (970, 1940, 2910)])
def test_s8_bands_are_multiples_of_the_chunk_that_the_platform_answers(
    sized: Size, chunk: int, floor: int, ceiling: int
) -> None:
    # 2 and 3 chunks, as in the platform's sample
    endpoint = only(sized(entry(), OptimizationInfo(True, "llama", chunk)))
    assert (endpoint.family, endpoint.floor_tokens_per_second, endpoint.ceiling_tokens_per_second) == (
        "bands",
        floor,
        ceiling,
    )
    (entity,) = endpoint.entities
    assert (entity.chunk_tokens_per_second, entity.min_bands, entity.max_bands) == (chunk, 2, 3)
    assert (entity.min_provisioned_throughput, entity.max_provisioned_throughput) == (floor, ceiling)
    assert (entity.served_name, entity.model, entity.version, entity.traffic_percent) == (
        "model-1",
        "ml.own.model",
        "1",
        100,
    )


def test_s7_the_same_entry_has_another_size_with_another_chunk(sized: Size) -> None:
    text = entry("throughput: {tokens_per_second: {min: 980, max: 1960}}")
    assert only(sized(text)).entities[0].max_bands == 2
    assert {problem.id for problem in sized(text, OptimizationInfo(True, "llama", 1580)).problems} == {"S8-chunk"}


@pytest.mark.parametrize(
    ("low", "high", "bound", "step"),
    [
        (980, 1500, "max", "use 980 or 1960"),
        (1500, 1960, "min", "use 980 or 1960"),
        (500, 980, "min", "use 0 or 980"),
        (0, 500, "max", "use 980, or write bands in place of tokens_per_second if 500 counts chunks"),
        (0, 981, "max", "use 980 or 1960"),
        (980, 2941, "max", "use 2940 or 3920"),
    ],
)
def test_s8_band_not_whole_chunks_is_refused_with_the_nearest_legal_bounds(
    sized: Size, low: int, high: int, bound: str, step: str
) -> None:
    result = sized(entry(f"throughput: {{tokens_per_second: {{min: {low}, max: {high}}}}}"))
    problem = only_problem(result, "S8-chunk")
    assert problem.path == f"models/chat/throughput/tokens_per_second/{bound}"
    assert (problem.finding.split()[0], problem.next_step) == (str(low if bound == "min" else high), step)
    assert result.endpoints == ()


def test_s8_both_bounds_are_reported_in_one_go(sized: Size) -> None:
    result = sized(entry("throughput: {tokens_per_second: {min: 1, max: 1959}}"))
    assert [problem.path.rsplit("/", 1)[1] for problem in result.problems] == ["min", "max"]
    assert result.problems[0].render() == (
        "models.yaml:3:110: error S8-chunk models/chat/throughput/tokens_per_second/min: "
        "1 is not a multiple of 980; bounds are whole chunks; use 0 or 980"
    )


def test_s12_band_from_zero_is_sized_and_warned_of(sized: Size) -> None:
    for text in ("throughput: {bands: {min: 0, max: 1}}", "throughput: {tokens_per_second: {min: 0, max: 980}}"):
        result = sized(entry(text))
        assert only_problem(result, "floor-zero", "warning").path == "models/chat/throughput"
        assert (result.endpoints[0].floor_tokens_per_second, result.endpoints[0].ceiling_tokens_per_second) == (0, 980)


def test_s12_band_from_one_chunk_is_not_warned_of(sized: Size) -> None:
    assert only(sized(entry("throughput: {bands: {min: 1, max: 1}}"))).floor_tokens_per_second == 980


def test_entities_of_a_split_are_sized_each_with_its_own_chunk(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/chat
    entities:
      - {model: ml.own.model, version: "1", throughput: {bands: {min: 1, max: 2}}, traffic_percent: 75}
      - {model: ml.own.model, version: "2", throughput: {tokens_per_second: {min: 970, max: 970}}, traffic_percent: 25}
"""
    endpoint = only(sized(text, {"1": OptimizationInfo(True, "llama", 980), "2": OptimizationInfo(True, "llama", 970)}))
    assert [
        (one.served_name, one.chunk_tokens_per_second, one.max_bands, one.traffic_percent) for one in endpoint.entities
    ] == [
        ("model-1", 980, 2, 75),
        ("model-2", 970, 1, 25),
    ]
    # 980 + 970, and 1960 + 970
    assert (endpoint.floor_tokens_per_second, endpoint.ceiling_tokens_per_second) == (1950, 2930)


@UNHURRIED
@given(st.integers(1, 10**6), st.integers(1, 5000))
def test_nearest_multiples_are_legal_and_on_either_side(amount: int, chunk: int) -> None:
    if amount % chunk == 0:
        assert is_multiple_of_chunk(amount, chunk)
        return
    assert not is_multiple_of_chunk(amount, chunk)
    below, above = nearest_multiples(amount, chunk, 0)
    assert below < amount < above == below + chunk and below % chunk == 0


@UNHURRIED
@given(st.fractions(min_value=0, max_value=10**6), st.integers(0, 300), st.integers(1, 5000))
def test_bands_for_a_demand_are_the_fewest_that_cover_it(demand: object, headroom: int, chunk: int) -> None:
    from fractions import Fraction

    assert isinstance(demand, Fraction)
    wanted = demand + demand * headroom / 100
    bands = bands_for(demand, headroom, chunk)
    assert bands * chunk >= wanted
    assert bands == 1 or (bands - 1) * chunk < wanted


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (entry("throughput: {bands: {min: 1, max: 99}}"), None),
        (entry("throughput: {bands: {min: 1, max: 100}}"), "100 bands of 980 are 98,000 tokens/s"),
        (entry("throughput: {bands: {min: 980, max: 1960}}"), "1,960 bands of 980 are 1,920,800 tokens/s"),
        (entry("throughput: {bands: {min: 1, want: 1960, accept: 980}}"), "1,960 bands of 980 are 1,920,800 tokens/s"),
        (
            entry("throughput: {bands: {min: 1, max: 100}}", model="register: {name: ml.own.new, source: runs:/1/m}"),
            "100 bands",
        ),
    ],
)
def test_s8_bands_that_look_like_tokens_per_second_are_warned_of(sized: Size, text: str, finding: str | None) -> None:
    result = sized(text)
    assert [(one.id, one.finding, one.severity) for one in result.problems] == (
        [("bands-many", finding, "warning")] if finding is not None else []
    )
    assert len(result.endpoints) == 1


def test_s8_many_bands_that_the_demand_asks_for_are_not_warned_of(sized: Size) -> None:
    # 8167 x 1.2 / 980 = 10.0004, so 11 chunks, of which 110 are ten times as many
    demand = "demand: {requests_per_second: 1, input_tokens: 8167, output_tokens: 0}"
    assert ids(sized(entry("throughput: {bands: {min: 1, max: 110}}", more=demand))) == []
    assert ids(sized(entry("throughput: {bands: {min: 1, max: 111}}", more=demand))) == ["bands-many"]


def test_s8_wanted_and_accepted_tokens_below_a_chunk_have_a_chunk_as_nearest(sized: Size) -> None:
    result = sized(entry("throughput: {tokens_per_second: {min: 0, want: 900, accept: 500}}"))
    steps = [one.next_step.split(",")[0] for one in result.problems if one.id == "S8-chunk"]
    assert steps == ["use 980", "use 980"]


def test_s12_band_from_zero_of_a_version_still_to_be_registered_is_warned_of(sized: Size) -> None:
    for band in ("{bands: {min: 0, max: 1}}", "{tokens_per_second: {min: 0, max: 980}}"):
        result = sized(entry(f"throughput: {band}", model="register: {name: ml.own.new, source: runs:/1/m}"))
        only_problem(result, "floor-zero", "warning")


def test_bands_do_not_burst(sized: Size) -> None:
    endpoint = only(sized(entry()))
    assert (endpoint.burst, endpoint.entities[0].burst) == (False, False)


@pytest.mark.parametrize(
    ("want", "accept", "found"),
    [
        (2000, 1900, ((1960, 2940), (980,))),
        (1900, 1500, ((1960,), (980,))),
        (2940, 1000, ((2940,), (980, 1960))),
        (2500, 1960, ((2940,), (1960,))),
    ],
)
def test_what_is_suggested_to_be_accepted_is_less_than_any_want(
    want: int, accept: int, found: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    """Multiples of 980: 980, 1960, 2940."""
    assert nearest_wanted(want, accept, 980) == found
