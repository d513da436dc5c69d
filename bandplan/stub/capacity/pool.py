"""The chunks of one served entity, and the requests in flight and waiting."""

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bandplan.stub.capacity.chunk import Chunk
from bandplan.stub.capacity.levels import Level, Levels
from bandplan.stub.capacity.refusals import NOTHING_RUNS, NothingRuns
from bandplan.stub.capacity.scaling import Situation, Step, decide, next_look
from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.supply import Supply
from bandplan.stub.capacity.ticket import Ticket
from bandplan.stub.capacity.usage import Usage


@dataclass(frozen=True, slots=True)
class Rates:
    """Rates until the next change: chunks in use, their possible and actual work per second."""

    chunks: int = 0
    capacity: float = 0.0
    work: float = 0.0


class Pool:
    """Admit requests in order of arrival, and start and stop chunks.

    Every call takes the time, which never goes back; events due since the last call happen first, in order.
    """

    def __init__(self, supply: Supply, settings: Settings, now: float) -> None:
        self.supply = supply
        self.settings = settings
        self._usage = Usage()
        self.levels = Levels()
        self._counted = now
        self.waiting: deque[Ticket] = deque()
        self._chunks: list[Chunk] = []
        self._burst: Chunk | None = None
        self._numbers = 0
        self._starts_at: float | None = None
        self._now = now
        self._changed = now
        self._idle_since: float | None = now
        self._next: float | None = None
        self._rates = Rates()
        self._shape(now, is_new=True)
        self._plan()

    @property
    def now(self) -> float:
        return self._now

    @property
    def usage(self) -> Usage:
        """The usage up to now."""
        self._count()
        return self._usage

    @property
    def chunks(self) -> tuple[Chunk, ...]:
        """The running chunks, except the burst chunk."""
        return tuple(self._chunks)

    @property
    def running(self) -> int:
        """Number of running chunks of the current configuration, without those of a replaced one."""
        return sum(not chunk.is_retired for chunk in self._chunks)

    @property
    def starting(self) -> int:
        return 1 if self._starts_at is not None else 0

    @property
    def in_flight(self) -> int:
        return sum(len(chunk.tickets) for chunk in self._all())

    @property
    def most_in_flight(self) -> int:
        """Maximum number of requests in flight with the running chunks."""
        return sum(chunk.kind.slots for chunk in self._chunks if not chunk.is_retired)

    @property
    def starts_in(self) -> float | None:
        """Seconds until the next chunk is ready, or None if none is starting."""
        return None if self._starts_at is None else max(0.0, self._starts_at - self._now)

    @property
    def is_open(self) -> bool:
        """Whether a request that arrives now is admitted immediately."""
        return not self.waiting and self._open_chunk() is not None

    @property
    def is_stuck(self) -> bool:
        """Whether nothing runs and nothing may start, so that a request would wait forever."""
        may_start = self.starting or (self.supply.highest and self.settings.starts_chunks)
        return not self.running and not may_start

    def arrive(self, now: float, when_admitted: Callable[[], None] | None = None) -> Ticket:
        """Admit a request or queue it; call `when_admitted` once it is admitted, possibly before returning.

        Raises NothingRuns if it would wait forever.
        """
        self.advance(now)
        if self.is_stuck:
            raise NothingRuns(NOTHING_RUNS)
        ticket = Ticket(now, when_admitted)
        self._idle_since = None
        self.waiting.append(ticket)
        self._admit()
        self._go_on()
        return ticket

    def due(self, ticket: Ticket, work: float, now: float) -> float:
        """Return when a request in flight will have been given `work` in total, if no request comes or goes.

        The result is `now` or earlier if that has already happened.
        """
        self.advance(now)
        if work > ticket.asked:
            ticket.asked = work
        chunk = ticket.chunk
        if chunk is None:
            return math.inf if ticket.is_waiting else now
        missing = work - ticket.given(now)
        return now if missing <= 0 else now + missing / chunk.speed

    def end(self, ticket: Ticket, now: float) -> None:
        """End a request, whether it was waiting, in flight or already ended."""
        self.advance(now)
        if ticket.ended is not None:
            return
        if ticket.is_waiting:
            self.waiting.remove(ticket)
        self._usage.correct(now, ticket.leave(now))
        self._chunks = [chunk for chunk in self._chunks if chunk.tickets or not chunk.is_retired]
        self._remove_drained()
        self._admit()
        if not self.in_flight and not self.waiting:
            self._idle_since = now
        self._go_on()

    def count_tokens(self, input_tokens: int, output_tokens: int) -> None:
        """Count tokens of a request at the current time."""
        self._usage.tokens(self._now, input_tokens, output_tokens)

    def correct_tokens(self, input_tokens: int, output_tokens: int) -> None:
        """Correct the counted tokens of a request by what its engine counted more; less is negative."""
        self._usage.correct_tokens(self._now, input_tokens, output_tokens)

    def advance(self, now: float) -> None:
        """Process all events due by `now`."""
        while self._next is not None and self._next <= now:
            self._pass_time(self._next)
            if self._starts_at is not None and self._starts_at <= self._now:
                self._starts_at = None
                self._add_chunk()
                self._changed = self._now
                self._admit()
            self._scale()
            self._plan()
        self._pass_time(now)

    @property
    def next_event(self) -> float | None:
        """When the pool next changes by itself, or None: a chunk becomes ready, or the utilisation is checked."""
        return self._next

    def reconfigure(self, supply: Supply, settings: Settings, now: float) -> None:
        """Switch to another configuration; requests in flight finish in their chunks, others stay in the queue."""
        self.advance(now)
        before, self.supply, self.settings = self.supply, supply, settings
        is_same_size = (before.kind.rate, before.kind.slots) == (supply.kind.rate, supply.kind.slots)
        for chunk in self._all():
            if is_same_size and not chunk.is_burst:
                chunk.kind = supply.kind
            elif not is_same_size:
                chunk.is_retired = True
            chunk.is_draining = chunk.is_retired
        if not is_same_size or self.running >= supply.highest:
            self._starts_at = None
        bounds = (supply.lowest, supply.highest)
        self._shape(now, is_new=not is_same_size or bounds != (before.lowest, before.highest))
        self._admit()
        self._go_on()

    def _go_on(self) -> None:
        """Scale after a change, and process the events that are due immediately."""
        self._scale()
        self._plan()
        self.advance(self._now)

    def _plan(self) -> None:
        """Update the rates and the time of the next event after a change."""
        self._count()
        for chunk in self._all():
            chunk.settle(self._now)
        provisioned = [chunk for chunk in self._all() if not chunk.is_burst]
        self._rates = Rates(
            chunks=len(provisioned),
            # Bursting is work beyond the provisioned capacity, so it shows as a utilisation above 100%.
            capacity=sum(chunk.kind.rate for chunk in provisioned),
            work=sum(chunk.work_rate for chunk in self._all()),
        )
        situation = self._situation()
        self.levels.note(
            self._now,
            Level(self.supply.floor, self.supply.ceiling, len(provisioned), situation.in_flight, situation.waiting),
        )
        look = next_look(self._now, situation, self.settings)
        self._next = min((at for at in (self._starts_at, look) if at is not None), default=None)

    def _shape(self, now: float, *, is_new: bool) -> None:
        """Bring the number of chunks within the bounds; a new deployment starts with its initial chunks running."""
        while self.running < (self.supply.at_start if is_new else self.supply.lowest):
            self._add_chunk()
        own = [chunk for chunk in self._chunks if not chunk.is_retired]
        for chunk in sorted(own, key=_by_load)[: max(0, len(own) - self.supply.highest)]:
            chunk.is_draining = chunk.is_retired = True
        self._chunks = [chunk for chunk in self._chunks if chunk.tickets or not chunk.is_retired]
        self._renew_burst()
        self._changed = now

    def _renew_burst(self) -> None:
        kind = self.supply.burst
        if self._burst is not None and kind == self._burst.kind and not self._burst.is_retired:
            return
        if self._burst is not None and self._burst.tickets:
            self._burst.is_draining = self._burst.is_retired = True
            self._chunks.append(self._burst)
        self._burst = Chunk(0, kind, is_burst=True) if kind is not None else None

    def _situation(self) -> Situation:
        return Situation(
            running=self.running,
            starting=self.starting,
            lowest=self.supply.lowest,
            highest=self.supply.highest,
            waiting=len(self.waiting),
            in_flight=self.in_flight,
            changed=self._changed,
            idle_since=self._idle_since,
        )

    def _pass_time(self, now: float) -> None:
        if now > self._now:
            self._now = now

    def _count(self) -> None:
        """Record the usage since the rates last changed."""
        self._usage.span(self._counted, self._now, self._rates.chunks, self._rates.capacity, self._rates.work)
        self._counted = self._now

    def _admit(self) -> None:
        while self.waiting:
            chunk = self._open_chunk()
            if chunk is None:
                return
            if chunk.is_draining:
                chunk.is_draining = False
                self._changed = self._now
            self.waiting.popleft().enter(chunk, self._now)

    def _open_chunk(self) -> Chunk | None:
        """Return the chunk for the next request: the least loaded one, else a draining one, else the burst chunk."""
        best = min((chunk for chunk in self._chunks if chunk.is_open), key=_by_load, default=None)
        if best is not None:
            return best
        for chunk in self._chunks:
            if chunk.is_draining and not chunk.is_retired and len(chunk.tickets) < chunk.kind.slots:
                return chunk
        return self._burst if self._burst is not None and self._burst.is_open else None

    def _scale(self) -> None:
        match decide(self._now, self._situation(), self.usage, self.settings):
            case Step.ADD:
                self._starts_at = self._now + self.settings.startup_seconds
                for chunk in self._chunks:
                    chunk.is_draining = chunk.is_retired
            case Step.REMOVE:
                self._drain_one()
            case Step.STAY:
                pass

    def _drain_one(self) -> None:
        if any(chunk.is_draining and not chunk.is_retired for chunk in self._chunks):
            return
        own = [chunk for chunk in self._chunks if not chunk.is_retired]
        min(own, key=lambda chunk: (len(chunk.tickets), -chunk.number)).is_draining = True
        self._remove_drained()

    def _remove_drained(self) -> None:
        kept = [chunk for chunk in self._chunks if chunk.tickets or not chunk.is_draining]
        if len(kept) != len(self._chunks):
            self._chunks = kept
            self._changed = self._now

    def _add_chunk(self) -> None:
        self._numbers += 1
        self._chunks.append(Chunk(self._numbers, self.supply.kind))

    def _all(self) -> Iterator[Chunk]:
        yield from self._chunks
        if self._burst is not None:
            yield self._burst


def _by_load(chunk: Chunk) -> tuple[int, int]:
    return len(chunk.tickets), chunk.number
