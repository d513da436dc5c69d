"""`never_below`: the least ceiling that a suggestion from observed use may have."""

import pytest

from bandplan.serving.spec.loading import Loaded, load_text

ENTRY = """\
version: 1
models:
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {throughput}
    demand: {{requests_per_second: 1, input_tokens: 10, output_tokens: 10}}
    never_below: {least}
"""


def loaded(throughput: str, least: str) -> Loaded:
    return load_text(ENTRY.format(throughput=throughput, least=least), "models.yaml", None)


@pytest.mark.parametrize(
    ("throughput", "least"),
    [
        ("{bands: {min: 1, max: 3}}", "{bands: 3}"),
        ("{bands: {min: 1, max: 2}}", "{bands: 3}"),  # as of a stack that overrides the throughput
        ("{bands: {want: 4, accept: 2}}", "{bands: 4}"),
        ("{tokens_per_second: {min: 980, max: 2940}}", "{tokens_per_second: 980}"),
        ("{model_units: 100}", "{model_units: 50}"),
        ("{model_units: {want: 100, accept: 50}}", "{model_units: 100}"),
    ],
)
def test_least_ceiling_in_the_unit_of_the_throughput_is_allowed(throughput: str, least: str) -> None:
    found = loaded(throughput, least)
    assert found.problems == ()
    assert found.fleet is not None
    assert found.fleet.models[0].never_below is not None


@pytest.mark.parametrize(
    ("throughput", "least", "told"),
    [
        ("{model_units: 50}", "{bands: 1}", "the throughput is in model_units; "),
        ("{bands: {min: 1, max: 2}}", "{model_units: 50}", "the throughput is in bands; "),
        ("auto", "{bands: 1}", "no throughput of its own that could be lowered"),
    ],
)
def test_least_ceiling_in_another_unit_is_refused(throughput: str, least: str, told: str) -> None:
    (problem,) = loaded(throughput, least).problems
    assert problem.id == "never-below"
    assert told in problem.render()


@pytest.mark.parametrize("least", ["{}", "{bands: 1, tokens_per_second: 980}"])
def test_least_ceiling_is_in_one_unit(least: str) -> None:
    assert {problem.id for problem in loaded("{bands: {min: 1, max: 2}}", least).problems} == {"one-of"}


def test_least_ceiling_of_nothing_is_refused() -> None:
    assert [problem.id for problem in loaded("{bands: {min: 1, max: 2}}", "{bands: 0}").problems] == ["value"]
