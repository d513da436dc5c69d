"""Erlang's formula, and the bound that spares simulations."""

import pytest

from bandplan.planner.bound import erlang_c, surely_holds
from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.target import Target
from bandplan.planner.trials import Trials

SHAPE = Shape(2048, 256)
CHUNKS = Capacity("bands", 980)


def holds(load: Load, target: Target, chunks: int) -> bool:
    service, count = CHUNKS.served_by(chunks, load.shape)
    return surely_holds(service, count, load, target)


@pytest.mark.parametrize(
    ("servers", "busy", "wait"),
    [
        (1, 0.6, 0.6),  # one server: those that find it busy
        (2, 1.0, 1 / 3),  # 2 servers: 2 rho^2 / (1 + rho) = 2 x 0.25 / 1.5
        (5, 4.0, 0.5541),  # tables of Erlang C
    ],
)
def test_erlang_c(servers: int, busy: float, wait: float) -> None:
    assert erlang_c(servers, busy) == pytest.approx(wait, rel=1e-3)


@pytest.mark.parametrize("rate", [0.3, 0.6, 1.2, 1.4, 2.5])
@pytest.mark.parametrize("limit", [9.5, 10, 12, 16, 30])
@pytest.mark.parametrize("percentile", [50, 95, 99])
def test_what_the_bound_takes_the_simulation_takes_too(rate: float, limit: float, percentile: float) -> None:
    load, target = Load(SHAPE, rate), Target(limit, percentile=percentile)
    taken = [chunks for chunks in range(1, 9) if holds(load, target, chunks)]
    assert taken == list(range(min(taken, default=9), 9))
    for chunks in taken[:1]:
        evidence = Trials(CHUNKS, load, target).evidence(chunks)
        assert not evidence.misses(target)


def test_below_the_time_in_a_full_chunk_nothing_is_sure() -> None:
    # A full chunk takes 9.40 s for 2048/256.
    assert not holds(Load(SHAPE, 0.1), Target(9.3), 50)
    assert holds(Load(SHAPE, 0.1), Target(9.5), 50)


@pytest.mark.parametrize(
    ("target", "sure"),
    [
        (Target(ttft_seconds=5.2), False),
        (Target(ttft_seconds=5.3), True),
        (Target(tpot_ms=16), False),
        (Target(tpot_ms=17), True),
    ],
)
def test_first_tokens_and_output_tokens(target: Target, sure: bool) -> None:
    # Of 9.40 s in a full chunk, the prompt takes 2048 / 3673 = 5.24 s, an output token (9.40 - 5.24) / 256 = 16.2 ms.
    assert holds(Load(SHAPE, 0.1), target, 50) is sure


@pytest.mark.parametrize("load", [Load(SHAPE, 0.1, arrivals="bursty"), Load(SHAPE, 0.1, spread_percent=1)])
def test_other_arrivals_and_lengths_are_simulated(load: Load) -> None:
    assert not holds(load, Target(1_000), 50)
    assert not holds(Load(SHAPE, concurrent_requests=1), Target(1_000), 50)
    assert not holds(Load(SHAPE, 100), Target(1_000), 1)
