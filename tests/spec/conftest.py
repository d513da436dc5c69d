"""A models.yaml that is valid, with one thing changed per test."""

from collections.abc import Callable, Sequence

import pytest

from bandplan.serving.spec.loading import Loaded, load_text
from bandplan.serving.spec.problem import Problem

ENTRY = """\
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 2, max: 3}}
"""

Load = Callable[..., Loaded]
OnlyProblem = Callable[..., Problem]


@pytest.fixture
def load() -> Load:
    """`load(entries, top=..., after=..., stack=...)`: the file around these entries, loaded."""

    def run(entries: str = ENTRY, *, top: str = "", after: str = "", stack: str | None = None) -> Loaded:
        return load_text(f"version: 1\n{top}models:\n{entries}{after}", "models.yaml", stack)

    return run


@pytest.fixture
def changed(load: Load) -> Callable[[str, str], Loaded]:
    """`changed(old, new)`: the valid file with one piece of its entry replaced."""

    def run(old: str, new: str) -> Loaded:
        assert old in ENTRY
        return load(ENTRY.replace(old, new))

    return run


@pytest.fixture
def only_problem() -> OnlyProblem:
    """`only_problem(loaded, id, place)`: the one problem there is, which has this id and starts at this (line, column)."""

    def run(loaded: Loaded, id: str, place: tuple[int, int] | None = None) -> Problem:
        assert [problem.id for problem in loaded.problems] == [id], rendered(loaded.problems)
        (problem,) = loaded.problems
        if place is not None:
            assert (problem.line, problem.column) == place, problem.render()
        return problem

    return run


def rendered(problems: Sequence[Problem]) -> str:
    return "\n".join(problem.render() for problem in problems)
