"""The demand of an entry as it was observed, in the fields that the entry has."""

from typing import Any

from bandplan.serving.spec.demand import Demand
from bandplan.serving.throughput.latency import target_of
from bandplan.usage.bands import Sized


def observed_demand(demand: Demand, target: Sized) -> dict[str, Any]:
    """Return the fields of a demand that hold the observed load; {} for `concurrent_requests`, or without requests.

    A demand with latency limits gets all that the planner needs to come to the same band at a preview. The limits are
    the owner's, and not among the fields.
    """
    plan = target.plan
    if demand.requests_per_second is None or plan is None:
        return {}
    mean, peak = plan.mean.requests_per_second or 0.0, target.requests_per_second
    has_limits = bool(target_of(demand).limits)
    is_average = has_limits or demand.peak_factor is not None
    found: dict[str, Any] = {
        "requests_per_second": _short(mean if is_average else peak),
        "input_tokens": max(1, round(plan.peak.shape.input_tokens)),
        "output_tokens": round(plan.peak.shape.output_tokens),
    }
    if is_average:
        found["peak_factor"] = _short(max(1.0, peak / mean)) if mean else 1
    if has_limits or demand.spread_percent is not None:
        found["spread_percent"] = _short(plan.peak.spread_percent)
    if demand.arrivals is not None or (has_limits and plan.peak.arrivals != "poisson"):
        found["arrivals"] = plan.peak.arrivals
    return found


def _short(value: float) -> float | int:
    """Return three significant digits; a whole number as an integer."""
    short = float(f"{value:.3g}")
    return int(short) if short.is_integer() else short
