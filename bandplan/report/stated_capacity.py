"""Capacities read from a preview.

Three places state an endpoint's capacity, in this order of detail: the inputs of the component
`bandplan:index:Endpoint`, the inputs of the serving resource, and the stack's output `endpoints`, which also has the
unchanged endpoints.
"""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, replace
from typing import Any

from bandplan.report.endpoint_side import Entity, Side, Waiver, total
from bandplan.report.reading import Reading
from bandplan.wire.capacity import COUNTED, FIGURES, UNITS, figures_of
from bandplan.wire.endpoint import read_endpoint
from bandplan.wire.fleet import read_rows
from bandplan.wire.text import one_line


def component_capacity(inputs: Mapping[str, Any], name: str, place: str, reading: Reading) -> Side:
    """Read the capacity from the inputs of the component."""
    capacity = read_endpoint(inputs, name, Side, reading, place)
    if not capacity.waivers:
        return capacity
    short = (Waiver(*(one_line(text, 300) for text in astuple(waiver))) for waiver in capacity.waivers)
    return replace(capacity, waivers=tuple(short))


def serving_capacity(
    inputs: Mapping[str, Any], name: str, place: str, reading: Reading, *, is_alone: bool = False
) -> Side:
    """Read the capacity from ModelServing or ModelServingProvisionedThroughput if the component does not change.

    Model units that do not mention burst may burst if the resource `is_alone`; inside a component, the guard may set
    burst instead.
    """
    config = reading.record(inputs.get("config"), f"{place}.config")
    routes = _routes(config, f"{place}.config.trafficConfig", reading)
    entities = []
    for key, prefix in (("servedEntities", "entity"), ("servedModels", "model")):
        for index, item in enumerate(reading.items(config.get(key), f"{place}.config.{key}")):
            at = f"{place}.config.{key}[{index}]"
            entities.append(_served(reading.record(item, at), prefix, routes, at, reading))
    figures: dict[str, Any] = {one.name: total([getattr(it, one.name) for it in entities]) for one in FIGURES}
    return Side(
        name=reading.text(inputs.get("name"), f"{place}.name") or name,
        family=_family(entities),
        **figures,
        burst=any(
            reading.record(item, place).get("burstScalingEnabled", is_alone and _is_in_counted_units(entity)) is True
            for item, entity in zip(
                reading.items(config.get("servedEntities"), f"{place}.config.servedEntities"), entities, strict=False
            )
        ),
        entities=tuple(entities),
    )


def _family(entities: Sequence[Entity]) -> str:
    """Return the last unit that an entity uses; bands if none is stated."""
    if any(entity.workload for entity in entities):
        return "workload"
    families = [unit.family for unit in UNITS if any(unit.of(entity)[1] for entity in entities)]
    return families[-1] if families else "bands"


def _is_in_counted_units(entity: Entity) -> bool:
    """Return whether its capacity is a count, such as model units, which may burst, and not a range."""
    return any(unit.of(entity)[1] is not None for unit in COUNTED)


def summary_capacities(outputs: Mapping[str, Any], place: str, reading: Reading) -> tuple[Side, ...]:
    """Read the capacities from the stack's output `endpoints`, in its order; empty if there is none."""
    found = []
    for row in read_rows(outputs.get("endpoints"), reading, f"{place}.endpoints"):
        figures = figures_of(row)
        entities = [
            Entity(model=one.model, version=one.version, traffic_percent=one.traffic_percent) for one in row.models
        ]
        if len(entities) == 1:
            entities = [replace(entities[0], **figures)]
        found.append(Side(row.name, row.family, **figures, entities=tuple(entities)))
    return tuple(found)


def _served(item: Mapping[str, Any], prefix: str, routes: Mapping[str, int], place: str, reading: Reading) -> Entity:
    def whole(key: str) -> int | None:
        return reading.whole(item.get(key), f"{place}.{key}")

    def text(key: str) -> str | None:
        return reading.text(item.get(key), f"{place}.{key}")

    name = text("name") or ""
    figures: dict[str, Any] = {figure.name: whole(figure.served) for figure in FIGURES}
    return Entity(
        served_name=name,
        model=text(f"{prefix}Name") or "",
        version=text(f"{prefix}Version"),
        traffic_percent=routes.get(name),
        **figures,
        workload=" ".join(filter(None, (text("workloadType"), text("workloadSize")))),
    )


def _routes(config: Mapping[str, Any], place: str, reading: Reading) -> dict[str, int]:
    """Map served name to percent of the traffic."""
    traffic = reading.record(config.get("trafficConfig"), place)
    found = {}
    for index, item in enumerate(reading.items(traffic.get("routes"), f"{place}.routes")):
        route, at = reading.record(item, f"{place}.routes[{index}]"), f"{place}.routes[{index}]"
        name = reading.text(route.get("servedEntityName", route.get("servedModelName")), f"{at}.servedEntityName")
        percent = reading.whole(route.get("trafficPercentage"), f"{at}.trafficPercentage")
        if name is not None and percent is not None:
            found[name] = percent
    return found
