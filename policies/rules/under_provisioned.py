"""A floor below what the endpoint must serve all the time: requests wait for a scale-up every day.

Model units have no floor: all of them are there, so that their number has to hold the peak.
"""

from collections.abc import Iterator
from fractions import Fraction

from bandplan.policies.endpoint import Endpoint, Entity
from bandplan.policies.finding import Finding, note
from bandplan.policies.fitting import Bound, chunks_for, over_budget, suggestion
from bandplan.policies.rule import EndpointRule, Settings
from bandplan.policies.wording import grouped, tokens

ID = "under-provisioned"


def check(endpoint: Endpoint, settings: Settings) -> Iterator[Finding]:
    """Compare every entity's floor with the steady part of its share of the demand, in whole chunks."""
    demand = endpoint.demand_tokens_per_second or Fraction(0)
    if not demand and all(entity.planned is None for entity in endpoint.wanted):
        return
    percent = Fraction(str(settings["steady_percent"]))
    for entity in endpoint.wanted:
        yield from _units(endpoint, entity, settings)
        share = demand * endpoint.share(entity)
        chunk, floor, highest = entity.chunk_tokens_per_second, entity.floor_tokens_per_second, entity.max_bands
        if not entity.is_sized:
            waits = "waits: the floor is unknown until the chunk size of its model version is known"
            yield note(f"{endpoint.where(entity)}{waits}")
            continue
        steady = share * percent / 100
        if chunk is None or floor is None or highest is None or not percent or not (steady or entity.planned_bands):
            continue
        planned = entity.planned_bands
        if planned is not None:
            if floor < planned.low * chunk:
                yield Finding(
                    f"{endpoint.where(entity)}floor {tokens(floor)} is below what the latency target needs on average: "
                    f"{planned.amount} for {planned.reason}, in chunks of {grouped(chunk)}; "
                    f"{suggestion(endpoint, entity, settings)}; if the demand is that of the busiest time alone, write "
                    "the average and a peak_factor"
                )
            continue
        least = chunks_for(steady, Fraction(0), chunk)
        if floor < least * chunk:
            yield Finding(
                f"{endpoint.where(entity)}floor {tokens(floor)} is below the steady demand: {grouped(percent)}% of "
                f"{grouped(share)} = {tokens(steady)}, in chunks of {grouped(chunk)}: {least} band"
                f"{'' if least == 1 else 's'} ({grouped(least * chunk)}); {suggestion(endpoint, entity, settings)}"
            )


def _units(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterator[Finding]:
    """Compare model units with those that the latency target needs."""
    planned, units = entity.planned_units, entity.model_units
    if planned is None or units is None or units >= planned.high or not settings["steady_percent"]:
        return
    yield Finding(
        f"{endpoint.where(entity)}{grouped(units)} model units are fewer than the latency target needs: "
        f"{planned.amount} for {planned.reason}; write model_units: {planned.high}, and load-test them"
        f"{over_budget(planned.high, endpoint, settings)}"
    )


def bounds(endpoint: Endpoint, entity: Entity, settings: Settings) -> Iterator[Bound]:
    """Require a min of at least the steady part of the demand."""
    demand, chunk = endpoint.demand_tokens_per_second or Fraction(0), entity.chunk_tokens_per_second
    percent = Fraction(str(settings["steady_percent"]))
    if chunk and percent and endpoint.share(entity) and (demand or entity.planned_bands is not None):
        steady = chunks_for(demand * endpoint.share(entity) * percent / 100, Fraction(0), chunk)
        yield Bound("least min", steady if entity.planned_bands is None else entity.planned_bands.low, ID)


RULE = EndpointRule(
    ID,
    "The floor covers the steady part of the demand.",
    "advisory",
    check,
    bounds=bounds,
    properties={
        "steady_percent": {
            "type": "number",
            "minimum": 0,
            "maximum": 100,
            "default": 50,
            "description": "Share of the demand (stated for the busiest time) that is always present, in percent.",
        }
    },
)
