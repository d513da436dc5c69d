"""The planner's numbers alone: the same as those of the whole plan."""

import pytest

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Arrivals, Load, Shape
from bandplan.planner.plan import plan
from bandplan.planner.sizes import Size, Sizes, Wanted
from bandplan.planner.target import Target
from bandplan.planner.trials import Trials


def test_a_refusal_is_an_answer() -> None:
    found = Sizes().of(Capacity("bands", 980), Wanted(Load(Shape(1500, 200), 20), Target(3)))
    assert found.refusal.startswith("no capacity fixes this: one request alone takes 4.9 s, more than 3.0 s")
    assert (found.floor, found.ceiling) == (0, 0)


def test_numbers_are_those_of_the_plan_and_are_kept() -> None:
    capacity, wanted = Capacity("bands", 980), Wanted(Load(Shape(1500, 200), 5), Target(8), peak_factor=3)
    sizes = Sizes()
    found = sizes.of(capacity, wanted)
    whole = plan(capacity, wanted.load, wanted.target, peak_factor=3)
    assert (found.floor, found.ceiling) == (whole.floor.steps, whole.ceiling.steps)
    assert Sizes(sizes.found).of(capacity, wanted) is found


def test_known_answers_are_not_simulated() -> None:
    capacity, wanted = Capacity("bands", 980), Wanted(Load(Shape(1500, 200), 20), Target(3))
    question = next(iter(_found(capacity, wanted)))
    assert Sizes({question: Size(7, 9)}).of(capacity, wanted) == Size(7, 9)


def _found(capacity: Capacity, wanted: Wanted) -> dict[str, Size]:
    sizes = Sizes()
    sizes.of(capacity, wanted)
    return sizes.found


@pytest.mark.parametrize("arrivals", ["poisson", "bursty"])
@pytest.mark.parametrize("spread", [0, 60])
@pytest.mark.parametrize("limit", [5.5, 7, 10])
def test_short_runs_decide_as_long_ones(arrivals: Arrivals, spread: float, limit: float) -> None:
    load = Load(Shape(1500, 200), 2.2, arrivals=arrivals, spread_percent=spread)
    for steps in (5, 7):
        trials = Trials(Capacity("bands", 980), load, Target(limit))
        held = trials.holds(steps)
        assert held is not bool(trials.evidence(steps).misses(trials.target))


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Target(8), "8 s of latency at p95"),
        (Target(8, 1, percentile=99), "8 s of latency and 1 s to the first token at p99"),
        (Target(8, 1, 40), "8 s of latency, 1 s to the first token and 40 ms per output token at p95"),
        (Target(), "no target"),
    ],
)
def test_a_target_is_told_in_words(target: Target, words: str) -> None:
    assert str(target) == words
