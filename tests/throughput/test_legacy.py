from datetime import date

import pytest

from bandplan.serving.throughput.legacy import workload_type_for

from .conftest import Size, entry, ids, only_problem


def legacy(
    workload: str = "size: Small, parameters_billion: 7",
    *,
    allowed: bool = True,
    task: str = "llm/v1/completions",
    name: str = "ml.own.mpt_7b",
) -> str:
    return entry(
        f"workload: {{{workload}}}",
        task=task,
        model=f'model: {name}, version: "3"',
        more="allow_legacy: true" if allowed else "",
    )


def test_s28_legacy_entry_without_permission_is_refused_with_the_equivalent(sized: Size) -> None:
    problem = only_problem(sized(legacy(allowed=False)), "S28-legacy-gate")
    assert "throughput: {bands: {min: 1, max: 2}}" in problem.next_step and "allow_legacy: true" in problem.next_step


@pytest.mark.parametrize(("top", "allowed"), [("", True), ("allow_legacy: true\n", False)])
def test_s28_legacy_entry_is_allowed_by_the_entry_or_the_file_and_warned_of(
    sized: Size, top: str, allowed: bool
) -> None:
    result = sized(legacy(allowed=allowed), top=top)
    assert "throughput: {bands: {min: 1, max: 2}}" in only_problem(result, "legacy-deprecated", "warning").next_step
    (endpoint,) = result.endpoints
    (entity,) = endpoint.entities
    assert endpoint.family == "workload"
    assert (entity.model, entity.version) == ("ml.own.mpt_7b", "3")
    assert (entity.workload_type, entity.workload_size, entity.scale_to_zero) == ("GPU_LARGE", "Small", False)
    assert (entity.min_provisioned_throughput, entity.model_units) == (None, None)


@pytest.mark.parametrize(
    ("billions", "kind"),
    [
        (7, "GPU_LARGE"),
        (13, "GPU_LARGE"),
        (30, "GPU_LARGE"),
        (34, "GPU_LARGE"),
        (70, "GPU_LARGE_2"),
        (6.9, None),
        (7.1, None),
        (8, None),
        (12.9, None),
        (13.1, None),
        (29.9, None),
        (34.1, None),
        (50, None),
        (69, None),
        (71, None),
        (180, None),
    ],
)
def test_s26_compute_is_that_of_the_published_sizes(billions: float, kind: str | None) -> None:
    assert workload_type_for(billions) == kind


@pytest.mark.parametrize("kind", ["GPU_LARGE_2", "GPU_SMALL", "CPU"])
def test_s26_compute_that_is_not_the_recommended_one_is_warned_of_and_served(sized: Size, kind: str) -> None:
    result = sized(legacy(f"type: {kind}, size: Small, parameters_billion: 7"))
    assert ids(result) == ["legacy-deprecated", "workload-type-unusual"]
    (unusual,) = [problem for problem in result.problems if problem.id == "workload-type-unusual"]
    assert unusual.severity == "warning" and "`type: GPU_LARGE`" in unusual.next_step
    assert result.endpoints[0].entities[0].workload_type == kind


def test_s26_compute_that_is_not_the_recommended_one_can_be_waived(sized: Size) -> None:
    waiver = "{policy: workload-type-unusual, reason: runs well, owner: ana@example.com, expires: 2027-01-31}"
    text = legacy("type: GPU_SMALL, size: Small, parameters_billion: 7").rstrip()
    text = f"{text.removesuffix('}')}, waivers: [{waiver}]}}\n"
    result = sized(text, today=date(2026, 12, 1))
    assert ids(result) == ["legacy-deprecated"]
    assert [one.problem.id for one in result.waived] == ["workload-type-unusual"]


def test_s26_size_between_the_published_ones_needs_a_type_and_is_warned_of(sized: Size) -> None:
    without = sized(legacy("size: Small, parameters_billion: 8"))
    assert ids(without) == ["S26-workload-type", "legacy-deprecated"] and without.endpoints == ()
    given = sized(legacy("type: GPU_LARGE, size: Small, parameters_billion: 8"))
    assert ids(given) == ["legacy-deprecated", "workload-size-unlisted"] and len(given.endpoints) == 1


@pytest.mark.parametrize(
    ("billions", "place"),
    [
        ("3", "is less than the smallest published size, 7 billion"),
        ("8", "is between two published sizes, 7 and 13 billion"),
        ("29.5", "is between two published sizes, 13 and 30 billion"),
        ("40", "is between two published sizes, 34 and 70 billion"),
        ("180", "is more than the largest published size, 70 billion"),
    ],
)
def test_s26_unpublished_size_is_placed_among_the_published_ones(sized: Size, billions: str, place: str) -> None:
    workload = f"type: GPU_LARGE, size: Small, parameters_billion: {billions}, gpu_access_confirmed: true"
    (warning,) = (one for one in sized(legacy(workload)).problems if one.id == "workload-size-unlisted")
    assert warning.finding == f"{billions} billion parameters {place}"


@pytest.mark.parametrize(
    ("version", "refused"), [("2.3.2", True), ("1.30.0", True), ("2.4.0", False), ("2.10.1", False), ("3.1.0", False)]
)
def test_s22_legacy_serving_takes_mlflow_2_4(sized: Size, version: str, refused: bool) -> None:
    """Registering for it is refused all the same; the age is judged by the rule of legacy serving."""
    register = f'register: {{name: ml.own.mpt_7b, source: runs:/1/m, mlflow_version: "{version}"}}'
    workload = "workload: {size: Small, parameters_billion: 7}"
    result = sized(entry(workload, task="llm/v1/completions", model=register, more="allow_legacy: true"))
    of_age = [one for one in result.problems if one.id in ("legacy-mlflow", "S22-mlflow")]
    assert [one.id for one in of_age] == (["legacy-mlflow"] if refused else [])
    assert all(
        "S22" in one.rule and "MLflow 2.4" in one.rule and "Databricks Runtime 13.2 ML" in one.rule for one in of_age
    )


