"""Load generators: they send requests through a client and keep a sample of each.

A closed loop keeps a number of requests in flight. An open loop sends at given times, whatever the server does; the
latency of its requests counts from those times.
"""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from time import perf_counter_ns
from typing import Final, Protocol

from bandplan.bench.lengths import Length
from bandplan.bench.level import PRECISION
from bandplan.bench.level import Client as ClientState
from bandplan.bench.prompts import Scale, prompt
from bandplan.bench.sample import SECOND, Sample
from bandplan.bench.statistics import is_within
from bandplan.bench.trace import Arrival
from bandplan.bench.window import BATCHES, Window, closed_window, throughput

_TICK_SECONDS: Final = 0.01
_CHECK_SECONDS: Final = 0.25
_CHECK_SHARE: Final = 0.005
"""Most of the time that the check of what is known may take."""
LEAST_COMPLETED: Final = 59
"""Requests in the window before a level may end early: as many as p95 needs."""


class Asks(Protocol):
    """What a generator needs of a client."""

    notes: set[str]

    async def ask(self, sample: Sample, prompt: str) -> Sample: ...


@dataclass(slots=True)
class Budget:
    """Hard limits over the whole run. `spent_tokens` counts what was requested, before it is sent."""

    requests: int
    tokens: int
    seconds: float
    started: float = field(default_factory=time.monotonic)
    spent_requests: int = 0
    spent_tokens: int = 0

    def take(self, tokens: int) -> bool:
        """Report whether another request of so many tokens is allowed, and count it if so."""
        if self.exhausted:
            return False
        if self.spent_tokens + tokens > self.tokens:
            self.spent_tokens = self.tokens
            return False
        self.spent_requests += 1
        self.spent_tokens += tokens
        return True

    @property
    def exhausted(self) -> str:
        """Which limit was reached; "" for none."""
        if self.spent_requests >= self.requests:
            return f"limit of {self.requests:,} requests"
        if self.spent_tokens >= self.tokens:
            return f"limit of {self.tokens:,} tokens"
        if self.seconds_left <= 0:
            return f"limit of {self.seconds / 60:g} minutes"
        return ""

    @property
    def seconds_left(self) -> float:
        return self.started + self.seconds - time.monotonic()


@dataclass(slots=True)
class Workload:
    """Lengths and prompts, drawn from one seed.

    `pairs`: recorded lengths of prompt and answer, drawn together in place of `input` and `output`.
    """

    input: Length
    output: Length
    scale: Scale
    random: Random
    pairs: Sequence[tuple[int, int]] = ()
    number: int = 0

    def next(self, scheduled: int, lengths: tuple[int, int] | None = None) -> tuple[Sample, str]:
        given, made = lengths or self._drawn()
        made = max(made, 1) if self.output.mean else 0  # embeddings have no answer, and nothing else has an empty one
        self.number += 1
        text = prompt(self.scale.words(given), self.random)
        return Sample(self.number, scheduled, given, made), text

    def _drawn(self) -> tuple[int, int]:
        if self.pairs:
            return self.random.choice(self.pairs)
        return self.input.draw(self.random), self.output.draw(self.random, 0)


@dataclass(slots=True)
class Run:
    """What a generator has so far: the samples stay when it is interrupted.

    `full`: when the last slot of a closed loop began; None until then.
    """

    samples: list[Sample] = field(default_factory=list)
    full: int | None = None
    lags: list[float] = field(default_factory=list)
    cpu: float = 0.0
    window: Window | None = None
    stopped: str = ""

    def client(self, notes: set[str], processes: int = 1) -> ClientState:
        sent = [(one.sent - one.scheduled) / SECOND for one in self.samples if one.sent]
        return ClientState(max(_p99(self.lags), _p99(sent)), self.cpu, tuple(sorted(notes)), processes)


def overloaded(sample: Sample) -> bool:
    """Whether the server reported an overload: 429, or 503 with Retry-After."""
    return sample.status == 429 or (sample.status == 503 and sample.retry_after)


@dataclass(frozen=True, slots=True)
class Slots:
    """How many requests a closed loop keeps in flight, begun evenly over `spread_seconds`.

    Requests of one length that begin together also end together, and would be sent together for ever after: a server
    would get them in bursts, and the client would be late with most of each.
    """

    parallel: int
    spread_seconds: float = 0.0


