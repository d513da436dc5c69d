"""A jump from the average to the peak, until the chunks above the floor have started."""

import math
import random

import pytest

from bandplan.planner.capacity import Capacity
from bandplan.planner.jump import SETTLED_SECONDS, Jump, jump, jump_of
from bandplan.planner.load import Load, Shape
from bandplan.planner.plan import plan
from bandplan.planner.target import Target
from bandplan.planner.text import as_json, described
from bandplan.stub.capacity.shape import Shape as StubShape
from tests.stub.capacity.virtual_time import Clients, pool_of

SHAPE = Shape(2048, 256)
CHUNKS = Capacity("bands", 980)


def test_a_chunk_that_starts_at_once_makes_no_jump_felt() -> None:
    found = jump(CHUNKS, Load(SHAPE, 0.3), Load(SHAPE, 1.2), (2, 4), Target(12), startup_seconds=0.001)
    assert found.latency_seconds < 12


def test_requests_wait_longer_the_longer_chunks_take_to_start() -> None:
    def seconds(startup: float) -> float:
        return jump(CHUNKS, Load(SHAPE, 0.3), Load(SHAPE, 1.2), (2, 4), Target(12), startup).latency_seconds

    # Two chunks end 2 x 980 / 2304 = 0.85 requests/s and 1.2 come: after 60 s there are 21 too many, which is 25 s of
    # work for two chunks and 16 for three.
    assert 12 < seconds(30) < seconds(60) < seconds(240)
    assert 20 < seconds(60) < 40


def test_refused_requests_count_as_late_without_end() -> None:
    found = jump(CHUNKS, Load(SHAPE, 0.3), Load(SHAPE, 6), (1, 16), Target(12), 60)
    assert found.seconds == 15 * 60
    assert found.refused_percent > 5
    assert math.isinf(found.latency_seconds)


def test_jump_is_that_of_the_stub_that_starts_a_chunk_whenever_requests_wait() -> None:
    """The stub shares no code with the planner. Both start one chunk after another, 60 s each."""
    mean, peak, floor, ceiling = Load(SHAPE, 0.3), Load(SHAPE, 1.2), 2, 4
    found = jump(CHUNKS, mean, peak, (floor, ceiling), Target(12))
    worst = []
    for seed in range(5):
        rng = random.Random(f"witness {seed}")
        clients = Clients(pool_of(980.0, floor, ceiling))
        shape = StubShape(2048, 256)
        at, judged = 0.0, set()
        end = SETTLED_SECONDS + (ceiling - floor) * 60
        while at < end:
            at += rng.expovariate(0.3 if at < SETTLED_SECONDS else 1.2)
            clients.run(at)
            ticket = clients.send(shape)
            if SETTLED_SECONDS <= at < end:
                judged.add(ticket)
        clients.run(at + 2_000)
        latencies = sorted(one.latency for one in clients.ended if one.ticket in judged)
        worst.append(latencies[int(0.95 * len(latencies))])
    # It waits until requests do, some seconds after the jump, and its runs of 144 requests scatter by a third.
    assert found.latency_seconds == pytest.approx(sum(worst) / len(worst), rel=0.25)


def test_only_chunks_above_the_floor_of_an_open_loop_jump() -> None:
    target = Target(12)
    assert jump_of(plan(CHUNKS, Load(SHAPE, 1.2), target)) is None
    assert jump_of(plan(CHUNKS, Load(SHAPE, concurrent_requests=8), target, peak_factor=3)) is None
    units = plan(Capacity("model_units", 50), Load(Shape(3500, 300), 1), Target(30), peak_factor=3)
    assert jump_of(units) is None
    assert isinstance(jump_of(plan(CHUNKS, Load(SHAPE, 0.3), target, peak_factor=4)), Jump)


def test_a_jump_is_told_in_words_and_as_json() -> None:
    found = plan(CHUNKS, Load(SHAPE, 0.3), Target(12), peak_factor=4)
    text = described(found, jump=Jump(2, 60, 120, 33.04, 0.0))
    assert "2 chunks start one after another, 60 s each (assumed). For 120 s, p95 of latency is 33.04 s; a high" in text
    text = described(found, jump=Jump(1, 60, 60, math.inf, 18.4))
    assert (
        "one chunk starts, 60 s each (assumed). For 60 s, p95 of latency is unbounded, as 18% of the requests" in text
    )
    assert as_json(found, Jump(1, 60, 60, math.inf, 18.4))["jump"]["latency_seconds_p95"] is None
    assert as_json(found)["jump"] is None
