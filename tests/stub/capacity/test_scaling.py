"""Chunks that come and go: for load, for a queue, to nothing and back."""

import random

import pytest

from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.shape import Shape
from tests.stub.capacity.virtual_time import Clients, Ended, closed_loop, pool_of

SHORT = Shape(512, 64)


def test_chunk_is_added_when_the_last_30_s_used_more_than_80_percent() -> None:
    # Two of the four requests that fill a chunk: 2 x 296 of 980 tokens/s, 60%. Three: 3 x 268, 82%.
    pool = pool_of(980, 1, 2)
    clients = closed_loop(pool, 2, 300)
    assert (pool.running, pool.starting) == (1, 0)
    clients.send()
    clients.run(clients.now + 20, then=lambda ended: clients.send())
    assert pool.starting == 0
    assert pool.usage.utilisation(clients.now, 30) < 0.8
    clients.run(clients.now + 12, then=lambda ended: clients.send())
    assert pool.starting == 1
    clients.run(clients.now + 60, then=lambda ended: clients.send())
    assert pool.running == 2


def test_chunk_is_added_for_a_queue_at_once() -> None:
    pool = pool_of(980, 1, 3)
    clients = Clients(pool)
    for _ in range(4):
        clients.send()
    assert pool.starting == 0
    clients.send()
    assert (pool.starting, pool.starts_in) == (1, 60)


def test_nothing_is_added_beyond_the_ceiling() -> None:
    pool = pool_of(980, 1, 2)
    closed_loop(pool, 40, 1000)
    assert (pool.running, pool.starting) == (2, 0)


def test_chunk_goes_after_five_minutes_below_40_percent_down_to_the_floor() -> None:
    pool = pool_of(980, 2, 5)
    clients = closed_loop(pool, 40, 600)
    assert pool.running == 5
    clients.run(clients.now + 100)  # the last requests end
    seen = []
    for _ in range(6):
        clients.run(clients.now + 301)
        seen.append(pool.running)
    assert seen == [4, 3, 2, 2, 2, 2]


def test_load_above_40_percent_keeps_its_chunks() -> None:
    # One request alone in each chunk: 331 of 980, 34%. Two in each: 60%.
    pool = pool_of(980, 1, 2)
    clients = closed_loop(pool, 8, 200)
    assert pool.running == 2
    for ticket in list(clients.open)[:4]:
        clients.leave(ticket)
    clients.run(clients.now + 3000, then=lambda ended: clients.send())
    assert pool.running == 2


def test_scale_in_never_cuts_a_request() -> None:
    # One long request per chunk, so that no chunk is empty when it is time for one to go.
    pool = pool_of(980, 1, 3)
    clients = closed_loop(pool, 12, 300)
    assert pool.running == 3
    for ticket in list(clients.open):
        clients.leave(ticket)
    for _ in range(3):
        clients.send(Shape(200_000, 100))  # some 1,000 s alone
    clients.run(clients.now + 10)
    assert sorted(len(chunk.tickets) for chunk in pool.chunks) == [1, 1, 1]
    clients.ended.clear()
    clients.run(clients.now + 320)
    assert pool.running == 3, "a chunk that is to go stays until its request has ended"
    assert sum(chunk.is_draining for chunk in pool.chunks) == 1
    clients.run(clients.now + 2000)
    assert len(clients.ended) == 3
    assert all(ended.ticket.done == pytest.approx(pool.supply.work.of(ended.shape)) for ended in clients.ended)


def test_chunk_that_is_to_go_is_kept_when_it_is_needed_again() -> None:
    pool = pool_of(980, 1, 2)
    clients = closed_loop(pool, 8, 100)
    for ticket in list(clients.open):
        clients.leave(ticket)
    for _ in range(2):
        clients.send(Shape(200_000, 100))
    clients.run(clients.now + 400)
    assert sum(chunk.is_draining for chunk in pool.chunks) == 1
    for _ in range(4):
        clients.send(SHORT)
    assert not any(chunk.is_draining for chunk in pool.chunks)
    assert not pool.waiting
    assert pool.starting == 0


