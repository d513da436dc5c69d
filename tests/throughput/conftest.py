"""Entries sized against the platform's answers, one thing changed per test."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

import pytest

from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.problem import Problem
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.regions import RegionTable
from bandplan.serving.throughput.sizing import EndpointSizing, Sized, SizingRequest, size
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies

Answer = OptimizationInfo | Unavailable
Size = Callable[..., Sized]

BANDS_980 = OptimizationInfo(True, "llama", 980)
UNITS = OptimizationInfo(True, "llama4", None)


def entry(
    throughput: str = "throughput: {bands: {min: 2, max: 3}}",
    *,
    name: str = "chat",
    task: str = "llm/v1/chat",
    model: str = 'model: ml.own.model, version: "1"',
    more: str = "",
) -> str:
    return f"  - {{name: {name}, task: {task}, {model}, {throughput}{', ' if more else ''}{more}}}\n"


@pytest.fixture
def sized() -> Size:
    """`sized(entries, answer, top=..., today=...)`: every version is given `answer`, or its own of a mapping by version."""

    def run(
        entries: str,
        answer: Answer | Mapping[str, Answer] = BANDS_980,
        *,
        top: str = "",
        today: date | None = None,
        regions: Any = None,
        policies: BandPolicies = NO_POLICIES,
    ) -> Sized:
        loaded = load_text(f"version: 1\n{top}models:\n{entries}", "models.yaml", None)
        assert loaded.fleet is not None, rendered(loaded.problems)
        table: RegionTable | None = regions
        return size(
            loaded.fleet,
            answers(model_versions(loaded.fleet), answer),
            loaded.source,
            request=SizingRequest(today, table, policies),
        )

    return run


def answers(versions: Sequence[ModelVersion], answer: Answer | Mapping[str, Answer]) -> dict[ModelVersion, Answer]:
    if isinstance(answer, Mapping):
        return {version: answer[version.version] for version in versions}
    return dict.fromkeys(versions, answer)


def only(sized: Sized) -> EndpointSizing:
    """The only endpoint, with nothing wrong."""
    assert sized.problems == (), rendered(sized.problems)
    (endpoint,) = sized.endpoints
    return endpoint


def only_problem(sized: Sized, id: str, severity: str = "error") -> Problem:
    """The one problem there is; with an error, nothing is sized."""
    assert [problem.id for problem in sized.problems] == [id], rendered(sized.problems)
    assert sized.problems[0].severity == severity
    return sized.problems[0]


def ids(sized: Sized) -> list[str]:
    return sorted(problem.id for problem in sized.problems)


def rendered(problems: Sequence[Problem]) -> str:
    return "\n".join(problem.render() for problem in problems)
