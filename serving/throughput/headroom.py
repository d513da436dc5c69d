"""Whether bands cover the demand, and by how much (S17)."""

from __future__ import annotations

from fractions import Fraction

from serving.spec.entry import Entry
from serving.spec.problem import Problem
from serving.spec.source import Source
from serving.throughput import rules
from serving.throughput.bands import DEFAULT_HEADROOM_PERCENT, bands_for
from serving.throughput.entity_sizing import EntitySizing


def headroom_problems(entry: Entry, entities: tuple[EntitySizing, ...], source: Source) -> list[Problem]:
    """One warning for each entity whose ceiling is below its share of the demand, or has too little above it."""
    if entry.demand is None:
        return []
    percent = DEFAULT_HEADROOM_PERCENT if entry.headroom_percent is None else entry.headroom_percent
    found = []
    for entity, written in zip(entities, entry.entities, strict=True):
        ceiling, chunk = entity.max_provisioned_throughput, entity.chunk_tokens_per_second
        if ceiling is None or chunk is None:
            continue
        demand = entry.demand.exact_tokens_per_second() * Fraction(entity.traffic_percent, 100)
        if ceiling >= demand * (100 + percent) / 100:
            continue
        rule = rules.CEILING_LOW if ceiling < demand else rules.HEADROOM_LOW
        short = f"a ceiling of {ceiling} tokens/s for a demand of {float(demand):g}"
        finding = (
            short
            if ceiling < demand
            else f"{short} leaves {float(ceiling / demand - 1):.0%} of headroom, not {percent}%"
        )
        enough = bands_for(demand, percent, chunk)
        path = f"models/{entry.name}/{written.path}throughput"
        found.append(rule.problem(source, path, finding, f"write a max of {enough} bands ({enough * chunk} tokens/s)"))
    return found
