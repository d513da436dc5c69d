"""More capacity than the demand and its headroom require."""

from collections.abc import Iterator
from fractions import Fraction

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, note
from bandplan.policies.fitting import Bound, chunks_for, over_budget, suggestion
from bandplan.policies.rule import EndpointRule, Settings
from bandplan.policies.wording import grouped, times, tokens
from bandplan.wire.planned import Planned

ID = "over-provisioned"


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Compare every entity's ceiling with its share of the demand plus headroom, in whole chunks."""
    demand = endpoint.demand_tokens_per_second or Fraction(0)
    if not demand and all(entity.planned is None for entity in endpoint.wanted):
        return
    percent = Fraction(str(settings["headroom_percent"]))
    if any(entity.planned_units is not None for entity in endpoint.wanted):
        for entity in endpoint.wanted:
            yield from _planned_units(endpoint, entity, demand, percent, settings)
    elif demand and endpoint.estimated_tokens_per_second is not None and endpoint.model_units:
        yield from _units(endpoint, demand, percent, settings)
    for entity in endpoint.wanted:
        share = demand * endpoint.share(entity)
        yield from _entity(endpoint, entity, share, percent, settings)


def bounds(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterator[Bound]:
    """Limit the max to what the demand and the headroom require."""
    demand, chunk = endpoint.demand_tokens_per_second or Fraction(0), entity.chunk_tokens_per_second
    planned = entity.planned_bands
    if chunk and (demand or planned is not None):
        percent = Fraction(str(settings["headroom_percent"]))
        most = chunks_for(demand * endpoint.share(entity), percent, chunk)
        yield Bound("most max", most if planned is None else max(most, planned.high), ID)


def _entity(
    endpoint: Endpoint, entity: Entity, demand: Fraction, percent: Fraction, settings: Settings
) -> Iterator[Finding]:
    chunk, ceiling = entity.chunk_tokens_per_second, entity.ceiling_tokens_per_second
    if not entity.is_sized:
        waits = "waits: the ceiling is unknown until the chunk size of its model version is known"
        yield note(f"{endpoint.where(entity)}{waits}")
        return
    if chunk is None or ceiling is None or entity.min_bands is None:
        return
    most = chunks_for(demand, percent, chunk)
    planned = entity.planned_bands
    if ceiling <= max(most, planned.high if planned is not None else 0) * chunk:
        return
    if planned is not None and (planned.high > most or not demand):
        yield Finding(
            f"{endpoint.where(entity)}ceiling {tokens(ceiling)} is above what the latency target needs: "
            f"{planned.amount} for {planned.reason}, in chunks of {grouped(chunk)}; "
            f"{suggestion(endpoint, entity, settings)}"
        )
        return
    factor = 1 + percent / 100
    ratio = f"is {times(ceiling / demand)} times the demand of {tokens(demand)}" if demand else "has no demand to serve"
    yield Finding(
        f"{endpoint.where(entity)}ceiling {tokens(ceiling)} {ratio}; allowed is {times(factor)} times = "
        f"{grouped(demand * factor)}, in chunks of {grouped(chunk)}: {most} band{'' if most == 1 else 's'} "
        f"({grouped(most * chunk)}){_enough(planned)}; {suggestion(endpoint, entity, settings)}"
    )


def _enough(planned: Planned | None) -> str:
    """Return what a latency target needs, which is less than the headroom allows; "" without one."""
    return "" if planned is None else f"; {planned.amount} are enough for {planned.reason}"


def _planned_units(
    endpoint: Endpoint, entity: Entity, demand: Fraction, percent: Fraction, settings: Settings
) -> Iterator[Finding]:
    """Compare units with those that the latency target needs, or with what the headroom allows if that is more."""
    planned, units = entity.planned_units, entity.model_units
    if planned is None or units is None:
        return
    most = max(planned.high, _units_for(endpoint, demand * endpoint.share(entity), percent, settings))
    if units > most:
        allowed = "" if most == planned.high else f", and the headroom of {grouped(percent)}% allows {grouped(most)}"
        yield Finding(
            f"{endpoint.where(entity)}{grouped(units)} model units are more than the latency target needs: "
            f"{planned.amount} for {planned.reason}{allowed}; write model_units: {most}"
            f"{over_budget(most, endpoint, settings)}; if a load test needs more, waive {ID} with it as the reason"
        )


def _units_for(endpoint: Endpoint, demand: Fraction, percent: Fraction, settings: Settings) -> int:
    """Return the units that the published estimate gives for a demand and headroom; 0 without an estimate."""
    units, estimated = endpoint.model_units, endpoint.estimated_tokens_per_second
    if not units or not estimated or not demand:
        return 0
    step = _step(endpoint, settings)
    exact = demand * (1 + percent / 100) * units / Fraction(repr(estimated)) / step
    return max(1, -(-exact.numerator // exact.denominator)) * step


def _step(endpoint: Endpoint, settings: Settings) -> int:
    increments = [one.model_unit_chunk_size for one in endpoint.wanted if one.model_unit_chunk_size]
    return max(increments, default=int(settings["model_units_step"]))


def _units(endpoint: Endpoint, demand: Fraction, percent: Fraction, settings: Settings) -> Iterator[Finding]:
    units, estimated = endpoint.model_units, endpoint.estimated_tokens_per_second
    assert units is not None and estimated is not None
    factor = 1 + percent / 100
    wanted = demand * factor
    most = _units_for(endpoint, demand, percent, settings)
    if units > most:
        yield Finding(
            f"{grouped(units)} model units, estimated at {tokens(estimated)}, are "
            f"{times(Fraction(repr(estimated)) / demand)} times the demand of {tokens(demand)}; allowed is "
            f"{times(factor)} times = {grouped(wanted)}, in steps of {_step(endpoint, settings)} units: {most} units; "
            f"write model_units: {most}{over_budget(most, endpoint, settings)}"
        )


RULE = EndpointRule(
    ID,
    "The ceiling is no more than the demand and its headroom, in whole chunks.",
    "mandatory",
    check,
    bounds=bounds,
    properties={
        "headroom_percent": {
            "type": "number",
            "minimum": 0,
            "default": 20,
            "description": "Capacity allowed above the demand, in percent.",
        },
        "model_units_step": {
            "type": "integer",
            "minimum": 1,
            "default": 50,
            "description": "Step in which model units are counted if the model's own increment is unknown.",
        },
    },
)
