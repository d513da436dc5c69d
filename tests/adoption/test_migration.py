from typing import Any

import pytest

from bandplan.adoption.migration import Left, Migration, legacy_versions, migrated, migrations
from bandplan.serving.editing.edits import CannotEdit
from bandplan.serving.spec.loading import Loaded, load_text
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable

HEAD = "version: 1\nmodels:\n"
ENTRY = """\
  # Completions of the old kind.
  - name: old
    task: llm/v1/completions
    model: ml.legacy.mpt_7b_instruct
    version: "3"
    workload: {type: GPU_LARGE, size: Small, parameters_billion: 7}  # by its size
    allow_legacy: true
"""
BLOCK = """\
  - name: old
    task: llm/v1/completions
    model: ml.legacy.mpt_7b_instruct
    version: "3"
    allow_legacy: true  # for now
    workload:
      type: GPU_LARGE  # one A100
      size: Small
      parameters_billion: 7
    demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}
"""
FLOW = (
    "  - {name: old, task: llm/v1/completions, model: ml.legacy.mpt_7b_instruct, version: '3', "
    "workload: {type: GPU_LARGE, size: Small, parameters_billion: 7}, allow_legacy: true}\n"
)
VERSION = ModelVersion("ml.legacy.mpt_7b_instruct", "3")


def loaded(text: str) -> Loaded:
    found = load_text(text, "models.yaml", None)
    assert found.checkable is not None, found.problems
    return found


def found(text: str, answer: Any = OptimizationInfo(True, "mpt", 880)) -> Migration | Left:
    file = loaded(text)
    assert file.checkable is not None and isinstance(file.data, dict)
    assert legacy_versions(file.checkable) == (VERSION,)
    (one,) = migrations(file.checkable, file.data, {VERSION: answer})
    return one


def after(text: str) -> str:
    one = found(text)
    assert isinstance(one, Migration), one
    data = loaded(text).data
    assert isinstance(data, dict)
    return migrated(text, data, [one])


def test_s28_workload_without_a_demand_becomes_the_smallest_band_which_says_so() -> None:
    assert after(HEAD + ENTRY) == HEAD + (
        "  # Completions of the old kind.\n"
        "  - name: old\n"
        "    task: llm/v1/completions\n"
        "    model: ml.legacy.mpt_7b_instruct\n"
        '    version: "3"\n'
        "    # The smallest band, up to 880 tokens/s, because no demand is declared. Load-test it.\n"
        "    throughput: {bands: {min: 1, max: 1}}  # by its size\n"
    )


def test_demand_sizes_the_band_and_comments_stay() -> None:
    # 2 x (2048 + 256) = 4608 tokens/s, with 20 percent of headroom 5529.6, in chunks of 880: 6.28, so 7.
    assert after(HEAD + BLOCK) == HEAD + (
        "  - name: old\n"
        "    task: llm/v1/completions\n"
        "    model: ml.legacy.mpt_7b_instruct\n"
        '    version: "3"\n'
        "    # for now\n"
        "    throughput: {bands: {min: 1, max: 7}}\n"
        "    # one A100\n"
        "    demand: {requests_per_second: 2, input_tokens: 2048, output_tokens: 256}\n"
    )


def test_entry_in_brackets_is_changed_in_its_line() -> None:
    assert after(HEAD + FLOW) == HEAD + (
        "  - {name: old, task: llm/v1/completions, model: ml.legacy.mpt_7b_instruct, version: '3', "
        "throughput: {bands: {min: 1, max: 1}}}\n"
    )


@pytest.mark.parametrize("text", [HEAD + ENTRY, HEAD + BLOCK, HEAD + FLOW, (HEAD + BLOCK).replace("\n", "\r\n")])
def test_migrated_file_has_no_legacy_left_and_no_errors(text: str) -> None:
    result = load_text(after(text), "models.yaml", None)
    assert result.fleet is not None, result.problems
    assert legacy_versions(result.fleet) == ()


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (OptimizationInfo(False), "2.11"),
        (OptimizationInfo(True, "llama4", None), "model units"),
        (Unavailable("no such version"), "no such version"),
    ],
)
def test_version_that_cannot_be_migrated_stays_with_the_reason(answer: Any, word: str) -> None:
    one = found(HEAD + ENTRY, answer)
    assert isinstance(one, Left) and word in one.reason


def test_entry_whose_override_changes_the_workload_stays() -> None:
    one = found(HEAD + ENTRY + "overrides:\n  dev: {old: {workload: {size: Large}}}\n")
    assert isinstance(one, Left) and "dev" in one.reason


@pytest.mark.parametrize("kind", ["CPU", "GPU_SMALL"])
def test_s26_workload_on_compute_that_is_not_recommended_is_migrated_too(kind: str) -> None:
    one = found(HEAD + ENTRY.replace("GPU_LARGE", kind))
    assert isinstance(one, Migration) and one.bands[0].min_bands == 1


def test_scale_to_zero_on_cpu_becomes_a_floor_of_zero() -> None:
    text = HEAD + ENTRY.replace("GPU_LARGE", "CPU").replace(
        "parameters_billion: 7}", "parameters_billion: 8, scale_to_zero: true}"
    )
    one = found(text)
    assert isinstance(one, Migration) and one.bands[0].min_bands == 0


def test_workload_that_comes_from_an_anchor_is_not_cut_out_of_another_place() -> None:
    text = HEAD.replace("models:\n", "") + (
        "defaults: {}\nmodels:\n  - &base\n    name: old\n    task: llm/v1/completions\n    model: ml.legacy.mpt_7b_instruct\n"
        '    version: "3"\n    workload: {type: GPU_LARGE, size: Small, parameters_billion: 7}\n    allow_legacy: true\n'
        "  - {<<: *base, name: other}\n"
    )
    file = loaded(text)
    assert file.checkable is not None and isinstance(file.data, dict)
    moving = migrations(file.checkable, file.data, {VERSION: OptimizationInfo(True, "mpt", 880)}, ["other"])
    with pytest.raises(CannotEdit):
        migrated(text, file.data, [one for one in moving if isinstance(one, Migration)])
