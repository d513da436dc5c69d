"""Capacities out of a preview.

Three places of it say what an endpoint has, in this order of detail: the inputs of the component
`bandplan:index:Endpoint`, the inputs of the serving resource itself, and the stack's output `endpoints`, which also has
the endpoints that do not change.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bandplan.report.capacity import Capacity, Entity, StepOfRollout, Waiver, total
from bandplan.report.reading import Reading
from bandplan.wire.text import one_line


def component_capacity(inputs: Mapping[str, Any], name: str, place: str, reading: Reading) -> Capacity:
    """From the inputs of the component."""

    def whole(key: str) -> int | None:
        return reading.whole(inputs.get(key), f"{place}.{key}")

    def number(key: str) -> float | None:
        return reading.number(inputs.get(key), f"{place}.{key}")

    def records(key: str) -> list[tuple[Mapping[str, Any], str]]:
        items = reading.items(inputs.get(key), f"{place}.{key}")
        return [(reading.record(item, f"{place}.{key}[{i}]"), f"{place}.{key}[{i}]") for i, item in enumerate(items)]

    return Capacity(
        name=reading.text(inputs.get("name"), f"{place}.name") or name,
        family=reading.text(inputs.get("family"), f"{place}.family") or "",
        floor_tokens_per_second=whole("floorTokensPerSecond"),
        ceiling_tokens_per_second=whole("ceilingTokensPerSecond"),
        model_units=whole("modelUnits"),
        estimated_tokens_per_second=number("estimatedTokensPerSecond"),
        demand_tokens_per_second=number("demandTokensPerSecond"),
        headroom=number("headroom"),
        burst=reading.flag(inputs.get("burst"), f"{place}.burst"),
        entities=tuple(_component_entity(item, at, reading) for item, at in records("entities")),
        waivers=tuple(_waiver(item, at, reading) for item, at in records("waivers")),
        accepted_ceiling_tokens_per_second=whole("acceptedCeilingTokensPerSecond"),
        accepted_model_units=whole("acceptedModelUnits"),
        step_of_rollout=_step_of_rollout(inputs.get("rollout"), f"{place}.rollout", reading),
    )


def serving_capacity(
    inputs: Mapping[str, Any], name: str, place: str, reading: Reading, *, is_alone: bool = False
) -> Capacity:
    """From the inputs of ModelServing or ModelServingProvisionedThroughput, where the component does not change.

    Model units without a word about bursting may burst, if the resource `is_alone`; inside a component the guard may be
    the one that is told otherwise.
    """
    config = reading.record(inputs.get("config"), f"{place}.config")
    routes = _routes(config, f"{place}.config.trafficConfig", reading)
    entities = []
    for key, prefix in (("servedEntities", "entity"), ("servedModels", "model")):
        for index, item in enumerate(reading.items(config.get(key), f"{place}.config.{key}")):
            at = f"{place}.config.{key}[{index}]"
            entities.append(_served(reading.record(item, at), prefix, routes, at, reading))
    units = [entity.model_units for entity in entities]
    return Capacity(
        name=reading.text(inputs.get("name"), f"{place}.name") or name,
        family="workload" if any(entity.workload for entity in entities) else "model_units" if any(units) else "bands",
        floor_tokens_per_second=total([entity.floor_tokens_per_second for entity in entities]),
        ceiling_tokens_per_second=total([entity.ceiling_tokens_per_second for entity in entities]),
        model_units=total(units),
        burst=any(
            reading.record(item, place).get("burstScalingEnabled", is_alone and entity.model_units is not None) is True
            for item, entity in zip(
                reading.items(config.get("servedEntities"), f"{place}.config.servedEntities"), entities, strict=False
            )
        ),
        entities=tuple(entities),
    )


def summary_capacities(outputs: Mapping[str, Any], place: str, reading: Reading) -> tuple[Capacity, ...]:
    """From the stack's output `endpoints`, in its order; empty when there is none."""
    found = []
    for index, item in enumerate(reading.items(outputs.get("endpoints"), f"{place}.endpoints")):
        at = f"{place}.endpoints[{index}]"
        summary = reading.record(item, at)
        models = reading.items(summary.get("models"), f"{at}.models")
        keys = ("floor_tokens_per_second", "ceiling_tokens_per_second", "model_units")
        floor, ceiling, units = (reading.whole(summary.get(key), f"{at}.{key}") for key in keys)
        entities = [_summary_entity(model, f"{at}.models[{i}]", reading) for i, model in enumerate(models)]
        if len(entities) == 1:
            entities = [
                replace(
                    entities[0],
                    floor_tokens_per_second=floor,
                    ceiling_tokens_per_second=ceiling,
                    model_units=units,
                )
            ]
        name = reading.text(summary.get("name"), f"{at}.name") or ""
        family = reading.text(summary.get("family"), f"{at}.family") or ""
        found.append(Capacity(name, family, floor, ceiling, units, entities=tuple(entities)))
    return tuple(found)


