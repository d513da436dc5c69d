"""The search for the smallest capacity that holds a load within its targets, and the evidence for the answer."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.simulation import QUEUE_LIMIT, Run, simulate

LEAST_SEEDS = 5
MOST_SEEDS = 15
REQUESTS = 2_000
"""Requests of one run; runs are repeated until the percentile is known to `PRECISION`."""

PRECISION = 0.05
UNITS_ALONE = 1_000
"""Model units with which a request is about as fast as more of them make it."""

FULL = 0.98
"""Utilisation from which on no run is made: the queue has no steady length."""

MOST_STEPS = 5_000
"""Chunks or increments; a fleet of more than that is a slip of units."""

STUDENT = (2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145)
"""Two-sided 95 % points of Student's t from 4 degrees of freedom on."""


@dataclass(frozen=True, slots=True)
class Target:
    """What `percentile` percent of the requests may take: seconds from arrival to the end and to the first token, and
    milliseconds per output token after it."""

    latency_seconds: float | None = None
    ttft_seconds: float | None = None
    tpot_ms: float | None = None
    percentile: float = 95.0

    @property
    def limits(self) -> dict[str, float]:
        """The limits in seconds, by name."""
        stated = {
            "latency": self.latency_seconds,
            "ttft": self.ttft_seconds,
            "tpot": None if self.tpot_ms is None else self.tpot_ms / 1000,
        }
        return {name: limit for name, limit in stated.items() if limit is not None}


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeded runs, and half the width of its 95 % interval."""

    value: float
    half_width: float

    def __str__(self) -> str:
        if math.isinf(self.value):
            return "without end"
        return f"{self.value:.2f} s ± {self.half_width:.2f}"


@dataclass(frozen=True)
class Evidence:
    """How `steps` served the load. `percentiles` and `means` are by `latency`, `ttft` and `tpot`, in seconds."""

    steps: int
    utilisation: float
    percentiles: dict[str, Estimate]
    means: dict[str, float]
    waiting: float
    in_flight: float
    requests_per_second: float
    refused_percent: float
    seeds: int

    def misses(self, target: Target) -> list[str]:
        """Return the names of the limits that are not kept, and `queue` if requests are refused or wait without end."""
        missed = [name for name, limit in target.limits.items() if self.percentiles[name].value > limit]
        return missed if missed or math.isfinite(self.percentiles["latency"].value) else ["queue"]


class NoCapacity(ValueError):
    """No capacity keeps the target; the message says why."""


@dataclass(frozen=True)
class Plan:
    """`ceiling` holds the peak, `floor` the mean; `less` is one step below the ceiling, None if there is none.

    `for_headroom` says that the headroom asked for, not a limit, decided the ceiling.
    """

    capacity: Capacity
    target: Target
    mean: Load
    peak: Load
    floor: Evidence
    ceiling: Evidence
    less: Evidence | None
    for_headroom: bool
    headroom_percent: float

    @property
    def breaks_first(self) -> str:
        """The limit that is nearest to its bound at the ceiling; `queue` without limits."""
        near = {name: self.ceiling.percentiles[name].value / limit for name, limit in self.target.limits.items()}
        return max(near, key=lambda name: near[name]) if near else "queue"

    @property
    def headroom(self) -> float:
        """How much more than the peak the ceiling could work off, as a share."""
        return 1 / self.ceiling.utilisation - 1 if self.ceiling.utilisation else 0.0


def plan(
    capacity: Capacity,
    load: Load,
    target: Target,
    *,
    peak_factor: float = 1.0,
    headroom_percent: float = 20.0,
    queue_limit: int = QUEUE_LIMIT,
) -> Plan:
    """Find the smallest floor and ceiling. Errors: NoCapacity."""
    refuse_impossible(capacity, load, target)
    mean = load
    peak = _times(load, peak_factor)
    trials = Trials(capacity, peak, target, queue_limit)
    by_headroom = _least_for_headroom(capacity, peak, headroom_percent)
    by_target = trials.smallest()
    steps = max(by_headroom, by_target)
    ceiling = trials.evidence(steps)
    less = trials.evidence(steps - 1) if steps > 1 else None
    if peak_factor == 1:
        floor = ceiling
    else:
        at_mean = Trials(capacity, mean, target, queue_limit)
        floor = at_mean.evidence(min(at_mean.smallest(), steps))
    return Plan(capacity, target, mean, peak, floor, ceiling, less, by_headroom > by_target, headroom_percent)


def refuse_impossible(capacity: Capacity, load: Load, target: Target) -> None:
    """Raise NoCapacity if a request that has a chunk for itself misses the target already."""
    alone = Alone(capacity, load)
    named = {
        "latency": "one request alone takes",
        "ttft": "its first token alone takes",
        "tpot": "an output token takes",
    }
    for name, limit in target.limits.items():
        least = alone.percentile(name, target.percentile)
        if least > limit:
            which = "" if not load.spread_percent else f" at p{target.percentile:g} of the lengths"
            raise NoCapacity(
                f"no capacity fixes this: {named[name]} {shown(name, least)}{which}, more than {shown(name, limit)}; "
                "raise the target, shorten the requests, or take a faster model or one with a larger chunk"
            )


class Alone:
    """What requests take with a chunk for themselves."""

    def __init__(self, capacity: Capacity, load: Load) -> None:
        # Few model units take few requests at once, and those are slow; a request has a large pool for itself here.
        steps = 1 if capacity.kind == "chunks" else math.ceil(UNITS_ALONE / capacity.increment)
        self.service, _ = capacity.served_by(steps, load.shape)
        self.load = load

    @cached_property
    def _parts(self) -> list[tuple[float, float, Shape]]:
        count = REQUESTS if self.load.spread_percent else 1
        shapes = self.load.shapes(count, 0)
        return [(*self.service.seconds(shape, self.load.cache_hit_percent), shape) for shape in shapes]

    def percentile(self, name: str, percent: float) -> float:
        of: dict[str, Callable[[float, float, Shape], float]] = {
            "latency": lambda prompt, output, _: prompt + output,
            "ttft": lambda prompt, _, __: prompt,
            "tpot": lambda _, output, shape: output / shape.output_tokens if shape.output_tokens else 0.0,
        }
        values = sorted(of[name](*part) for part in self._parts)
        return values[min(len(values) - 1, int(percent / 100 * len(values)))]


def shown(name: str, seconds: float) -> str:
    """Return a figure in the unit that it is stated in."""
    return f"{seconds * 1000:.0f} ms" if name == "tpot" else f"{seconds:.1f} s"


class Trials:
    """Simulated runs of one load by the number of steps; each number is run once."""

    def __init__(self, capacity: Capacity, load: Load, target: Target, queue_limit: int) -> None:
        self.capacity, self.load, self.target, self.queue_limit = capacity, load, target, queue_limit
        self._known: dict[int, Evidence] = {}

    def holds(self, steps: int) -> bool:
        return not self.evidence(steps).misses(self.target)

    def smallest(self) -> int:
        """Return the fewest steps that hold: twice as many until they do, then by halves. Errors: NoCapacity."""
        least = self._least_stable()
        high = least
        most = min(MOST_STEPS, max(64, 20 * least, 2 * (self.load.concurrent_requests or 0)))
        while not self.holds(high):
            if high >= most:
                told = f"even {self.capacity.described(high)} do not keep the target, though one request alone does"
                raise NoCapacity(f"{told}; raise the target a little")
            least, high = high + 1, high + max(1, high // 4) if high > 1 else 2
        while least < high:
            middle = (least + high) // 2
            if self.holds(middle):
                high = middle
            else:
                least = middle + 1
        return high

    def _least_stable(self) -> int:
        if self.load.requests_per_second is None:
            return 1
        steps = _steps_for(self.capacity, self.load, self.load.requests_per_second)
        if steps > MOST_STEPS:
            raise NoCapacity(f"more than {MOST_STEPS:,} would be needed; check the demand for a slip of units")
        return steps

    def evidence(self, steps: int) -> Evidence:
        if steps not in self._known:
            self._known[steps] = self._run(steps)
        return self._known[steps]

    def _run(self, steps: int) -> Evidence:
        service, chunks = self.capacity.served_by(steps, self.load.shape)
        most = service.requests_per_second(self.load) * chunks
        rate = self.load.requests_per_second
        if rate is not None and rate / most >= FULL:
            never = {name: Estimate(math.inf, 0.0) for name in ("latency", "ttft", "tpot")}
            means = dict.fromkeys(never, math.inf)
            return Evidence(steps, rate / most, never, means, math.inf, math.inf, most, 0.0, 0)
        runs: list[Run] = []
        while True:
            # Enough requests to fill the chunks many times over, however many there are.
            count = max(REQUESTS, 10 * service.slots * chunks, 5 * (self.load.concurrent_requests or 0))
            runs.append(simulate(service, chunks, self.load, count, len(runs), queue_limit=self.queue_limit))
            if len(runs) < LEAST_SEEDS:
                continue
            percentiles = {name: self._estimate(runs, name) for name in ("latency", "ttft", "tpot")}
            latency = percentiles["latency"]
            if len(runs) >= MOST_SEEDS or latency.half_width <= PRECISION * latency.value:
                break
        done = sum(len(run.latencies) for run in runs)
        refused = sum(run.refused for run in runs)
        total = {
            "latency": sum(sum(run.latencies) for run in runs),
            "ttft": sum(sum(run.first_tokens) for run in runs),
            "tpot": sum(sum(run.per_token) for run in runs),
        }
        waits = sum(sum(run.waits) for run in runs)
        delivered = sum(run.requests_per_second for run in runs) / len(runs) if rate is None else rate
        means = {name: value / done if done else math.inf for name, value in total.items()}
        return Evidence(
            steps,
            delivered / most,
            percentiles,
            means,
            waiting=delivered * waits / done if done else math.inf,
            in_flight=delivered * (total["latency"] - waits) / done if done else math.inf,
            requests_per_second=delivered,
            refused_percent=100 * refused / (done + refused),
            seeds=len(runs),
        )

    def _estimate(self, runs: list[Run], name: str) -> Estimate:
        def values(run: Run) -> list[float]:
            return {"latency": run.latencies, "ttft": run.first_tokens, "tpot": run.per_token}[name]

        each = [run.percentile(values(run), self.target.percentile) for run in runs]
        mean = sum(each) / len(each)
        if math.isinf(mean):
            return Estimate(math.inf, 0.0)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in each) / (len(each) - 1))
        return Estimate(mean, STUDENT[len(each) - LEAST_SEEDS] * deviation / math.sqrt(len(each)))


def _steps_for(capacity: Capacity, load: Load, requests_per_second: float) -> int:
    """Return the fewest steps that work the rate off at less than full utilisation."""
    service, chunks = capacity.served_by(1, load.shape)
    return max(1, math.ceil(requests_per_second / FULL / (service.requests_per_second(load) * chunks)))


def _least_for_headroom(capacity: Capacity, load: Load, headroom_percent: float) -> int:
    """Return the fewest steps whose published tokens/s cover the load's tokens and the headroom."""
    if load.requests_per_second is None:
        return 1
    wanted = load.requests_per_second * load.shape.total * (1 + headroom_percent / 100)
    return max(1, math.ceil(round(wanted / capacity.tokens_per_second(1), 9)))


def _times(load: Load, factor: float) -> Load:
    rate, concurrent = load.requests_per_second, load.concurrent_requests
    return Load(
        load.shape,
        None if rate is None else rate * factor,
        None if concurrent is None else math.ceil(concurrent * factor),
        load.arrivals,
        load.spread_percent,
        load.cache_hit_percent,
    )
