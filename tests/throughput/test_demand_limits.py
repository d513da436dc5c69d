"""Demands past what a model or a workspace takes."""

import pytest

from .conftest import Size, entry, ids, only, only_problem

LLAMA = 'model: system.ai.llama_v3_3_70b_instruct, version: "1"'


def demand(rate: float = 0.1, given: int = 2048, produced: int = 256, more: str = "") -> str:
    return f"demand: {{requests_per_second: {rate}, input_tokens: {given}, output_tokens: {produced}{more}}}"


def chat(name: str = "chat", more: str = "", bands: int = 900) -> str:
    return entry(f"throughput: {{bands: {{min: 1, max: {bands}}}}}", name=name, model=LLAMA, more=more)


@pytest.mark.parametrize(
    ("given", "produced", "told"),
    [
        (
            127_000,
            1_001,
            "127,000 input and 1,001 output tokens: system.ai.llama_v3_3_70b_instruct has a context of 128,000",
        ),
        (100, 8_193, "8,193 output tokens: an answer has at most 8,192"),
    ],
)
def test_demand_limit_of_lengths(sized: Size, given: int, produced: int, told: str) -> None:
    text = chat(more=demand(0.1, given, produced), bands=99)
    problem = only_problem(sized(text), "demand-limit", "warning")
    assert problem.path == "models/chat/demand"
    assert problem.finding.startswith(told)
    assert only(sized(chat(more=demand(0.1, 120_000, 8_000), bands=99))).family == "bands"


def test_workspace_requests_are_those_of_all_entries_at_their_peaks(sized: Size) -> None:
    one, two = chat("one", demand(60, 10, 10, ", peak_factor: 2"), 9), chat("two", demand(80, 10, 10), 9)
    assert ids(sized(one + two)) == []  # 60 x 2 + 80 = 200
    problem = only_problem(sized(one + chat("two", demand(80.5, 10, 10), 9)), "workspace-requests", "warning")
    assert problem.path == "models"
    assert problem.finding.startswith("all entries together: 200.5 requests/s: a workspace takes at most 200")
