"""Simulated runs of one load by the number of chunks or increments: whether they hold the target, with the evidence."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bandplan.planner.alone import NoCapacity
from bandplan.planner.bound import surely_holds
from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.simulation import QUEUE_LIMIT, WARM_UP, Run, Setting, simulate
from bandplan.planner.target import Target

LEAST_SEEDS = 5
MOST_SEEDS = 15
REQUESTS = 2_000
"""Requests of one run; runs are repeated until the percentile is known to `PRECISION`."""

PRECISION = 0.05

PILOT_REQUESTS = 800
"""Requests of a first short run."""

PILOT_MARGIN = 0.35
MARGIN = 0.12
"""How far the percentile of a short run, and of two of `REQUESTS`, has to be from every limit to decide. Ours, as are
those below: over 300 random loads short runs were off by up to 20% below `STEADY`, by 29% with rough loads."""

STEADY = 0.85
"""Utilisation up to which such runs are as good as longer ones."""

ROUGH_PERCENT = 50
"""Spread of lengths from which margins are wider, as with bursty arrivals."""

FULL = 0.98
"""Utilisation from which on no run is made: the queue has no steady length."""

MOST_STEPS = 5_000
"""Chunks or increments; a fleet of more than that is a slip of units."""

STUDENT = (2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.16, 2.145)
"""Two-sided 95% points of Student's t from 4 degrees of freedom on."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over seeded runs, and half the width of its 95% interval."""

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