@pytest.mark.parametrize(("billions", "refused"), [("49.9", False), ("50", True), ("70", True)])
def test_s26_gpu_access_is_confirmed_from_50_billion_on(sized: Size, billions: str, refused: bool) -> None:
    workload = f"type: GPU_LARGE_2, size: Small, parameters_billion: {billions}"
    assert ("S26-gpu-access" in ids(sized(legacy(workload)))) is refused
    assert "S26-gpu-access" not in ids(sized(legacy(f"{workload}, gpu_access_confirmed: true")))


def test_s27_scale_to_zero_on_gpu_is_refused_and_on_cpu_allowed(sized: Size) -> None:
    gpu = sized(legacy("size: Small, parameters_billion: 7, scale_to_zero: true"))
    assert "S27-scale-to-zero" in ids(gpu)
    cpu = sized(legacy("type: CPU, size: Small, parameters_billion: 0.5, scale_to_zero: true"))
    assert "S27-scale-to-zero" not in ids(cpu) and cpu.endpoints[0].entities[0].scale_to_zero is True


@pytest.mark.parametrize("task", ["llm/v1/chat", "llm/v1/embeddings"])
def test_s25_legacy_serving_answers_completions_only(sized: Size, task: str) -> None:
    assert ids(sized(legacy(task=task))) == ["S25-legacy-task", "legacy-deprecated"]


def test_s25_family_that_legacy_serving_does_not_know_is_warned_of(sized: Size) -> None:
    assert ids(sized(legacy(name="ml.own.dbrx_instruct"))) == ["legacy-deprecated", "legacy-family"]


@pytest.mark.parametrize("name", ["ml.own.falcon_7b", "ml.own.ranker", "ml.own.prompter_7b"])
def test_s25_name_of_no_family_that_legacy_serving_knows_is_warned_of(sized: Size, name: str) -> None:
    assert ids(sized(legacy(name=name))) == ["legacy-deprecated", "legacy-family"]


@pytest.mark.parametrize(
    "name", ["llama_2_70b_chat", "llama2_7b", "Llama-v2-13b", "mpt_7b", "mpt7b", "mistral_7b_instruct"]
)
def test_s25_families_that_legacy_serving_knows_are_not_warned_of(sized: Size, name: str) -> None:
    assert ids(sized(legacy(name=f"ml.own.{name}"))) == ["legacy-deprecated"]


@pytest.mark.parametrize(
    ("workload", "floor"),
    [
        ("size: Large, parameters_billion: 7", 1),
        ("type: CPU, size: Small, parameters_billion: 0.5", 1),
        ("type: CPU, size: Small, parameters_billion: 0.5, scale_to_zero: true", 0),
        ("size: Small, parameters_billion: 7, scale_to_zero: true", 1),
    ],
)
def test_s28_line_to_write_instead_has_a_floor_and_says_where_its_size_comes_from(
    sized: Size, workload: str, floor: int
) -> None:
    (step,) = [one.next_step for one in sized(legacy(workload)).problems if one.id == "legacy-deprecated"]
    assert f"throughput: {{bands: {{min: {floor}, max: 2}}}}" in step
    assert "with a size from optimization info and a load test" in step


def test_s25_legacy_workload_of_a_version_to_be_registered_is_refused(sized: Size) -> None:
    text = entry(
        "workload: {size: Small, parameters_billion: 7}",
        task="llm/v1/completions",
        model="register: {name: ml.own.mpt_7b, source: runs:/1/m}",
        more="allow_legacy: true",
    )
    assert "S25-legacy-register" in ids(sized(text))


def test_s1_workload_and_band_at_one_endpoint_are_refused(sized: Size) -> None:
    text = """\
  - name: split
    task: llm/v1/completions
    allow_legacy: true
    entities:
      - {model: ml.own.mpt_7b, version: "1", throughput: {bands: {min: 1, max: 2}}, traffic_percent: 50}
      - {model: ml.own.mpt_7b, version: "2", workload: {size: Small, parameters_billion: 7}, traffic_percent: 50}
"""
    assert ids(sized(text)) == ["S1-mixed", "legacy-deprecated"]


def test_s26_compute_that_is_written_and_fits_is_no_problem(sized: Size) -> None:
    only_problem(sized(legacy("type: GPU_LARGE, size: Small, parameters_billion: 7")), "legacy-deprecated", "warning")


@pytest.mark.parametrize(("billions", "gated"), [(49.9, False), (50, True)])
def test_s26_gpu_access_is_granted_from_50_billion_parameters_on(sized: Size, billions: float, gated: bool) -> None:
    result = sized(legacy(f"type: GPU_LARGE_2, size: Small, parameters_billion: {billions}"))
    assert ("S26-gpu-access" in ids(result)) == gated


def test_s25_family_that_legacy_serving_does_not_know_is_named(sized: Size) -> None:
    result = sized(legacy(name="ml.own.dbrx_instruct"))
    assert "ml.own.dbrx_instruct is DBRX" in [one.finding for one in result.problems if one.id == "legacy-family"]


def test_s32_and_s21_are_not_asked_of_a_legacy_workload(sized: Size) -> None:
    result = sized(legacy(name="system.ai.gte_large_en_v1_5"))
    assert ids(result) == ["legacy-deprecated", "legacy-family"]