def _step_of_rollout(value: Any, place: str, reading: Reading) -> StepOfRollout | None:
    item = reading.record(value, place)
    if not item:
        return None
    step, steps, percent = (reading.whole(item.get(key), f"{place}.{key}") or 0 for key in ("step", "steps", "percent"))
    versions = (reading.text(item.get(key), f"{place}.{key}") or "" for key in ("version", "fromVersion"))
    return StepOfRollout(step, steps, percent, *versions)


def _component_entity(item: Mapping[str, Any], place: str, reading: Reading) -> Entity:
    def whole(key: str) -> int | None:
        return reading.whole(item.get(key), f"{place}.{key}")

    def text(key: str) -> str | None:
        return reading.text(item.get(key), f"{place}.{key}")

    return Entity(
        served_name=text("servedName") or "",
        model=text("model") or "",
        version=text("version"),
        alias=text("alias"),
        traffic_percent=whole("trafficPercent"),
        chunk_tokens_per_second=whole("chunkTokensPerSecond"),
        min_bands=whole("minBands"),
        max_bands=whole("maxBands"),
        floor_tokens_per_second=whole("floorTokensPerSecond"),
        ceiling_tokens_per_second=whole("ceilingTokensPerSecond"),
        model_units=whole("modelUnits"),
        workload=" ".join(filter(None, (text("workloadType"), text("workloadSize")))),
    )


def _served(item: Mapping[str, Any], prefix: str, routes: Mapping[str, int], place: str, reading: Reading) -> Entity:
    def whole(key: str) -> int | None:
        return reading.whole(item.get(key), f"{place}.{key}")

    def text(key: str) -> str | None:
        return reading.text(item.get(key), f"{place}.{key}")

    name = text("name") or ""
    return Entity(
        served_name=name,
        model=text(f"{prefix}Name") or "",
        version=text(f"{prefix}Version"),
        traffic_percent=routes.get(name),
        floor_tokens_per_second=whole("minProvisionedThroughput"),
        ceiling_tokens_per_second=whole("maxProvisionedThroughput"),
        model_units=whole("provisionedModelUnits"),
        workload=" ".join(filter(None, (text("workloadType"), text("workloadSize")))),
    )


def _summary_entity(value: Any, place: str, reading: Reading) -> Entity:
    item = reading.record(value, place)
    return Entity(
        model=reading.text(item.get("model"), f"{place}.model") or "",
        version=reading.text(item.get("version"), f"{place}.version"),
        traffic_percent=reading.whole(item.get("traffic_percent"), f"{place}.traffic_percent"),
    )


def _routes(config: Mapping[str, Any], place: str, reading: Reading) -> dict[str, int]:
    """Served name -> percent of the traffic."""
    traffic = reading.record(config.get("trafficConfig"), place)
    found = {}
    for index, item in enumerate(reading.items(traffic.get("routes"), f"{place}.routes")):
        route, at = reading.record(item, f"{place}.routes[{index}]"), f"{place}.routes[{index}]"
        name = reading.text(route.get("servedEntityName", route.get("servedModelName")), f"{at}.servedEntityName")
        percent = reading.whole(route.get("trafficPercentage"), f"{at}.trafficPercentage")
        if name is not None and percent is not None:
            found[name] = percent
    return found


def _waiver(item: Mapping[str, Any], place: str, reading: Reading) -> Waiver:
    policy, expires, owner, reason = (
        one_line(reading.text(item.get(key), f"{place}.{key}") or "", 300)
        for key in ("policy", "expires", "owner", "reason")
    )
    return Waiver(policy, expires, owner, reason)