async def closed_loop(
    client: Asks, workload: Workload, slots: Slots, most_seconds: float, budget: Budget, run: Run, *, ramp: bool
) -> None:
    """Keep requests in flight until throughput is known to 5%, or for `most_seconds`.

    `ramp`: stop at the first sign of overload. Fills `run`.
    """
    stop = asyncio.Event()
    parallel = slots.parallel

    async def slot(number: int) -> None:
        await _stopped_within(stop, slots.spread_seconds * number / parallel)
        free = perf_counter_ns()
        if number == parallel - 1 and not stop.is_set():
            run.full = free
        while not stop.is_set():
            sample, text = workload.next(free)
            if not budget.take(sample.asked_input + sample.asked_output):
                run.stopped = run.stopped or budget.exhausted
                return
            run.samples.append(sample)
            await client.ask(sample, text)
            if ramp and overloaded(sample):
                run.stopped = run.stopped or f"answered {sample.status} with {parallel:,} in flight"
                stop.set()
            elif sample.fault:
                await asyncio.sleep(0.1)  # a server that refuses at once is not to be asked ten thousand times
            free = perf_counter_ns()

    async def watch() -> None:
        deadline = time.monotonic() + most_seconds
        pause = _CHECK_SECONDS
        while not stop.is_set() and time.monotonic() < deadline:
            await _stopped_within(stop, min(pause, max(0.01, deadline - time.monotonic())))
            began = time.perf_counter()
            if is_known(run, parallel):
                break
            if budget.exhausted:  # told here too: a slot that waits for its last answer asks for no further one
                run.stopped = run.stopped or budget.exhausted
                break
            # The check holds up the stamps of what arrives meanwhile.
            pause = max(min(5.0, pause * 1.2), (time.perf_counter() - began) / _CHECK_SHARE)
        stop.set()

    await _measured(run, asyncio.gather(watch(), *(slot(number) for number in range(parallel))))


async def _stopped_within(stop: asyncio.Event, seconds: float) -> None:
    """Wait so long, or until it is stopped."""
    if seconds > 0:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), seconds)


def is_known(run: Run, parallel: int) -> bool:
    """Whether the steady window so far gives the throughput to 5%, and has requests enough for p95."""
    if run.full is None:
        return False
    samples = run.samples
    # A request in another process shows nothing until it has ended: what is known ends before it began.
    hidden = (one.scheduled for one in samples if one.ended is None and not one.sent)
    window = closed_window(samples, parallel, run.full, min(hidden, default=perf_counter_ns()))
    if window is None:
        return False
    inside = sum(1 for one in samples if one.sent >= window.start and one.outcome == "completed")
    if inside < max(LEAST_COMPLETED, BATCHES):
        return False
    rates = throughput(samples, window)
    return is_within(rates.output if rates.output.value else rates.total, PRECISION)


async def open_loop(
    client: Asks, workload: Workload, arrivals: Iterator[Arrival | float], seconds: float, budget: Budget, run: Run
) -> None:
    """Send at the times of `arrivals`, in seconds from the start, for `seconds`; then wait for the answers.

    An arrival has its own lengths, a plain time those of the workload. Fills `run`.
    """

    async def send() -> None:
        start = perf_counter_ns()
        run.window = Window(start, start)
        async with asyncio.TaskGroup() as tasks:
            for arrival in arrivals:
                at, lengths = (
                    (arrival.at, (arrival.input_tokens, arrival.output_tokens))
                    if isinstance(arrival, Arrival)
                    else (arrival, None)
                )
                if at >= seconds or run.stopped:
                    break
                scheduled = start + round(at * SECOND)
                sample, text = workload.next(scheduled, lengths)
                # A trace may have hours without a row; the limit does not wait for the next one.
                limit = perf_counter_ns() + round((max(0.0, budget.seconds_left) + 0.001) * SECOND)
                await _until(min(scheduled, limit))
                if not budget.take(sample.asked_input + sample.asked_output):
                    run.stopped = budget.exhausted
                    break
                run.samples.append(sample)
                tasks.create_task(client.ask(sample, text))
                run.window = Window(start, max(scheduled + 1, perf_counter_ns()))
        if math.isfinite(seconds):
            run.window = Window(start, min(start + round(seconds * SECOND), perf_counter_ns()))

    await _measured(run, send())


async def _until(moment: int) -> None:
    """Sleep to a moment; the event loop wakes up late by up to a millisecond, so the end is waited for by turns."""
    while (left := (moment - perf_counter_ns()) / SECOND) > 0:
        await asyncio.sleep(left - 0.0015 if left > 0.002 else 0)


async def _measured(run: Run, work: Awaitable[object]) -> None:
    """Run the load, and see meanwhile how late the event loop is and how much of a core it takes."""
    ticker = asyncio.create_task(watch_lag(run.lags))
    cpu, wall = time.process_time(), time.perf_counter()
    try:
        await work
    finally:
        run.cpu = (time.process_time() - cpu) / max(1e-9, time.perf_counter() - wall)
        ticker.cancel()


async def watch_lag(lags: list[float]) -> None:
    """Note again and again how many seconds late the event loop is."""
    while True:
        before = time.perf_counter()
        await asyncio.sleep(_TICK_SECONDS)
        # The loop sleeps by whole milliseconds, so up to one of them is not lateness.
        lags.append(max(0.0, time.perf_counter() - before - _TICK_SECONDS - 0.001))


def _p99(values: list[float]) -> float:
    return sorted(values)[math.ceil(0.99 * len(values)) - 1] if values else 0.0
