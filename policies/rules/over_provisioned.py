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
    if demand and endpoint.estimated_tokens_per_second is not None and endpoint.model_units:
        increments = [one.model_unit_chunk_size for one in endpoint.wanted if one.model_unit_chunk_size]
        step = max(increments, default=int(settings["model_units_step"]))
        yield from _units(endpoint, demand, percent, step, settings)
    for entity in endpoint.wanted:
        share = demand * endpoint.share(entity)
        yield from _entity(endpoint, entity, share, percent, settings)


def bounds(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterator[Bound]:
    """Limit the max to what the demand and the headroom require."""
    demand, chunk = endpoint.demand_tokens_per_second or Fraction(0), entity.chunk_tokens_per_second
    planned = entity.planned
    if chunk and (demand or planned is not None):
        percent = Fraction(str(settings["headroom_percent"]))
        most = chunks_for(demand * endpoint.share(entity), percent, chunk)
        yield Bound("most max", most if planned is None else max(most, planned.max_bands), ID)


def _entity(
    endpoint: Endpoint, entity: Entity, demand: Fraction, percent: Fraction, settings: Settings
) -> Iterator[Finding]:
    chunk, ceiling = entity.chunk_tokens_per_second, entity.ceiling_tokens_per_second
    if not entity.is_sized:
        yield note(f"{endpoint.where(entity)}waits: the ceiling is known once the chunk of its version is")
        return
    if chunk is None or ceiling is None or entity.min_bands is None:
        return
    most = chunks_for(demand, percent, chunk)
    planned = entity.planned
    if ceiling <= max(most, planned.max_bands if planned is not None else 0) * chunk:
        return
    if planned is not None and (planned.max_bands > most or not demand):
        yield Finding(
            f"{endpoint.where(entity)}ceiling {tokens(ceiling)} is above what the latency target needs: "
            f"{planned.bands} for {planned.reason}, in chunks of {grouped(chunk)}; "
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
    return "" if planned is None else f"; {planned.bands} are enough for {planned.reason}"


def _units(endpoint: Endpoint, demand: Fraction, percent: Fraction, step: int, settings: Settings) -> Iterator[Finding]:
    units, estimated = endpoint.model_units, endpoint.estimated_tokens_per_second
    assert units is not None and estimated is not None
    factor = 1 + percent / 100
    wanted = demand * factor
    exact = wanted * units / Fraction(repr(estimated)) / step
    most = max(1, -(-exact.numerator // exact.denominator)) * step
    if units > most:
        yield Finding(
            f"{grouped(units)} model units, estimated at {tokens(estimated)}, are "
            f"{times(Fraction(repr(estimated)) / demand)} times the demand of {tokens(demand)}; allowed is "
            f"{times(factor)} times = {grouped(wanted)}, in steps of {step} units: {most} units; "
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
