"""Whether the fleet's region exists, and offers the models that are not available everywhere (S37)."""

from __future__ import annotations

from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.interpolation import placeholder
from bandplan.serving.spec.problem import Problem, clipped
from bandplan.serving.spec.source import Source
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.families import family_of
from bandplan.serving.throughput.regions import REGIONAL_FAMILIES, RegionTable, shipped_names, shipped_table


def regional_problems(fleet: Fleet, source: Source, regions: RegionTable | None) -> list[Problem]:
    """Report an unknown region as an error, and warn of each entity whose family the region lacks or may lack."""
    if fleet.region is None or placeholder(fleet.region):
        return []
    table, names = regions or shipped_table(), shipped_names()
    if not names.has(fleet.region):
        meant = names.meant(fleet.region)
        step = f"write `region: {meant}`" if meant else "write it as the cloud does, such as us-east-1, westeurope"
        finding = f"no cloud has a region {clipped(fleet.region, 60)}"
        return [rules.REGION_NAME.problem(source, ("region",), finding, step)]
    see = f"see {table.source}"
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
                why = f"its row was looked for and could not be read ({table.read})"
                if fleet.region.lower() not in names.listed:
                    why = "the platform's page of regions does not list it"
                finding = f"{family.name} in {fleet.region} is unverified: {why}"
                found.append(rules.REGION_UNKNOWN.problem(source, path, finding, see))
    return found
