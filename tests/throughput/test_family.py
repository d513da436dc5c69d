import pytest

from bandplan.serving.throughput.families import family_of
from bandplan.serving.throughput.model_units import estimated_tokens_per_second
from bandplan.serving.throughput.optimization_info import OptimizationInfo, Unavailable

from .conftest import BANDS_980, UNITS, Size, entry, ids, only, only_problem

REFERENCE = "demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}"


@pytest.mark.parametrize("band", ["{bands: {min: 1, max: 2}}", "{tokens_per_second: {min: 980, max: 1960}}"])
def test_s1_band_for_a_model_sold_in_units_is_refused_with_the_line_to_write(sized: Size, band: str) -> None:
    result = sized(entry(f"throughput: {band}"), UNITS)
    problem = only_problem(result, "S1-family")
    assert problem.next_step == "write `throughput: {model_units: 50}`"
    assert problem.path == "models/chat/throughput" and result.endpoints == ()


def test_s1_units_for_a_model_sold_in_bands_are_refused_with_the_line_to_write(sized: Size) -> None:
    result = sized(entry("throughput: {model_units: 50}"), BANDS_980)
    assert only_problem(result, "S1-family").next_step == "write `throughput: {bands: {min: 2, max: 3}}`"


def test_s1_line_to_write_covers_the_demand_where_there_is_one(sized: Size) -> None:
    # 4608 x 1.2 / 980 = 5.64
    result = sized(entry("throughput: {model_units: 50}", more=REFERENCE), BANDS_980)
    assert only_problem(result, "S1-family").next_step == "write `throughput: {bands: {min: 1, max: 6}}`"


