"""Who is let in, in which order, and who is refused with which words."""

import random

import pytest

from bandplan.stub.capacity.arrivals import Arrivals
from bandplan.stub.capacity.gate import Gate
from bandplan.stub.capacity.refusals import NothingRuns, TooMany
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.shape import Shape
from bandplan.stub.capacity.supply import bands
from bandplan.stub.capacity.ticket import Ticket
from tests.stub.capacity.virtual_time import RATIOS, Clients, pool_of


def gate(settings: Settings, **chunks: int) -> Gate:
    supplies = {name: bands(980, count * 980, count * 980, RATIOS, settings) for name, count in chunks.items()}
    return Gate(supplies, settings, 0.0)


def test_first_come_is_first_served() -> None:
    pool = pool_of(980, 1, 1)
    clients = Clients(pool)
    draw = random.Random(5)
    tickets = []
    for _ in range(200):
        tickets.append(clients.send(Shape(draw.randint(1, 500), draw.randint(1, 50))))
        clients.run(clients.now + draw.random() * 0.2)
    clients.run(10_000)
    admitted = [ticket.admitted for ticket in tickets]
    assert None not in admitted
    assert admitted == sorted(admitted, key=lambda at: at or 0.0)


def test_nobody_passes_a_request_that_waits() -> None:
    pool = pool_of(980, 1, 2)
    order: list[int] = []
    tickets = [pool.arrive(0.0, lambda n=n: order.append(n)) for n in range(6)]  # type: ignore[misc]
    pool.end(tickets[0], 1.0)
    pool.arrive(1.0, lambda: order.append(6))
    pool.advance(61.0)
    assert order == [0, 1, 2, 3, 4, 5, 6]


def test_client_that_leaves_the_queue_is_not_waited_for() -> None:
    pool = pool_of(980, 1, 1)
    tickets = [pool.arrive(0.0) for _ in range(7)]
    pool.end(tickets[4], 0.5)
    pool.end(tickets[0], 1.0)
    assert [ticket.is_in_flight for ticket in tickets] == [False, True, True, True, False, True, False]
    pool.end(tickets[4], 2.0)  # a second end changes nothing
    assert (pool.in_flight, len(pool.waiting)) == (4, 1)


def test_queue_limit_refuses_in_the_words_of_the_platform() -> None:
    one = gate(Settings(queue_limit=3), a=1)
    pool = one.pools["a"]
    for _ in range(4 + 3):
        one.arrive(pool, 0.0)
    with pytest.raises(TooMany) as refused:
        one.arrive(pool, 0.0)
    assert refused.value.message == (
        "Too many concurrent requests. Consider increasing the provisioned concurrency of the served entity."
    )
    assert refused.value.retry_after_seconds >= 1
    assert (pool.in_flight, one.waiting) == (4, 3)


def test_queue_limit_of_0_lets_in_what_finds_room() -> None:
    one = gate(Settings(queue_limit=0), a=1)
    tickets = [one.arrive(one.pools["a"], 0.0) for _ in range(4)]
    with pytest.raises(TooMany):
        one.arrive(one.pools["a"], 0.0)
    one.pools["a"].end(tickets[0], 1.0)
    assert one.arrive(one.pools["a"], 1.0).is_in_flight


def test_queue_limit_is_of_the_endpoint_and_stops_no_entity_that_has_room() -> None:
    one = gate(Settings(queue_limit=2), a=1, b=1)
    for _ in range(6):
        one.arrive(one.pools["a"], 0.0)
    for _ in range(4):
        one.arrive(one.pools["b"], 0.0)
    with pytest.raises(TooMany):
        one.arrive(one.pools["b"], 0.0)


def test_workspace_takes_200_requests_in_any_second() -> None:
    arrivals = Arrivals()
    for n in range(200):
        arrivals.count(10 + n / 200)
    with pytest.raises(TooMany) as refused:
        arrivals.count(10.999)
    assert refused.value.message == (
        "Exceeded max number of parallel requests. Please contact your Databricks representative to increase the limit"
    )
    for n in range(200):  # those of before are a second old, one after the other
        arrivals.count(11 + n / 200)


