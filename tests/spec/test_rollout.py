"""`rollout` of an entry."""

import pytest

from bandplan.serving.spec.loading import Loaded
from bandplan.serving.spec.schema import schema_problems

from .conftest import ENTRY, Load, OnlyProblem


def with_rollout(load: Load, rollout: str, entry: str = ENTRY) -> Loaded:
    return load(f"{entry}    rollout: {rollout}\n")


@pytest.mark.parametrize(
    "rollout",
    [
        "{steps: [100]}",
        "{steps: [0, 10, 50, 100], hold_minutes: 30}",
        "{steps: [50, 100], stop_if: {error_rate: 0.02}}",
        "{steps: [50, 100], stop_if: {error_rate: 0, ttft_seconds: 2}}",
    ],
)
def test_rollout_of_rising_steps_up_to_100_is_taken_by_shapes_and_schema(load: Load, rollout: str) -> None:
    loaded = with_rollout(load, rollout)
    assert loaded.problems == ()
    assert schema_problems(loaded.data, loaded.source) == ()


@pytest.mark.parametrize(
    ("steps", "step"),
    [
        ("[10, 50]", "write [10, 50, 100]"),
        ("[0, 50]", "write [0, 50, 100]"),
        ("[50, 10, 100]", "write [10, 50, 100]"),
        ("[10, 10, 100]", "write [10, 100]"),
        ("[100, 50]", "write [50, 100]"),
    ],
)
def test_steps_that_do_not_rise_to_100_are_refused_with_steps_that_do(
    load: Load, only_problem: OnlyProblem, steps: str, step: str
) -> None:
    assert only_problem(with_rollout(load, f"{{steps: {steps}}}"), "rollout-steps", (8, 15)).next_step == step


@pytest.mark.parametrize("steps", ["[]", "[101]", "[-1, 100]", "ten"])
def test_steps_of_another_shape_are_refused(load: Load, steps: str) -> None:
    problems = with_rollout(load, f"{{steps: {steps}}}").problems
    assert problems and all(problem.path.startswith("models/support-chat/rollout/steps") for problem in problems)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        (
            'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"\n    throughput: {bands: {min: 2, max: 3}}',
            'entities: [{model: m.a.b, version: "1", throughput: {bands: {min: 2, max: 3}}}]',
            "the entry has entities",
        ),
        (
            "throughput: {bands: {min: 2, max: 3}}",
            "workload: {size: Small, parameters_billion: 7}\n    allow_legacy: true",
            "legacy workloads",
        ),
    ],
)
def test_rollout_of_anything_but_one_model_is_refused(
    load: Load, only_problem: OnlyProblem, old: str, new: str, reason: str
) -> None:
    entry = ENTRY.replace(old, new)
    assert entry != ENTRY
    assert reason in only_problem(with_rollout(load, "{steps: [100]}", entry), "rollout-one-model").finding


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"1"', "{alias: champion}"),
        (
            'model: system.ai.llama_v3_3_70b_instruct\n    version: "1"',
            "register: {name: ml.a.b, source: runs:/1/model}",
        ),
    ],
)
def test_rollout_may_be_of_a_version_without_a_number_in_the_file(load: Load, old: str, new: str) -> None:
    assert old in ENTRY
    assert with_rollout(load, "{steps: [100]}", ENTRY.replace(old, new)).problems == ()


def test_steps_that_are_no_list_are_one_problem(load: Load, only_problem: OnlyProblem) -> None:
    only_problem(load(ENTRY + "    rollout: {steps: 50}\n"), "type")


@pytest.mark.parametrize("steps", ["[-5, 50]", "[50, 101]"])
def test_step_that_is_no_percentage_is_one_problem(load: Load, only_problem: OnlyProblem, steps: str) -> None:
    only_problem(load(ENTRY + f"    rollout: {{steps: {steps}}}\n"), "value")
