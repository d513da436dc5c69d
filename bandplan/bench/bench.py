"""One benchmark, from its plan to its curve."""

import asyncio
import math
import os
import platform
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import takewhile
from random import Random
from typing import Any, Final, Literal

from bandplan.bench.answer import message_of
from bandplan.bench.arrivals import Arrivals, arrival_times
from bandplan.bench.clients import MOST_PROCESSES, Clients
from bandplan.bench.curve import Curve, plateau_of, rate_of
from bandplan.bench.gauge import Gauge, read_chunks
from bandplan.bench.generator import Budget, Run, Slots, Workload, closed_loop, open_loop, overloaded
from bandplan.bench.lengths import Length, length_of
from bandplan.bench.level import Point, Slo, closed_point, open_point, with_chunks, with_silence
from bandplan.bench.preflight import CountTokens, Preflight, preflight
from bandplan.bench.problem import BenchProblem
from bandplan.bench.renewal import Renewal, renew
from bandplan.bench.sample import SECOND, Sample
from bandplan.bench.target import Target
from bandplan.bench.trace import Arrival
from bandplan.bench.window import Window, warm_window

Mode = Literal["sweep", "closed", "open", "replay"]

MOST_PARALLEL: Final = 1024
FULL_CORE: Final = 0.7
"""Share of a core that a client process may be expected to use at the next level; processes are added above it."""

SPARE_CONNECTIONS: Final = 16
"""Connections that each client keeps free in an open loop; arbitrary, more than arrive while one is made."""

MOST_SPREAD: Final = 0.1
"""Most of a level's time over which its slots begin."""

_MOST_FAILED: Final = 0.5
"""Share of failed requests above which no further level is tried."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Hard limits over all levels."""

    requests: int
    tokens: int
    minutes: float


@dataclass(frozen=True, slots=True)
class BenchPlan:
    """What to do. `levels`: parallelism of a sweep or of one closed level. `rates`: requests/s of open levels.

    `lengths`: recorded lengths of prompt and answer, from which requests are drawn in place of `input` and `output`.

    `processes`: client processes; None for one, and more once one core is not enough.
    """

    mode: Mode
    input: Length
    output: Length
    limits: Limits
    seed: int = 0
    levels: Sequence[int] = ()
    rates: Sequence[float] = ()
    arrivals: Arrivals = "poisson"
    burstiness: float = 1.0
    trace: Sequence[Arrival] = ()
    lengths: Sequence[tuple[int, int]] = ()
    level_seconds: float = 60.0
    slo: Slo | None = None
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class Watcher:
    """Callbacks for each point, and for each sample of a finished level; the rest is read while a level runs."""

    point: Callable[[Point], None] = lambda point: None
    samples: Callable[[Point, Iterable[Sample]], None] = lambda point, samples: None
    chunks: Gauge | None = None
    token: Renewal | None = None


def doubled(most: int) -> list[int]:
    """Return 1, 2, 4 ... up to `most`."""
    return list(takewhile(lambda level: level <= most, (2**power for power in range(20))))


def run_bench(
    plan: BenchPlan,
    target: Target,
    watcher: Watcher,
    about: dict[str, Any],
    count: CountTokens | None = None,
    counter: str = "",
) -> Curve:
    """Measure, level by level. An interruption ends the level and keeps it. Errors: BenchProblem before the load.

    `count` counts tokens where the server does not, and `counter` says what it is.
    """
    if target.task == "embeddings":
        trace = [replace(one, output_tokens=0) for one in plan.trace]
        lengths = [(given, 0) for given, _ in plan.lengths]
        plan = replace(plan, output=Length(0), trace=trace, lengths=lengths)
    elif plan.output.mean < 1:
        raise BenchProblem(f"--output {plan.output.mean:g}: an answer has at least 1 token")
    curve = _empty(plan, target, about)

    async def go() -> None:
        found = await preflight(target, plan.seed, count, counter)
        curve.token_source = found.source
        budget = Budget(plan.limits.requests, plan.limits.tokens, plan.limits.minutes * 60)
        budget.spent_requests, budget.spent_tokens = found.requests, found.tokens
        await _levels(plan, found, budget, curve, watcher)

    started = time.monotonic()
    try:
        asyncio.run(go())
    except KeyboardInterrupt:
        curve.stopped = "interrupted"
    except asyncio.CancelledError:
        curve.stopped = "interrupted"
    curve.seconds = time.monotonic() - started
    return curve


async def _levels(plan: BenchPlan, found: Preflight, budget: Budget, curve: Curve, watcher: Watcher) -> None:
    clients = Clients(found.target)
    workload = Workload(plan.input, plan.output, found.scale, Random(plan.seed), plan.lengths)
    before = cpu = 0.0
    latency = found.latency(plan.output.mean)
    renewing = asyncio.create_task(renew(watcher.token, found.target.token, clients)) if watcher.token else None
    try:
        await clients.become(plan.processes or 1)
        for level in _each(plan):
            if plan.processes is None and before:
                await clients.become(processes_for(cpu * level / before, clients.count))
            run, seen = Run(), []  # type: Run, list[tuple[int, float]]
            await _open_connections(plan, level, clients)
            reading = asyncio.create_task(read_chunks(watcher.chunks, seen)) if watcher.chunks else None
            clients.begin_level()
            try:
                await _load(plan, Level(level, latency), clients, workload, budget, run)
            finally:
                if reading is not None:
                    reading.cancel()
                run.lags += clients.lags
                run.cpu = max(run.cpu, clients.busiest)
                # An interruption comes as a cancellation: what was measured until then is a point all the same.
                if run.samples:
                    point = with_chunks(_point(plan, level, run, clients), run.samples, seen)
                    if found.target.streamed:
                        point = with_silence(point, run.samples)
                    curve.points.append(point)
                    watcher.point(point)
                    watcher.samples(point, run.samples)
            before, cpu = level, run.cpu
            if curve.points and (measured := curve.points[-1].latency) is not None:
                latency = measured.mean or latency
            curve.stopped = _why_stop(curve, run, budget, message_of(clients.last_error_body, found.target.token.value))
            if curve.stopped:
                return
    finally:
        if renewing is not None:
            renewing.cancel()
        await clients.close()
    curve.stopped = "all levels measured"


async def _open_connections(plan: BenchPlan, level: float, clients: Clients) -> None:
    """Open what a closed level needs, and for an open one what is kept free, as nobody knows how many it needs."""
    if plan.mode in ("sweep", "closed"):
        await clients.open(int(level))
    else:
        await clients.open(SPARE_CONNECTIONS, SPARE_CONNECTIONS)


def processes_for(cpu: float, count: int) -> int:
    """Return how many client processes to use if each of `count` would use `cpu` of a core; at most one per core."""
    wanted = math.ceil(count * cpu / FULL_CORE)
    return max(count, min(wanted, os.cpu_count() or 1, MOST_PROCESSES))


def _each(plan: BenchPlan) -> Iterator[float]:
    if plan.mode in ("sweep", "closed"):
        yield from plan.levels
    elif plan.mode == "open":
        yield from plan.rates
    else:
        span = plan.trace[-1].at
        yield len(plan.trace) / span if span else float(len(plan.trace))


@dataclass(frozen=True, slots=True)
class Level:
    """Requests in flight or per second, and the seconds that one request took before it."""

    load: float
    latency: float


async def _load(plan: BenchPlan, level: Level, client: Clients, workload: Workload, budget: Budget, run: Run) -> None:
    if plan.mode in ("sweep", "closed"):
        is_ramp = plan.mode == "sweep"
        slots = Slots(int(level.load), min(level.latency, plan.level_seconds * MOST_SPREAD))
        await closed_loop(client, workload, slots, plan.level_seconds, budget, run, ramp=is_ramp)
    elif plan.mode == "open":
        times = arrival_times(plan.arrivals, level.load, plan.burstiness, workload.random)
        await open_loop(client, workload, times, plan.level_seconds, budget, run)
    else:
        await open_loop(client, workload, iter(plan.trace), float("inf"), budget, run)


def _point(plan: BenchPlan, level: float, run: Run, client: Clients) -> Point:
    state = run.client(client.notes, client.count)
    if plan.mode in ("sweep", "closed"):
        return closed_point(run.samples, int(level), plan.slo, state, run.full)
    window = run.window or Window(0, SECOND)
    if plan.mode == "open":
        window = warm_window(run.samples, window)
    return open_point(run.samples, level, window, plan.slo, state)


def _why_stop(curve: Curve, run: Run, budget: Budget, said: str) -> str:
    """Return why no further level is tried, or "" to continue. `said`: the server's message with its last refusal."""
    failures = _failures(run, said)
    stopped = run.stopped or budget.exhausted
    if stopped.startswith("answered"):
        good = [one.parallel for one in curve.points[:-1] if one.is_valid and one.parallel]
        return stopped + (f"; the last good level is {good[-1]:,}" if good else "")
    if stopped:
        return f"{stopped}; {failures}" if failures else stopped
    refusal = next(filter(overloaded, run.samples), None) if curve.mode == "open" else None
    if refusal is not None:
        *before, at = curve.points
        held = [one.offered for one in before if one.is_valid and one.offered]
        best = f"; the last good level is {held[-1]:.3g} requests/s" if held else ""
        return f"answered {refusal.status} at {at.offered:.3g} requests/s{best}"
    if failures:
        return failures
    if curve.mode == "sweep":
        levels = [(one.parallel, rate_of(one)) for one in curve.points if one.parallel]
        if plateau_of(levels) is not None:
            return "plateau"
    return ""


def _failures(run: Run, said: str) -> str:
    """Return how many requests of a level failed and why, or "" if few did."""
    ended = [one for one in run.samples if one.ended is not None]
    failed = sum(one.outcome != "completed" for one in ended)
    if not ended or failed <= _MOST_FAILED * len(ended):
        return ""
    first = next(one for one in ended if one.outcome != "completed")
    reason = f" ({said})" if said and first.status not in (0, 200) else ""
    return f"{failed:,} of {len(ended):,} requests failed: {first.fault}{reason}"


def _empty(plan: BenchPlan, target: Target, about: dict[str, Any]) -> Curve:
    if not plan.trace and plan.mode == "replay":
        raise BenchProblem("a replay needs a trace; give --trace FILE")
    is_open = plan.mode == "open"
    return Curve(
        name=target.name,
        task=target.task,
        address=target.address,
        route=target.route,
        streamed=target.streamed,
        mode=plan.mode,
        input=length_of([one.input_tokens for one in plan.trace]) if plan.trace else plan.input,
        output=length_of([one.output_tokens for one in plan.trace]) if plan.trace else plan.output,
        token_source="asked",
        seed=plan.seed,
        started_at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        model=target.model,
        served=target.served,
        arrivals="trace" if plan.mode == "replay" else plan.arrivals if is_open else None,
        burstiness=plan.burstiness if is_open and plan.arrivals == "gamma" else None,
        slo=plan.slo,
        client={
            **about,
            "python": platform.python_version(),
            "system": platform.system(),
            "machine": platform.machine(),
            "cpus": os.cpu_count(),
            "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        },
    )
