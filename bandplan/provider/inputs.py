"""The inputs of an EndpointReady: what they may contain, checked before anything is sent. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.provider.input_kinds import InputProblem, of_kind, unknown_names
from bandplan.serving.endpoint.declared import Api, Declared, route_target
from bandplan.wire.capacity import COUNTED, SERVED_AT_MOST
from bandplan.wire.guard import CONFIG_PARTS, INPUTS, SETTINGS, TASK
from bandplan.wire.property_path import PathStep, property_path

DEFAULT_TIMEOUT_SECONDS = 7200
"""Two hours: an image build alone can take one (docs.databricks.com, "Optimized LLM serving", read 2025-11)."""

_DECLARED: Mapping[str, type] = {
    **dict(zip(CONFIG_PARTS, (list, list, dict), strict=True)),
    **{setting.name: setting.kind for setting in SETTINGS},
    TASK: str,
}
_NOT_ON_PT = (*(setting.name for setting in SETTINGS if not setting.is_on_pt), "servedModels")
_ITEM_KEYS = {"tags": "key", "rateLimits": "calls"}


@dataclass(frozen=True)
class Wanted:
    """Checked inputs, all of them known."""

    endpoint: str
    serving_endpoint_id: str | None
    api: Api
    declared: Declared
    timeout_seconds: int
    accepted: Declared | None = None

    @classmethod
    def from_inputs(cls, inputs: Mapping[str, Any]) -> "Wanted":
        accepted = inputs.get("accepted")
        return cls(
            endpoint=inputs["endpoint"],
            serving_endpoint_id=inputs.get("servingEndpointId") or None,
            api=inputs["api"],
            declared=Declared.from_inputs(inputs["declared"]),
            timeout_seconds=int(inputs.get("timeoutSeconds") or DEFAULT_TIMEOUT_SECONDS),
            accepted=Declared.from_inputs({**inputs["declared"], **accepted}) if accepted else None,
        )


def findings(inputs: Mapping[str, Any]) -> tuple[InputProblem, ...]:
    """Return everything wrong with the plain inputs; unknown values pass."""
    return tuple(_findings(inputs))


def _findings(inputs: Mapping[str, Any]) -> Iterator[InputProblem]:
    yield from unknown_names((), inputs, INPUTS)
    yield from of_kind(("endpoint",), inputs.get("endpoint"), str, required=True)
    yield from of_kind(("servingEndpointId",), inputs.get("servingEndpointId"), str)
    api = inputs.get("api")
    if api is not UNKNOWN and api not in ("classic", "pt"):
        yield InputProblem("api", f'is {api!r}; it must be "classic" or "pt"')
    timeout = inputs.get("timeoutSeconds")
    yield from of_kind(("timeoutSeconds",), timeout, int)
    if isinstance(timeout, int) and timeout <= 0:
        yield InputProblem("timeoutSeconds", f"is {timeout}; it must be more than 0 seconds")
    declared = inputs.get("declared")
    yield from of_kind(("declared",), declared, dict, required=True)
    if isinstance(declared, Mapping):
        yield from _declared_findings(declared, api)
    accepted = inputs.get("accepted")
    yield from of_kind(("accepted",), accepted, dict)
    if isinstance(accepted, Mapping) and isinstance(declared, Mapping):
        yield from _accepted_findings(accepted, declared)


def _accepted_findings(accepted: Mapping[str, Any], declared: Mapping[str, Any]) -> Iterator[InputProblem]:
    """Check that the accepted entities match the declared ones in everything except capacity."""
    yield from unknown_names(("accepted",), accepted, ("servedEntities",))
    less, wanted = _known_list(accepted.get("servedEntities")), _known_list(declared.get("servedEntities"))
    if len(less) != len(wanted):
        yield InputProblem("accepted.servedEntities", f"has {len(less)} entities, but declared has {len(wanted)}")
        return
    for index, (one, other) in enumerate(zip(less, wanted, strict=True)):
        if isinstance(one, Mapping) and isinstance(other, Mapping):
            for name in sorted({*one, *other} - {*SERVED_AT_MOST}):
                if one.get(name) != other.get(name):
                    path = property_path(("accepted", "servedEntities", index, name))
                    yield InputProblem(path, "differs from the declared one; only the capacity may be lower")


def _declared_findings(declared: Mapping[str, Any], api: Any) -> Iterator[InputProblem]:
    yield from unknown_names(("declared",), declared, tuple(_DECLARED))
    for name, kind in _DECLARED.items():
        yield from of_kind(("declared", name), declared.get(name), kind)
    present = [name for name in ("servedEntities", "servedModels") if declared.get(name)]
    if len(present) != 1:
        yield InputProblem(
            "declared",
            f"has {' and '.join(present) or 'neither servedEntities nor servedModels'}; give exactly one",
        )
    for name in present:
        if isinstance(declared[name], list):
            yield from _entity_findings(name, declared[name], api)
    for name in _NOT_ON_PT:
        if api == "pt" and declared.get(name):
            yield InputProblem(f"declared.{name}", 'is not possible with api "pt"; remove it')
    for name, key in _ITEM_KEYS.items():
        for index, item in enumerate(_known_list(declared.get(name))):
            if not isinstance(item, Mapping) or item.get(key) is None:
                yield InputProblem(property_path(("declared", name, index)), f"has no {key}")
    yield from _traffic_findings(declared)


def _entity_findings(key: str, entities: list[Any], api: Any) -> Iterator[InputProblem]:
    needed = ["modelName"] if key == "servedModels" else [unit.high.served for unit in COUNTED] if api == "pt" else []
    for index, entity in enumerate(entities):
        path = ("declared", key, index)
        yield from of_kind(path, entity, dict, required=True)
        if isinstance(entity, Mapping) and needed and all(entity.get(name) is None for name in needed):
            yield InputProblem(property_path(path), f"has no {' or '.join(needed)}")


def _traffic_findings(declared: Mapping[str, Any]) -> Iterator[InputProblem]:
    traffic = declared.get("trafficConfig")
    if not isinstance(traffic, Mapping):
        return
    path: tuple[PathStep, ...] = ("declared", "trafficConfig", "routes")
    routes = _known_list(traffic.get("routes"))
    percents = [route.get("trafficPercentage") if isinstance(route, Mapping) else None for route in routes]
    for index, (route, percent) in enumerate(zip(routes, percents, strict=True)):
        if percent is not UNKNOWN and (not isinstance(percent, int) or isinstance(percent, bool)):
            yield InputProblem(property_path((*path, index)), "has no integer trafficPercentage")
        elif isinstance(route, Mapping) and not route_target(route):
            yield InputProblem(
                property_path((*path, index)),
                "names no servedEntityName or servedModelName",
            )
    whole = [percent for percent in percents if isinstance(percent, int)]
    if routes and len(whole) == len(routes) and sum(whole) != 100:
        yield InputProblem(
            property_path(path),
            f"add up to {sum(whole)} percent; traffic must add up to 100",
        )


def _known_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []
