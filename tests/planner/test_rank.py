"""The nearest rank, by the planner and by observed use alike."""

from fractions import Fraction
from math import ceil

import pytest

from bandplan.planner.rank import nearest_rank
from bandplan.planner.simulation import Run
from bandplan.usage.window import percentile


@pytest.mark.parametrize(
    ("count", "percent", "index"),
    [(0, 95, 0), (1, 95, 0), (20, 95, 18), (21, 95, 19), (100, 99, 98), (100, 100, 99), (1000, 99.9, 998), (3, 0, 0)],
)
def test_rank_is_the_smallest_that_holds_the_share(count: int, percent: float, index: int) -> None:
    assert nearest_rank(count, percent) == index


@pytest.mark.parametrize("percent", ["50", "90", "95", "99", "99.5", "99.9", "99.99"])
def test_multiples_of_a_thousand_are_ranked_as_with_exact_fractions(percent: str) -> None:
    for count in range(1000, 200_001, 1000):
        exact = ceil(Fraction(percent) * count / 100) - 1
        assert nearest_rank(count, float(percent)) == exact, (count, percent)


def run_of(latencies: list[float], refused: int = 0) -> Run:
    """Requests that all arrived, and had their first token, at 0."""
    none = [0.0] * len(latencies)
    return Run(range(len(latencies)), none, none, none, latencies, none, refused, 1.0)


@pytest.mark.parametrize("percent", [50, 95, 99, 99.9, 100])
def test_simulated_and_observed_percentiles_are_the_same(percent: float) -> None:
    values = [float(number) for number in range(1, 1001)]
    run = run_of(values)
    assert run.percentile(values, percent) == percentile(values, percent) == percent * 10


def test_refused_requests_are_slower_than_all_others() -> None:
    run = run_of([1.0] * 95, refused=5)
    assert run.percentile(run.latencies, 95) == 1.0  # 95 of 100 ended
    assert run.percentile(run.latencies, 96) == float("inf")
