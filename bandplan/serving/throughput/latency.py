"""The capacity that an entry's latency target needs, by the planner (S13, S35)."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Load, Shape
from bandplan.planner.published import IN_FLIGHT_PER_50_UNITS, TOKENS_PER_SECOND_PER_UNIT
from bandplan.planner.sizes import Size, Sizes, Wanted
from bandplan.planner.target import Target
from bandplan.serving.spec.demand import Demand
from bandplan.serving.throughput.families import Kind
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


def size_for(wanted: Wanted, sold_in: Kind, increment: int, sizes: Sizes) -> Size:
    """Return the planner's answer for a model if only its increment is known: a chunk, or a step of model units."""
    return sizes.of(_capacity(wanted, sold_in, increment), wanted)


def planned_of(wanted: Wanted, sold_in: Kind, increment: int, size: Size) -> Planned:
    """Return an answer as it crosses to policies and the report."""
    target, is_for_headroom = str(wanted.target), size.is_for_headroom
    if sold_in == "bands":
        return Planned(size.floor, size.ceiling, target, "published figures", is_for_headroom)
    capacity = _capacity(wanted, sold_in, increment)
    units, shape, reference = capacity.amount(size.ceiling), wanted.load.shape, capacity.reference
    source = (
        f"an assumed law of model units: 50 give {50 * TOKENS_PER_SECOND_PER_UNIT:,.0f} tokens/s at {reference} with "
        f"{IN_FLIGHT_PER_50_UNITS} requests in flight"
    )
    extrapolated = "" if shape == reference else f", extrapolated to {shape}"
    return Planned(units, units, target, source + extrapolated, is_for_headroom, "model_units")


def _capacity(wanted: Wanted, sold_in: Kind, increment: int) -> Capacity:
    return replace(Capacity(sold_in, increment), embeds=wanted.load.shape.output_tokens == 0)
