"""The band that an entry's latency target needs, by the planner, and what is wrong if there is none (S13, S35)."""

from __future__ import annotations

import math
from fractions import Fraction

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.sizes import Size, Sizes, Wanted
from bandplan.planner.target import Target
from bandplan.serving.spec.demand import Demand
from bandplan.wire.planned import Planned


def load_of(demand: Demand, share: Fraction = Fraction(1)) -> Load:
    """Return the average load of an entity that gets `share` of the demand."""
    rate, concurrent = demand.requests_per_second, demand.concurrent_requests
    return Load(
        Shape(demand.input_tokens, demand.output_tokens),
        None if rate is None else float(Fraction(repr(rate)) * share),
        None if concurrent is None else math.ceil(concurrent * share),
        demand.arrivals or "poisson",
        demand.spread_percent or 0.0,
        demand.cache_hit_percent or 0.0,
    )


def target_of(demand: Demand) -> Target:
    """Return what the demand's requests may take; without limits if it has no latency fields."""
    return Target(
        demand.latency_seconds, demand.ttft_seconds, demand.tpot_ms, demand.latency_percentile or Target().percentile
    )


def wanted_of(demand: Demand | None, share: Fraction, headroom_percent: int) -> Wanted | None:
    """Return what the planner is asked for an entity; None without latency fields, or without traffic."""
    if demand is None or not share:
        return None
    target = target_of(demand)
    if not target.limits:
        return None
    return Wanted(load_of(demand, share), target, demand.peak_factor or 1.0, float(headroom_percent))


def size_for(wanted: Wanted, chunk: int, sizes: Sizes) -> Size:
    """Return the planner's answer for a model if only its chunk is known."""
    return sizes.of(Capacity("chunks", chunk, embeds=wanted.load.shape.output_tokens == 0), wanted)


def planned_of(wanted: Wanted, size: Size) -> Planned:
    """Return an answer as it crosses to policies and the report."""
    return Planned(size.floor, size.ceiling, str(wanted.target), "published figures", size.is_for_headroom)
