"""Whether a capacity covers the demand, with how much headroom (S17; of units if an estimate is published, S11), and
keeps its latency target (S35).
"""

from __future__ import annotations

from fractions import Fraction

from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.bands import DEFAULT_HEADROOM_PERCENT, bands_for
from bandplan.serving.throughput.entity_sizing import EntitySizing
from bandplan.serving.throughput.model_units import units_for
from bandplan.wire.band_policies import BUDGET, NO_POLICIES, OVER, BandPolicies


def headroom_problems(
    entry: Entry, entities: tuple[EntitySizing, ...], source: Source, policies: BandPolicies = NO_POLICIES
) -> list[Problem]:
    """Warn of each entity whose capacity is below its share of the demand, or leaves too little headroom.

    The suggestions comply with the stack's `policies`, or name the policy that they cannot comply with.
    """
    if entry.demand is None:
        return []
    percent = DEFAULT_HEADROOM_PERCENT if entry.headroom_percent is None else entry.headroom_percent
    found = []
    for entity, written in zip(entities, entry.entities, strict=True):
        demand = entry.demand.share_of_tokens(entity.traffic_percent) or Fraction(0)
        path = f"models/{entry.name}/{written.path}throughput"
        ceiling, chunk = entity.max_provisioned_throughput, entity.chunk_tokens_per_second
        estimate, units = entity.estimated_tokens_per_second, entity.model_units
        if entity.min_bands is not None and entity.max_bands is not None and entity.min_bands > entity.max_bands:
            continue  # another max is already requested, and its value depends on the min
        if ceiling is not None and chunk is not None:
            what = f"a ceiling of {ceiling} tokens/s"
            planned = None if entity.planned is None else entity.planned.high
            enough = max(planned or 0, bands_for(demand, percent, chunk))
            step = f"write a max of {enough} bands ({enough * chunk} tokens/s)"
            most = policies.most_chunks(demand, chunk, planned)
            if most is not None and most < enough:
                step = (
                    f"no max both leaves {percent}% of headroom ({enough} bands) and meets the policy {OVER} (at most "
                    f"{most}): change headroom_percent here or there, or waive one of the two"
                )
            elif (affordable := policies.affordable_chunks(chunk)) is not None and affordable < enough:
                step = (
                    f"{step}, which the policy {BUDGET} (at most {affordable} for the whole stack) does not allow: "
                    "have it raised, or lower the demand or headroom_percent"
                )
            found += _too_little(Fraction(ceiling), demand, percent, what, step, path, source)
            found += _too_slow(entity, what, step, entry.name, path, source)
        elif units is not None:
            planned = None if entity.planned is None else entity.planned.high
            by_estimate = 0 if estimate is None else units_for(demand, percent, entity.model_unit_chunk_size or 1)
            step = f"write about {max(planned or 0, by_estimate)} model units, and load-test them"
            if estimate is not None:
                what = f"{units} model units, estimated at {estimate:g} tokens/s for requests of this shape only,"
                found += _too_little(Fraction(estimate), demand, percent, what, step, path, source)
            found += _too_slow(entity, f"{units} model units", step, entry.name, path, source)
    return found


def _too_slow(entity: EntitySizing, what: str, step: str, entry: str, path: str, source: Source) -> list[Problem]:
    """Report a capacity below the one that the latency target needs, and a target that no capacity keeps."""
    if entity.unmeetable:
        finding, _, step = entity.unmeetable.partition("; ")
        return [rules.LATENCY_MISSED.problem(source, f"models/{entry}/demand", finding, step)]
    planned = entity.planned
    if planned is None:
        return []
    most = entity.max_bands if planned.unit == "bands" else entity.model_units
    if most is None or most >= planned.high:
        return []
    misses, is_too_little, noun = ("misses", "is too little", "bands")
    if planned.unit == "model_units":
        misses, is_too_little, noun = ("miss", "are too few", "model units")
    if planned.is_for_headroom:
        needs = f"{is_too_little} for {planned.target} and the headroom, which need"
    else:
        needs = f"{misses} {planned.target}, which needs"
    finding = f"{what} {needs} {planned.high} {noun} by {planned.source}"
    return [rules.LATENCY_MISSED.problem(source, path, finding, f"{step}, or raise the target")]


def _too_little(
    there: Fraction, demand: Fraction, percent: int, what: str, step: str, path: str, source: Source
) -> list[Problem]:
    """Report capacity that is less than the demand, or than the demand and its headroom."""
    if there >= demand * (100 + percent) / 100:
        return []
    finding = f"{what} for a demand of {float(demand):g}"
    if there < demand:
        return [rules.CEILING_LOW.problem(source, path, finding, step)]
    finding = f"{finding} leaves {float(there / demand - 1):.0%} of headroom, not {percent}%"
    return [rules.HEADROOM_LOW.problem(source, path, finding, step)]
