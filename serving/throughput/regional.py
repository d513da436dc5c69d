"""Whether the fleet's region has the models that are not available everywhere (S37)."""

from __future__ import annotations

from serving.spec.fleet import Fleet
from serving.spec.problem import Problem
from serving.spec.source import Source
from serving.throughput import rules
from serving.throughput.families import family_of
from serving.throughput.regions import REGIONAL_FAMILIES, RegionTable, shipped_table


def regional_problems(fleet: Fleet, source: Source, regions: RegionTable | None) -> list[Problem]:
    """A warning for each entity whose family the fleet's region lacks, or may lack; nothing without a region."""
    if fleet.region is None:
        return []
    table = regions or shipped_table()
    meant = table.spelled_right(fleet.region)
    see = f"see {table.source}" if meant is None or meant == fleet.region.lower() else f"write `region: {meant}`"
    found = []
    for entry in fleet.models:
        for entity in entry.entities:
            family = family_of(entity.model)
            if family is None or family.name not in REGIONAL_FAMILIES:
                continue
            path = f"models/{entry.name}/{entity.model_path}"
            availability = table.availability(family.name, fleet.region)
            if availability == "unavailable":
                finding = f"{family.name} is not listed for {fleet.region} (read {table.read})"
                found.append(rules.REGION_MISSING.problem(source, path, finding, f"see {table.source}"))
            elif availability == "unverified":
                finding = f"{family.name} in {fleet.region} is unverified: our table has no row for that region"
                found.append(rules.REGION_UNKNOWN.problem(source, path, finding, see))
    return found
