"""Clients of a pool in virtual time: a discrete-event loop of its own, with no clock and no HTTP."""

import math
from collections.abc import Callable
from dataclasses import dataclass

from bandplan.stub.capacity.model_shape import LLAMA
from bandplan.stub.capacity.pool import Pool
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.shape import BANDS_REFERENCE, Shape
from bandplan.stub.capacity.supply import bands
from bandplan.stub.capacity.ticket import Ticket

RATIOS = LLAMA.work(64)


def pool_of(chunk: float, lowest: int, highest: int, settings: Settings | None = None, now: float = 0.0) -> Pool:
    settings = settings or Settings()
    return Pool(bands(chunk, lowest * chunk, highest * chunk, RATIOS, settings), settings, now)


@dataclass(frozen=True)
class Ended:
    ticket: Ticket
    shape: Shape

    @property
    def latency(self) -> float:
        assert self.ticket.ended is not None
        return self.ticket.ended - self.ticket.arrived


class Clients:
    """Requests under way; each ends when its work is done, and `then` may send another in its place."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.now = pool.now
        self.open: dict[Ticket, Shape] = {}
        self.ended: list[Ended] = []

    def send(self, shape: Shape = BANDS_REFERENCE) -> Ticket:
        ticket = self.pool.arrive(self.now)
        self.open[ticket] = shape
        return ticket

    def leave(self, ticket: Ticket) -> None:
        self.pool.end(ticket, self.now)
        del self.open[ticket]

    def run(self, until: float, then: Callable[[Ended], object] | None = None) -> None:
        """Let time pass to `until`."""
        while True:
            at, ticket = self._next_end()
            event = self.pool.next_event
            self.now = min(until, at, math.inf if event is None else event)
            if self.now == at and ticket is not None and at <= until:
                self.pool.end(ticket, at)
                ended = Ended(ticket, self.open.pop(ticket))
                self.ended.append(ended)
                if then is not None:
                    then(ended)
                continue
            self.pool.advance(self.now)
            if self.now >= until:
                return

    def _next_end(self) -> tuple[float, Ticket | None]:
        first, found = math.inf, None
        for ticket, shape in self.open.items():
            if ticket.is_in_flight:
                due = self.pool.due(ticket, self.pool.supply.work.of(shape), self.now)
                if due < first:
                    first, found = due, ticket
        return first, found


def closed_loop(pool: Pool, parallel: int, seconds: float, shape: Shape = BANDS_REFERENCE) -> Clients:
    """Run `parallel` clients that each send the next request when the last one has ended."""
    clients = Clients(pool)
    for _ in range(parallel):
        clients.send(shape)
    clients.run(clients.now + seconds, then=lambda ended: clients.send(ended.shape))
    return clients


def total_tokens_per_second(clients: Clients, since: float) -> float:
    recent = [ended for ended in clients.ended if (ended.ticket.ended or 0) > since]
    return sum(ended.shape.total_tokens for ended in recent) / (clients.now - since)
