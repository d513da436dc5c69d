"""Sizing of capacity of which less is accepted."""

from .conftest import UNITS, Size, entry, ids, only, only_problem


def test_s18_wanted_and_accepted_chunks_become_tokens_per_second(sized: Size) -> None:
    endpoint = only(sized(entry("throughput: {bands: {min: 1, want: 4, accept: 2}}")))
    assert endpoint.accepts_less
    assert endpoint.floor_tokens_per_second == 980
    assert endpoint.ceiling_tokens_per_second == 3920  # 4 x 980
    assert endpoint.accepted_ceiling_tokens_per_second == 1960  # 2 x 980
    assert endpoint.accepted_model_units is None


def test_wanted_and_accepted_tokens_become_chunks(sized: Size) -> None:
    (entity,) = only(sized(entry("throughput: {tokens_per_second: {min: 980, want: 3920, accept: 1960}}"))).entities
    assert (entity.min_bands, entity.max_bands, entity.accepted_max_bands) == (1, 4, 2)


def test_each_bound_that_is_no_whole_chunk_is_named(sized: Size) -> None:
    found = sized(entry("throughput: {tokens_per_second: {min: 980, want: 4000, accept: 2000}}"))
    assert [problem.path.rsplit("/", 1)[-1] for problem in found.problems] == ["want", "accept"]
    assert ids(found) == ["S8-chunk", "S8-chunk"]


def test_wanted_and_accepted_model_units(sized: Size) -> None:
    endpoint = only(sized(entry("throughput: {model_units: {want: 100, accept: 50}}"), UNITS))
    assert (endpoint.model_units, endpoint.accepted_model_units) == (100, 50)
    assert endpoint.accepted_ceiling_tokens_per_second is None


def test_accepted_capacity_of_an_endpoint_counts_entities_that_accept_nothing_less_whole(sized: Size) -> None:
    entities = (
        '[{model: ml.own.a, version: "1", throughput: {bands: {min: 1, want: 4, accept: 2}}, traffic_percent: 50},'
        ' {model: ml.own.b, version: "1", throughput: {bands: {min: 1, max: 3}}, traffic_percent: 50}]'
    )
    endpoint = only(sized(entry(f"entities: {entities}", model="tags: {}")))
    assert endpoint.accepted_ceiling_tokens_per_second == 4900  # (2 + 3) x 980


def test_endpoint_that_accepts_nothing_less_has_no_accepted_capacity(sized: Size) -> None:
    endpoint = only(sized(entry()))
    assert (endpoint.accepts_less, endpoint.accepted_ceiling_tokens_per_second) == (False, None)


def test_demand_is_held_against_what_is_wanted(sized: Size) -> None:
    demand = "demand: {requests_per_second: 1, input_tokens: 2048, output_tokens: 256}"  # 2304 tokens/s
    assert only(sized(entry("throughput: {bands: {want: 3, accept: 1}}", more=demand))).headroom == 1.276  # 2940 / 2304
    low = sized(entry("throughput: {bands: {want: 2, accept: 1}}", more=demand))
    only_problem(low, "ceiling-below-demand", "warning")


def test_accepted_tokens_of_a_version_still_to_be_registered_are_known_and_accepted_chunks_are_not(sized: Size) -> None:
    register = "register: {name: ml.own.new, source: runs:/1/m}"
    tokens = entry("throughput: {tokens_per_second: {min: 980, want: 3920, accept: 1960}}", model=register)
    assert only(sized(tokens)).accepted_ceiling_tokens_per_second == 1960
    chunks = entry("throughput: {bands: {min: 1, want: 4, accept: 2}}", model=register)
    assert only(sized(chunks)).accepted_ceiling_tokens_per_second is None
