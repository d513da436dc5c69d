import pytest

from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.sizing import size

from .conftest import Size, entry, ids, only_problem


def test_s5_each_distinct_version_is_asked_for_once_in_order() -> None:
    text = "version: 1\nallow_legacy: true\nmodels:\n" + "".join(
        (
            entry(name="b", model='model: z.y.x, version: "2"'),
            entry(name="a", model='model: a.b.c, version: "1"'),
            entry(name="again", model='model: z.y.x, version: "2"'),
            entry(name="new", model="register: {name: ml.own.new, source: runs:/1/m}"),
            entry(
                "workload: {size: Small, parameters_billion: 7}", name="old", model='model: ml.own.old, version: "1"'
            ),
        )
    )
    fleet = load_text(text, "models.yaml", None).fleet
    assert fleet is not None
    assert model_versions(fleet) == (ModelVersion("a.b.c", "1"), ModelVersion("z.y.x", "2"))


def test_s5_no_answer_is_an_error_with_its_reason(sized: Size) -> None:
    result = sized(entry(), Unavailable("the workspace has no such model"))
    assert "the workspace has no such model" in only_problem(result, "S5-info").finding
    assert result.endpoints == ()


def test_s5_version_that_was_not_asked_is_an_error() -> None:
    loaded = load_text(f"version: 1\nmodels:\n{entry()}", "models.yaml", None)
    assert loaded.fleet is not None
    assert ids(size(loaded.fleet, {}, loaded.source)) == ["S5-info"]


def test_s5_mistyped_preinstalled_model_is_suggested(sized: Size) -> None:
    text = entry(model='model: system.ai.lama_v3_3_70b_instruct, version: "1"')
    assert (
        only_problem(sized(text, Unavailable("not found")), "S5-info").next_step
        == "did you mean system.ai.llama_v3_3_70b_instruct?"
    )


@pytest.mark.parametrize(
    "response",
    [{}, {"optimizable": False}, {"optimizable": None}, {"optimizable": "true"}, {"throughput_chunk_size": 980}],
)
def test_s6_optimizable_absent_or_false_stops_before_anything_is_created(
    sized: Size, response: dict[str, object]
) -> None:
    result = sized(entry(), OptimizationInfo.from_response(response))
    assert only_problem(result, "S6-eligible").path == "models/chat/model"
    assert result.endpoints == ()


@pytest.mark.parametrize(
    ("response", "info"),
    [
        (
            {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 1580},
            OptimizationInfo(True, "llama", 1580),
        ),
        ({"optimizable": True, "model_type": "gte", "throughput_chunk_size": 980}, OptimizationInfo(True, "gte", 980)),
        ({"optimizable": True, "throughput_chunk_size": 980.0}, OptimizationInfo(True, None, 980)),
        ({"optimizable": True, "model_type": "llama4"}, OptimizationInfo(True, "llama4", None)),
        ({"optimizable": False, "throughput_chunk_size": 980}, OptimizationInfo(False, None, 980)),
    ],
)
def test_s7_chunk_is_the_one_that_was_answered(response: dict[str, object], info: OptimizationInfo) -> None:
    assert OptimizationInfo.from_response(response) == info


@pytest.mark.parametrize("chunk", [0, 0.5, -980, 1.5, "980", True, 10**400, float("inf"), float("nan")])
def test_s7_chunk_that_is_no_positive_whole_number_is_an_error(chunk: object) -> None:
    with pytest.raises(ValueError, match="not a positive whole number"):
        OptimizationInfo.from_response({"optimizable": True, "throughput_chunk_size": chunk})


def test_problems_of_all_entries_come_in_one_go_and_sound_entries_are_sized(sized: Size) -> None:
    text = (
        entry(name="one", model='model: a.b.c, version: "1"')
        + entry(name="two")
        + entry(name="three", model='model: a.b.c, version: "3"')
    )
    result = sized(
        text, {"1": Unavailable("x"), "3": OptimizationInfo(False)} | {"1": OptimizationInfo(True, "llama", 980)}
    )
    assert [problem.path for problem in result.problems] == ["models/three/model"]
    assert [endpoint.entry.name for endpoint in result.endpoints] == ["one", "two"]


@pytest.mark.parametrize(
    "model",
    [
        "main.ai.llama_v3_3_70b_instruct",  # not one of system.ai
        "system.ai.llama_v3_3_70b_instruct",  # spelled right: it is the version, or the grant, that is wrong
        "system.ai.qqqqqqqq",  # like none
    ],
)
def test_s5_no_other_model_is_suggested_where_the_name_is_not_what_is_wrong(sized: Size, model: str) -> None:
    result = sized(entry(model=f'model: {model}, version: "1"'), Unavailable("not found"))
    step = "check the name and the version, then run again with --refresh"
    assert [one.next_step for one in result.problems if one.id == "S5-info"] == [step]


def test_s7_chunk_is_taken_as_answered_whatever_its_size_and_a_type_that_is_no_text_is_left_out() -> None:
    answer = {"optimizable": True, "throughput_chunk_size": 1, "model_type": 7}
    assert OptimizationInfo.from_response(answer) == OptimizationInfo(True, None, 1)