@pytest.mark.parametrize(("lowest", "highest", "settings"), [(0, 0, Settings()), (0, 2, Settings(starts_chunks=False))])
def test_nothing_runs_and_nothing_may_start_is_refused(lowest: int, highest: int, settings: Settings) -> None:
    pool = pool_of(980, lowest, highest, settings)
    pool.advance(100_000)  # until the last chunk has gone for want of requests
    with pytest.raises(NothingRuns):
        pool.arrive(100_000)
    assert (pool.in_flight, len(pool.waiting)) == (0, 0)


class Reconfigured:
    def __init__(self) -> None:
        self.settings = Settings()
        self.gate = gate(self.settings, a=1)
        self.pool = self.gate.pools["a"]

    def to(self, now: float, chunk: float, lowest: int, highest: int) -> None:
        supply = bands(chunk, lowest * chunk, highest * chunk, RATIOS, self.settings)
        self.gate.reconfigure({"a": supply}, self.settings, now)


def test_larger_band_takes_what_waits() -> None:
    it = Reconfigured()
    tickets = [it.pool.arrive(0.0) for _ in range(12)]
    it.to(5.0, 980, 3, 3)
    assert all(ticket.is_in_flight for ticket in tickets)


def test_smaller_band_ends_no_request() -> None:
    it = Reconfigured()
    it.to(0.0, 980, 3, 3)
    tickets = [it.pool.arrive(0.0) for _ in range(12)]
    it.to(1.0, 980, 1, 1)
    assert all(ticket.is_in_flight for ticket in tickets)
    waiting = it.pool.arrive(1.0)
    for ticket in tickets:
        it.pool.end(ticket, 2.0)
    assert waiting.is_in_flight
    assert (it.pool.running, len(it.pool.chunks)) == (1, 1)


def test_chunks_of_another_size_replace_those_of_before_which_finish_what_they_have() -> None:
    it = Reconfigured()
    old = [it.pool.arrive(0.0) for _ in range(4)]
    before = it.pool.due(old[0], 1000, 0.0)
    it.to(0.5, 1580, 1, 1)
    assert it.pool.due(old[0], 1000, 0.5) == pytest.approx(before)
    new = it.pool.arrive(1.0)
    assert new.is_in_flight
    assert it.pool.due(new, 1580 / 4 * 1.35, 1.0) == pytest.approx(2.0)
    for ticket in old:
        it.pool.end(ticket, 3.0)
    assert [chunk.kind.rate for chunk in it.pool.chunks] == [1580]


def test_settings_that_come_during_a_cold_start_do_not_begin_it_again() -> None:
    pool = pool_of(980, 0, 2)
    pool.advance(10_000)
    ticket = pool.arrive(10_000)
    pool.reconfigure(pool.supply, Settings(queue_limit=5), 10_050)
    pool.advance(10_060)
    assert ticket.admitted == 10_060


def test_settings_alone_start_no_chunk() -> None:
    pool = pool_of(980, 0, 2)
    pool.advance(10_000)
    assert pool.running == 0
    pool.reconfigure(pool.supply, Settings(startup_seconds=5), 10_000)
    assert pool.running == 0


@pytest.mark.parametrize("seed", range(10))
def test_after_any_comings_and_goings_nothing_is_left(seed: int) -> None:
    draw = random.Random(seed)
    it = Reconfigured()
    now = 0.0
    tickets: list[Ticket] = []
    for _ in range(400):
        now += draw.choice([0.0, 0.01, 1.0, 40.0])
        match draw.randint(0, 9):
            case 0 | 1 | 2 | 3:
                tickets.append(it.pool.arrive(now))
            case 4 | 5 | 6 | 7 if tickets:
                it.pool.end(tickets.pop(draw.randrange(len(tickets))), now)
            case 8 if tickets:
                it.pool.due(draw.choice(tickets), draw.random() * 1000, now)
            case 9:
                it.to(now, draw.choice([980, 1580]), draw.randint(0, 2), draw.randint(2, 4))
        assert it.pool.in_flight + len(it.pool.waiting) == len(tickets)
        assert it.pool.in_flight <= sum(chunk.kind.slots for chunk in it.pool.chunks)
    for ticket in tickets:
        it.pool.end(ticket, now)
    assert (it.pool.in_flight, len(it.pool.waiting)) == (0, 0)
    assert all(not chunk.is_retired for chunk in it.pool.chunks)