def test_last_chunk_goes_after_30_idle_minutes_and_the_next_request_waits_for_a_cold_start() -> None:
    pool = pool_of(980, 0, 2, Settings(startup_seconds=90))
    clients = Clients(pool)
    assert pool.running == 1, "a deployment that has become ready has something to answer with"
    clients.send(SHORT)
    clients.run(100)
    ended = clients.ended[0].ticket.ended
    assert ended is not None
    clients.run(ended + 1799)
    assert pool.running == 1
    clients.run(ended + 1801)
    assert (pool.running, pool.starting, pool.next_event) == (0, 0, None)
    clients.run(10_000)
    first, second = clients.send(SHORT), clients.send(SHORT)
    assert (pool.starting, first.is_waiting, second.is_waiting) == (1, True, True)
    clients.run(10_500)
    assert first.admitted == second.admitted == 10_090
    assert pool.running == 1


def test_floor_above_zero_never_goes_cold() -> None:
    pool = pool_of(980, 1, 2)
    clients = Clients(pool)
    clients.run(30 * 24 * 3600)
    assert pool.running == 1


def test_request_during_the_idle_time_keeps_the_last_chunk() -> None:
    pool = pool_of(980, 0, 1)
    clients = Clients(pool)
    clients.run(1700)
    clients.send(SHORT)
    clients.run(3400)
    assert pool.running == 1
    clients.run(3700)
    assert pool.running == 0


def test_chunk_that_starts_while_its_only_request_leaves_goes_again_in_the_end() -> None:
    pool = pool_of(980, 0, 2)
    clients = Clients(pool)
    clients.run(4000)
    assert pool.running == 0
    ticket = clients.send(SHORT)
    clients.run(4010)
    clients.leave(ticket)
    clients.run(4061)
    assert pool.running == 1
    clients.run(10_000)
    assert pool.running == 0


def test_nothing_starts_where_nothing_may() -> None:
    pool = pool_of(980, 1, 4, Settings(starts_chunks=False))
    closed_loop(pool, 40, 500)
    assert (pool.running, pool.starting) == (1, 0)


@pytest.mark.parametrize("seed", range(20))
def test_hours_add_up_to_the_work_that_was_done(seed: int) -> None:
    draw = random.Random(seed)
    pool = pool_of(980, draw.randint(0, 2), draw.randint(2, 5), now=float(draw.randint(0, 10_000)))
    clients = Clients(pool)
    left = []

    def answer(ended: Ended) -> None:
        if draw.random() < 0.7:
            clients.send(Shape(draw.randint(1, 4000), draw.randint(1, 400)))

    for _ in range(40):
        for _ in range(draw.randint(0, 12)):
            clients.send(Shape(draw.randint(1, 4000), draw.randint(1, 400)))
        if clients.open and draw.random() < 0.5:
            ticket = draw.choice(list(clients.open))
            clients.leave(ticket)
            left.append(ticket)
        clients.run(clients.now + draw.choice([1, 20, 400, 2500]), then=answer)
    clients.run(clients.now + 10_000)
    assert not clients.open
    done = sum(ended.ticket.done for ended in clients.ended) + sum(ticket.done for ticket in left)
    hours = [use for _, use in pool.usage.by_hour()]
    assert sum(use.work for use in hours) == pytest.approx(done)
    assert done == pytest.approx(sum(pool.supply.work.of(e.shape) for e in clients.ended) + sum(t.done for t in left))
    for use in hours:
        assert use.capacity == pytest.approx(980 * use.chunk_seconds)
        assert use.work <= use.capacity * (1 + 1e-9) + 1e-6
        assert use.chunk_seconds <= 3600 * use.most_chunks + 1e-6
        assert use.most_chunks <= pool.supply.highest


def test_s16_full_hour_at_the_ceiling_is_the_ceiling_for_an_hour() -> None:
    pool = pool_of(980, 3, 3)
    closed_loop(pool, 12, 2 * 3600)
    (first, second) = [use for _, use in pool.usage.by_hour()]
    assert first.chunk_seconds == pytest.approx(3 * 3600)
    assert second.chunk_seconds == pytest.approx(3 * 3600)
    assert second.work == pytest.approx(3 * 3600 * 980)


def test_year_passes_at_once() -> None:
    pool = pool_of(980, 0, 50)
    clients = closed_loop(pool, 200, 100)
    for ticket in list(clients.open):
        clients.leave(ticket)
    pool.advance(366 * 24 * 3600.0)
    assert pool.running == 0