class Trials:
    """Simulated runs of one load by the number of steps; each number is run once."""

    def __init__(self, capacity: Capacity, load: Load, target: Target, queue_limit: int = QUEUE_LIMIT) -> None:
        self.capacity, self.load, self.target, self.queue_limit = capacity, load, target, queue_limit
        self._known: dict[int, Evidence] = {}
        self._held: dict[int, bool] = {}
        self._runs: dict[int, list[Run]] = {}
        self._requests: dict[int, tuple[Sequence[float], Sequence[Shape]]] = {}

    def fresh(self) -> "Trials":
        """Return the same load without runs."""
        return Trials(self.capacity, self.load, self.target, self.queue_limit)

    def holds(self, steps: int) -> bool:
        """Whether `steps` keep the target. A few runs answer if they are clear of every limit; else the evidence."""
        if steps not in self._held:
            early = None if steps in self._known else self._early(steps)
            self._held[steps] = self._decided(steps) if early is None else early
        return self._held[steps]

    def smallest(self, least: int = 1) -> int:
        """Return the fewest steps that hold, `least` or more: a quarter more until they do, then by halves.

        Errors: NoCapacity.
        """
        least = max(least, self.least_stable())
        high = least
        most = max(least, min(MOST_STEPS, max(64, 20 * least, 2 * (self.load.concurrent_requests or 0))))
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

    def evidence(self, steps: int) -> Evidence:
        if steps not in self._known:
            self._known[steps] = self._run(steps)
        return self._known[steps]

    def least_stable(self) -> int:
        """Return the fewest steps that work off the load in the long run. Errors: NoCapacity."""
        rate = self.load.requests_per_second
        if rate is None:
            return 1
        steps = max(1, math.ceil(rate / FULL / self._most(1)))
        if steps > MOST_STEPS:
            raise NoCapacity(f"more than {MOST_STEPS:,} would be needed; check the units of the demand")
        return steps

    def _early(self, steps: int) -> bool | None:
        """Return what a bound, a short run, or two long ones say; None if they are not clear of every limit."""
        limits, rate = self.target.limits, self.load.requests_per_second
        if not limits or rate is None or self.is_replay:
            return None
        utilisation = rate / self._most(steps)
        if utilisation >= FULL:
            return False

        service, chunks = self.capacity.served_by(steps, self.load.shape)
        if surely_holds(service, chunks, self.load, self.target):
            return True

        def worst(run: Run) -> float:
            return max(run.percentile(run.of(name), self.target.percentile) / limit for name, limit in limits.items())

        is_rough = self.load.arrivals == "bursty" or self.load.spread_percent >= ROUGH_PERCENT
        count = max(PILOT_REQUESTS, 5 * service.slots * chunks)
        pilot = simulate(service, chunks, self.load, count, 0, self._setting(count, 0))
        answer = _clear([worst(pilot)], utilisation, PILOT_MARGIN * (1 + is_rough / 2))
        if answer is not None:
            return answer
        return _clear([worst(self._simulated(steps, seed)) for seed in range(2)], utilisation, MARGIN * (1 + is_rough))

    def _decided(self, steps: int) -> bool:
        """Return what the evidence says, or fewer runs if every limit lies well outside their intervals."""
        rate, limits = self.load.requests_per_second, self.target.limits
        if limits and not self.is_replay and (rate is None or rate / self._most(steps) < FULL):
            for count in range(LEAST_SEEDS, MOST_SEEDS):
                runs = [self._simulated(steps, seed) for seed in range(count)]
                found = {name: self._estimate(runs, name) for name in limits}
                if all(abs(found[name].value - limit) > 2 * found[name].half_width for name, limit in limits.items()):
                    return all(found[name].value <= limit for name, limit in limits.items())
                if self._is_precise(runs):
                    break
        return not self.evidence(steps).misses(self.target)

    @property
    def is_replay(self) -> bool:
        """Whether there is one run alone: that of a trace."""
        return self.load.trace is not None and self.load.requests_per_second is not None

    def _is_precise(self, runs: list[Run]) -> bool:
        latency = self._estimate(runs, "latency")
        return latency.half_width <= PRECISION * latency.value

    def _most(self, steps: int) -> float:
        """Return the requests/s that `steps` work off."""
        service, chunks = self.capacity.served_by(steps, self.load.shape)
        return service.requests_per_second(self.load) * chunks

    def _simulated(self, steps: int, seed: int) -> Run:
        """Return the run of a seed; seeds are asked for in order."""
        runs = self._runs.setdefault(steps, [])
        if seed == len(runs):
            service, chunks = self.capacity.served_by(steps, self.load.shape)
            # Enough requests to fill the chunks many times over, however many there are.
            count = max(REQUESTS, 10 * service.slots * chunks, 5 * (self.load.concurrent_requests or 0))
            if self.is_replay and self.load.trace is not None:
                count = len(self.load.trace.times)
            runs.append(simulate(service, chunks, self.load, count, seed, self._setting(count, seed)))
        return runs[seed]

    def _setting(self, count: int, seed: int) -> Setting:
        """Return the setting of a run. Every number of steps gets the same requests, so each is drawn once."""
        if self.load.concurrent_requests is not None:
            return Setting(self.queue_limit)
        times, shapes = self._requests.get(seed, ((), ()))
        if len(times) < count:
            times, shapes = self._requests[seed] = self.load.times(count, seed), self.load.shapes(count, seed)
        trace = self.load.trace
        judged, warm_up = ((), WARM_UP) if trace is None else (trace.judged, 0.0)
        return Setting(self.queue_limit, warm_up, times=times[:count], shapes=shapes[:count], judged=judged)

    def _run(self, steps: int) -> Evidence:
        most = self._most(steps)
        rate = self.load.requests_per_second
        if rate is not None and rate / most >= FULL:
            never = {name: Estimate(math.inf, 0.0) for name in ("latency", "ttft", "tpot")}
            means = dict.fromkeys(never, math.inf)
            return Evidence(steps, rate / most, never, means, math.inf, math.inf, most, 0.0, 0)
        runs: list[Run] = []
        while True:
            runs.append(self._simulated(steps, len(runs)))
            if self.is_replay:
                break
            if len(runs) < LEAST_SEEDS:
                continue
            if len(runs) >= MOST_SEEDS or self._is_precise(runs):
                break
        percentiles = {name: self._estimate(runs, name) for name in ("latency", "ttft", "tpot")}
        done = sum(len(run.latencies) for run in runs)
        refused = sum(run.refused for run in runs)
        total = {name: sum(sum(run.of(name)) for run in runs) for name in percentiles}
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
        each = [run.percentile(run.of(name), self.target.percentile) for run in runs]
        mean = sum(each) / len(each)
        if math.isinf(mean) or len(each) == 1:
            return Estimate(mean, 0.0)
        deviation = math.sqrt(sum((value - mean) ** 2 for value in each) / (len(each) - 1))
        return Estimate(mean, STUDENT[len(each) - LEAST_SEEDS] * deviation / math.sqrt(len(each)))


def _clear(worst: list[float], utilisation: float, margin: float) -> bool | None:
    """Return whether percentiles, each as a share of its limit, are all within the limit by `margin`, or all beyond.

    None if neither, or near full use, where the queue grows too slowly for runs of this length to show it.
    """
    if min(worst) > 1 + 2 * margin or (utilisation < STEADY and min(worst) > 1 + margin):
        return False
    return True if utilisation < STEADY and max(worst) < 1 - margin else None
