"""A jump of the load from its average to its peak: what requests see until the chunks above the floor have started.

The platform publishes neither when a chunk is added nor how long it takes. Assumed: one after another, from the moment
of the jump on.
"""

from dataclasses import dataclass

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load
from bandplan.planner.plan import Plan
from bandplan.planner.simulation import Setting, simulate
from bandplan.planner.target import Target

STARTUP_SECONDS = 60.0
"""Ours: seconds that a chunk takes to start."""

SEEDS = 5
SETTLED_SECONDS = 300.0
"""Average load before the jump, so that it meets an endpoint at work."""


@dataclass(frozen=True, slots=True)
class Jump:
    """`seconds` are those from the jump until the last chunk runs. The percentile of latency and the share refused are
    those of the requests that arrive in them, means over seeded runs; `latency_seconds` is infinite if it lies among
    the refused.
    """

    chunks: int
    startup_seconds: float
    seconds: float
    latency_seconds: float
    refused_percent: float


def jump_of(plan: Plan, startup_seconds: float = STARTUP_SECONDS) -> Jump | None:
    """Simulate the jump of a plan; None without chunks to start, without two rates, and for model units."""
    is_open = plan.peak.requests_per_second is not None and plan.peak.trace is None
    if not plan.capacity.is_range or not is_open or plan.floor_steps >= plan.ceiling_steps:
        return None
    steps = (plan.floor_steps, plan.ceiling_steps)
    return jump(plan.capacity, plan.mean, plan.peak, steps, plan.target, startup_seconds)


def jump(
    capacity: Capacity,
    mean: Load,
    peak: Load,
    steps: tuple[int, int],
    target: Target,
    startup_seconds: float = STARTUP_SECONDS,
) -> Jump:
    """Simulate a jump with `steps`, (floor, ceiling) in chunks, for open loops."""
    floor, ceiling = steps
    service, _ = capacity.served_by(1, peak.shape)
    late = ceiling - floor
    seconds = late * startup_seconds
    starts = [SETTLED_SECONDS + startup_seconds * (index + 1) for index in range(late)]
    latencies, refused = 0.0, 0.0
    for seed in range(SEEDS):
        before = _arrivals(mean, 0.0, SETTLED_SECONDS, seed)
        during = _arrivals(peak, SETTLED_SECONDS, seconds, seed + SEEDS)
        count = len(before) + len(during)
        if not during:
            continue
        setting = Setting(warm_up=len(before) / count, starts=starts, times=before + during)
        run = simulate(service, ceiling, peak, count, seed, setting)
        latencies += run.percentile(run.latencies, target.percentile) / SEEDS
        refused += 100 * run.refused / (run.refused + len(run.latencies)) / SEEDS
    return Jump(late, startup_seconds, seconds, latencies, refused)


def _arrivals(load: Load, start: float, seconds: float, seed: int) -> list[float]:
    """Return the arrivals of a load in `seconds` from `start` on."""
    assert load.requests_per_second is not None
    count = int(load.requests_per_second * seconds * 1.5) + 100
    return [start + at for at in load.times(count, seed) if at < seconds]