def test_s1_entities_of_both_families_at_one_endpoint_are_refused(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/chat
    entities:
      - {model: ml.own.model, version: "1", throughput: {bands: {min: 1, max: 2}}, traffic_percent: 50}
      - {model: ml.own.model, version: "2", throughput: {model_units: 50}, traffic_percent: 50}
"""
    result = sized(text, {"1": BANDS_980, "2": UNITS})
    assert only_problem(result, "S1-mixed").path == "models/split/entities"
    assert result.endpoints == ()


@pytest.mark.parametrize(
    ("model", "throughput", "line"),
    [
        ("system.ai.llama-4-maverick", "throughput: {bands: {min: 1, max: 2}}", "throughput: {model_units: 50}"),
        ("system.ai.gpt-oss-120b", "throughput: {bands: {min: 1, max: 2}}", "throughput: {model_units: 50}"),
        ("system.ai.llama_v3_3_70b_instruct", "throughput: {model_units: 50}", "throughput: {bands: {min: 2, max: 3}}"),
        ("system.ai.mixtral_8x7b_instruct", "throughput: {model_units: 50}", "throughput: {bands: {min: 2, max: 3}}"),
    ],
)
def test_s1_wrong_family_of_a_known_model_is_refused_offline_too(
    sized: Size, model: str, throughput: str, line: str
) -> None:
    result = sized(entry(throughput, model=f'model: {model}, version: "1"'), Unavailable("offline"))
    assert ids(result) == ["S1-family", "S5-info"]
    assert [problem.next_step for problem in result.problems if problem.id == "S1-family"] == [f"write `{line}`"]


def test_s1_own_model_is_not_judged_by_its_name(sized: Size) -> None:
    text = entry("throughput: {model_units: 50}", model='model: ml.own.llama_v3_3_tuned, version: "1"')
    assert ids(sized(text, Unavailable("offline"))) == ["S5-info"]
    assert only(sized(text, UNITS)).family == "model_units"


@pytest.mark.parametrize(
    ("model", "family", "kind"),
    [
        ("system.ai.meta_llama_v3_3_70b_instruct", "Meta Llama 3.3", "bands"),
        ("system.ai.llama_v3_2_3b_instruct", "Meta Llama 3.2 3B", "bands"),
        ("system.ai.llama_v3_2_1b_instruct", "Meta Llama 3.2 1B", "bands"),
        ("system.ai.meta_llama_v3_1_405b_instruct", "Meta Llama 3.1", "bands"),
        ("system.ai.meta_llama_3_8b_instruct", "Meta Llama 3", "bands"),
        ("ml.x.Llama-2-7b-chat-hf", "Meta Llama 2", "bands"),
        ("system.ai.gte_large_en_v1_5", "GTE v1.5 (English)", "bands"),
        ("system.ai.bge_large_en_v1_5", "BGE v1.5 (English)", "bands"),
        ("system.ai.deepseek_r1", "DeepSeek R1", "bands"),
        ("system.ai.deepseek_r1_distill_llama_70b", "DeepSeek R1 distilled Llama", "bands"),
        ("system.ai.dbrx_instruct", "DBRX", "bands"),
        ("system.ai.mistral_7b_instruct", "Mistral", "bands"),
        ("system.ai.mixtral_8x7b_instruct", "Mixtral", "bands"),
        ("system.ai.mpt_7b_instruct", "MPT", "bands"),
        ("system.ai.llama-4-maverick", "Llama 4 Maverick", "model_units"),
        ("system.ai.gemma-3-12b", "Gemma 3 12B", "model_units"),
    ],
)
def test_s1_names_of_the_published_families_are_known(model: str, family: str, kind: str) -> None:
    found = family_of(model)
    assert found is not None and (found.name, found.kind) == (family, kind)


def test_unlisted_name_has_no_family() -> None:
    assert family_of("ml.search.ranker") is None


def test_s10_units_are_those_of_the_entry_for_each_entity(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/chat
    entities:
      - {model: ml.own.model, version: "1", throughput: {model_units: 50}, traffic_percent: 50}
      - {model: ml.own.model, version: "2", throughput: {model_units: 100, burst: true}, traffic_percent: 50}
"""
    endpoint = only(sized(text, UNITS))
    assert (endpoint.family, endpoint.model_units, endpoint.burst) == ("model_units", 150, True)
    assert [(one.model_units, one.burst) for one in endpoint.entities] == [(50, None), (100, True)]
    assert (endpoint.floor_tokens_per_second, endpoint.ceiling_tokens_per_second) == (None, None)


def test_s11_auto_for_a_model_sold_in_units_is_refused(sized: Size) -> None:
    assert (
        only_problem(sized(entry("throughput: auto", more=REFERENCE), UNITS), "S11-auto-units").path
        == "models/chat/throughput"
    )


@pytest.mark.parametrize(
    ("model", "units", "shape", "estimate"),
    [
        ("system.ai.llama-4-maverick", 50, (3500, 300), 3250.0),
        ("system.ai.llama-4-maverick", 100, (3500, 300), 6500.0),
        ("system.ai.llama-4-maverick", 50, (3500, 301), None),
        ("system.ai.llama-4-maverick", 50, (2048, 256), None),
        ("system.ai.gpt-oss-120b", 50, (3500, 300), None),
    ],
)
def test_s11_units_are_estimated_for_the_published_shape_only(
    model: str, units: int, shape: tuple[int, int], estimate: float | None
) -> None:
    assert estimated_tokens_per_second(model, units, *shape) == estimate


def test_s11_other_shapes_are_warned_of_as_non_linear(sized: Size) -> None:
    maverick = 'model: system.ai.llama-4-maverick, version: "1"'
    # 0.5 x (3500 + 300) = 1900 tokens/s; 1900 x 1.2 = 2280 < 3250
    shaped = "demand: {requests_per_second: 0.5, input_tokens: 3500, output_tokens: 300}"
    endpoint = only(sized(entry("throughput: {model_units: 50}", model=maverick, more=shaped), UNITS))
    assert endpoint.entities[0].estimated_tokens_per_second == 3250
    assert endpoint.estimated_tokens_per_second == 3250
    result = sized(entry("throughput: {model_units: 50}", model=maverick, more=REFERENCE), UNITS)
    assert only_problem(result, "units-non-linear", "warning").path == "models/chat/throughput/model_units"
    assert result.endpoints[0].entities[0].estimated_tokens_per_second is None
    assert result.endpoints[0].estimated_tokens_per_second is None


def test_s11_estimate_below_a_demand_of_its_shape_is_warned_of(sized: Size) -> None:
    maverick = 'model: system.ai.llama-4-maverick, version: "1"'
    # 5 x 3800 = 19000; with 20 percent 22800; / 65 tokens/s a unit = 350.8
    shaped = "demand: {requests_per_second: 5, input_tokens: 3500, output_tokens: 300}"
    result = sized(entry("throughput: {model_units: 50}", model=maverick, more=shaped), UNITS)
    problem = only_problem(result, "ceiling-below-demand", "warning")
    assert problem.path == "models/chat/throughput"
    assert problem.finding == (
        "50 model units, estimated at 3250 tokens/s for requests of this shape only, for a demand of 19000"
    )
    assert problem.next_step == "write about 351 model units, and load-test them"
    assert len(result.endpoints) == 1


def test_s11_estimate_with_too_little_headroom_is_warned_of(sized: Size) -> None:
    maverick = 'model: system.ai.llama-4-maverick, version: "1"'
    # 0.8 x 3800 = 3040; 3250 / 3040 = 1.069
    shaped = "demand: {requests_per_second: 0.8, input_tokens: 3500, output_tokens: 300}"
    result = sized(entry("throughput: {model_units: 50}", model=maverick, more=shaped), UNITS)
    assert "leaves 7% of headroom, not 20%" in only_problem(result, "headroom-low", "warning").finding


def test_auto_band_is_no_units_when_the_answer_has_a_chunk(sized: Size) -> None:
    assert only(sized(entry("throughput: auto", more=REFERENCE), OptimizationInfo(True, None, 980))).family == "bands"


def test_s1_line_to_write_is_the_sample_where_demand_is_known_and_the_chunk_is_not(sized: Size) -> None:
    text = entry(
        "throughput: {model_units: 50}",
        model='model: system.ai.llama_v3_3_70b_instruct, version: "1"',
        more=REFERENCE,
    )
    (problem,) = [one for one in sized(text, Unavailable("offline")).problems if one.id == "S1-family"]
    assert problem.next_step == "write `throughput: {bands: {min: 2, max: 3}}`"


def test_s11_model_of_no_known_family_has_no_estimate_even_for_the_published_shape(sized: Size) -> None:
    demand = "demand: {requests_per_second: 1, input_tokens: 3500, output_tokens: 300}"
    result = sized(entry("throughput: {model_units: 50}", more=demand), UNITS)
    finding = "no estimate is published for ml.own.model with 3500 input and 300 output tokens"
    assert only_problem(result, "units-non-linear", "warning").finding == finding


FIFTIES = OptimizationInfo(True, "gpt_oss", None, 50)


@pytest.mark.parametrize(
    ("units", "steps"),
    [
        ("50", []),
        ("150", []),
        ("{want: 100, accept: 50}", []),
        ("1", ["use 50"]),
        ("49", ["use 50"]),
        ("51", ["use 50 or 100"]),
        ("125", ["use 100 or 150"]),
        ("{want: 130, accept: 60}", ["use 100 or 150", "use 50"]),
        ("{want: 100, accept: 60}", ["use 50"]),
    ],
)
def test_s10_units_are_whole_increments_where_the_platform_tells_one(sized: Size, units: str, steps: list[str]) -> None:
    """50, seen in answers for gpt-oss-120b (2026-08)."""
    found = sized(entry(f"throughput: {{model_units: {units}}}"), FIFTIES)
    assert [problem.next_step for problem in found.problems if problem.id == "S10-unit-chunk"] == steps
    assert bool(found.endpoints) == (not steps)


@pytest.mark.parametrize("units", [1, 49, 125])
def test_any_number_of_units_passes_where_the_increment_is_not_known(sized: Size, units: int) -> None:
    assert only(sized(entry(f"throughput: {{model_units: {units}}}"), UNITS)).model_units == units


def test_units_are_suggested_in_the_models_own_increment(sized: Size) -> None:
    """Not the 50 of the platform's samples."""
    sixties = OptimizationInfo(True, "gpt_oss", None, 60)
    for throughput in ("throughput: {bands: {min: 1, max: 2}}", "throughput: auto"):
        demand = "demand: {requests_per_second: 1, input_tokens: 100, output_tokens: 10}"
        (problem,) = [one for one in sized(entry(throughput, more=demand), sixties).problems if one.severity == "error"]
        assert "throughput: {model_units: 60}" in problem.next_step
