"""The demand of an entry as it was observed, in the fields that the entry has."""

import sys
from bisect import bisect_left, bisect_right
from dataclasses import replace
from typing import Any

from bandplan.planner.alone import NoCapacity
from bandplan.planner.load import Shape
from bandplan.planner.plan import Plan, plan
from bandplan.serving.spec.demand import Demand
from bandplan.serving.throughput.latency import target_of
from bandplan.usage.bands import Sized
from bandplan.usage.replay import Replay

STEP, STEPS = 1.01, 140
"""Factors on either side of the observed one, each 1% from the next, up to four times it. Ours."""


def observed_demand(demand: Demand, target: Sized) -> dict[str, Any]:
    """Return the fields of a demand that hold the observed load; {} for `concurrent_requests`, or without requests.

    A demand with latency limits gets all that the planner needs to come to the same band at a preview: where the band
    was replayed, a peak factor with which it does. The limits are the owner's, and not among the fields.
    """
    seen = target.plan
    if demand.requests_per_second is None or seen is None:
        return {}
    mean, peak = seen.mean.requests_per_second or 0.0, target.requests_per_second
    has_limits = bool(target_of(demand).limits)
    is_average = has_limits or demand.peak_factor is not None
    found: dict[str, Any] = {
        "requests_per_second": _short(mean if is_average else peak),
        "input_tokens": max(1, round(seen.peak.shape.input_tokens)),
        "output_tokens": round(seen.peak.shape.output_tokens),
    }
    if is_average:
        found["peak_factor"] = _short(max(1.0, peak / mean)) if mean else 1
    if has_limits or demand.spread_percent is not None:
        found["spread_percent"] = _short(seen.peak.spread_percent)
    if demand.arrivals is not None or (has_limits and seen.peak.arrivals != "poisson"):
        found["arrivals"] = seen.peak.arrivals
    if has_limits and isinstance(target.replay, Replay):
        found["peak_factor"] = _matching_factor(target, seen, found) or found["peak_factor"]
    return found


def _matching_factor(target: Sized, observed: Plan, demand: dict[str, Any]) -> float | int | None:
    """Return the peak factor nearest to the observed one with which the planner comes to the replayed ceiling.

    None if there is none within four times the observed one.
    """
    mean = replace(
        observed.mean,
        shape=Shape(demand["input_tokens"], demand["output_tokens"]),
        requests_per_second=demand["requests_per_second"],
        spread_percent=demand.get("spread_percent", 0.0),
    )

    def ceiling(factor: float) -> int:
        try:
            return plan(
                observed.capacity,
                mean,
                observed.target,
                peak_factor=factor,
                headroom_percent=observed.headroom_percent,
            ).ceiling_steps
        except NoCapacity:
            return sys.maxsize

    wanted, now = target.band.max, demand["peak_factor"]
    if ceiling(now) == wanted:
        return _short(now)
    factors = [_short(max(1.0, now * STEP**number)) for number in range(-STEPS, STEPS + 1)]
    if ceiling(now) < wanted:
        found = factors[bisect_left(factors, wanted, lo=STEPS, hi=2 * STEPS, key=ceiling)]
    else:
        found = factors[max(0, bisect_right(factors, wanted, lo=0, hi=STEPS, key=ceiling) - 1)]
    return found if ceiling(found) == wanted else None


def _short(value: float) -> float | int:
    """Return three significant digits; a whole number as an integer."""
    short = float(f"{value:.3g}")
    return int(short) if short.is_integer() else short
