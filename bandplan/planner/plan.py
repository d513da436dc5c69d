"""The search for the smallest capacity that holds a load within its targets, and the evidence for the answer."""

import math
from dataclasses import dataclass, field, replace
from functools import cached_property

from bandplan.planner.alone import refuse_impossible
from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load
from bandplan.planner.simulation import QUEUE_LIMIT
from bandplan.planner.target import Target
from bandplan.planner.trials import Evidence, Trials


@dataclass(frozen=True)
class Plan:
    """The answer: `ceiling_steps` hold the peak with its headroom, `floor_steps` the mean.

    Evidence is worked out when it is asked for: the numbers alone take a fraction of the time.
    """

    capacity: Capacity
    target: Target
    mean: Load
    peak: Load
    floor_steps: int
    ceiling_steps: int
    steps_for_headroom: int
    headroom_percent: float
    _at_mean: Trials = field(repr=False, compare=False)
    _at_peak: Trials = field(repr=False, compare=False)

    @cached_property
    def floor(self) -> Evidence:
        return self._at_mean.evidence(self.floor_steps)

    @cached_property
    def ceiling(self) -> Evidence:
        return self._at_peak.evidence(self.ceiling_steps)

    @cached_property
    def less(self) -> Evidence | None:
        """One step below the ceiling; None if there is none."""
        return self._at_peak.evidence(self.ceiling_steps - 1) if self.ceiling_steps > 1 else None

    @cached_property
    def for_headroom(self) -> bool:
        """Whether the headroom asked for, not a limit, decided the ceiling."""
        steps = self.ceiling_steps
        return 1 < steps == self.steps_for_headroom and self._at_peak.holds(steps - 1)

    @cached_property
    def doubled(self) -> Evidence:
        """The ceiling with twice the load of the peak."""
        return Trials(self.capacity, _times(self.peak, 2), self.target).evidence(self.ceiling_steps)

    def without_runs(self) -> "Plan":
        """Return the plan without its simulated runs, some 10 MB: its evidence is simulated again if asked for."""
        at_peak = self._at_peak.fresh()
        at_mean = at_peak if self._at_mean is self._at_peak else self._at_mean.fresh()
        return replace(self, _at_mean=at_mean, _at_peak=at_peak)

    @property
    def breaks_first(self) -> str:
        """The limit that is nearest to its bound at the ceiling; `queue` without limits."""
        near = {name: self.ceiling.percentiles[name].value / limit for name, limit in self.target.limits.items()}
        return max(near, key=lambda name: near[name]) if near else "queue"

    @property
    def headroom(self) -> float:
        """How much more than the peak the ceiling could work off, as a share."""
        return max(0.0, 1 / self.ceiling.utilisation - 1) if self.ceiling.utilisation else 0.0


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
    peak = _times(load, peak_factor)
    at_peak = Trials(capacity, peak, target, queue_limit)
    for_headroom = _least_for_headroom(capacity, peak.tokens_per_second, headroom_percent)
    ceiling = at_peak.smallest(for_headroom)
    if peak_factor == 1:
        at_mean, floor = at_peak, ceiling
    else:
        at_mean = Trials(capacity, load, target, queue_limit)
        floor = min(at_mean.smallest(), ceiling)
    return Plan(capacity, target, load, peak, floor, ceiling, for_headroom, headroom_percent, at_mean, at_peak)


def least_for_trace(
    capacity: Capacity, load: Load, target: Target, tokens_per_second: float, headroom_percent: float
) -> int:
    """Return the fewest steps that keep the target for a trace, and have headroom above `tokens_per_second`.

    A trace of a few minutes may leave a queue that grows: the steps also work off that rate in the long run.
    Errors: NoCapacity.
    """
    refuse_impossible(capacity, load, target)
    lasting = replace(load, requests_per_second=tokens_per_second / load.shape.total)
    least = _least_for_headroom(capacity, tokens_per_second, headroom_percent)
    return Trials(capacity, load, target).smallest(max(least, Trials(capacity, lasting, target).least_stable()))


def _least_for_headroom(capacity: Capacity, tokens_per_second: float | None, headroom_percent: float) -> int:
    """Return the fewest steps whose published tokens/s cover the load's tokens and the headroom."""
    if tokens_per_second is None:
        return 1
    wanted = tokens_per_second * (1 + headroom_percent / 100)
    return max(1, math.ceil(round(wanted / capacity.tokens_per_second(1), 9)))


def _times(load: Load, factor: float) -> Load:
    rate, concurrent = load.requests_per_second, load.concurrent_requests
    return replace(
        load,
        requests_per_second=None if rate is None else rate * factor,
        concurrent_requests=None if concurrent is None else math.ceil(concurrent * factor),
    )
