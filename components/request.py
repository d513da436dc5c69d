"""A sizing as the inputs of the resources of one endpoint: pure, camelCase, exactly what is sent.

Which API an endpoint is created with (docs.databricks.com/api/workspace/servingendpoints):
- bands and legacy workloads: the classic one, the only one with `minProvisionedThroughput` and `servedModels`;
- model units: `/pt`, unless the entry wants a field that `/pt` does not have (description, route optimization,
  deprecated rate limits), because the classic API takes model units as well.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal

from bandplan.components.timeouts import Timeouts, timeouts
from bandplan.components.wire import wire
from bandplan.serving.spec.access import Permission
from bandplan.serving.spec.entry import Entry
from bandplan.serving.throughput.sizing import EndpointSizing, EntitySizing
from bandplan.wire.guard import CONFIG_PARTS, SETTING_NAMES, SETTINGS, TASK

Api = Literal["classic", "pt"]
Inputs = dict[str, Any]


@dataclass(frozen=True)
class PendingEntity:
    """What depends on a version registered by this deployment, as values that resolve later: number and bounds.

    Bounds are in tokens/s; they are None for an entity in model units, the accepted one also if no fallback is
    accepted.
    """

    version: Any
    min_provisioned_throughput: Any = None
    max_provisioned_throughput: Any = None
    accepted_max_provisioned_throughput: Any = None


Pending = Mapping[int, PendingEntity]
"""Entities, by position, whose version is registered by this deployment."""

_NONE_PENDING: Pending = MappingProxyType({})


@dataclass(frozen=True)
class EndpointRequest:
    """Inputs of one endpoint's resources; `access_controls` is empty if nobody is named.

    With `config_is_left_to_the_guard`, `endpoint` has the config to create it with (what is accepted), and only the
    guard changes it afterwards: see docs/decisions/0006-wanted-accepted-and-rollout.md.
    """

    api: Api
    endpoint: Inputs
    access_controls: tuple[Inputs, ...]
    ready: Inputs
    timeouts: Timeouts
    config_is_left_to_the_guard: bool = False


def endpoint_request(sizing: EndpointSizing, pending: Pending = _NONE_PENDING) -> EndpointRequest:
    """Return the inputs of the endpoint, its permissions and its guard; the caller adds `servingEndpointId`.

    Errors: ValueError for an entity whose version is neither known nor among `pending`.
    """
    api = endpoint_api(sizing)
    endpoint = endpoint_inputs(sizing, pending)
    limits = timeouts(sizing)
    ready = ready_inputs(api, sizing.entry.task, endpoint, limits)
    if "servedEntities" in ready["declared"]:
        ready["declared"]["servedEntities"] = with_burst_off(sizing, ready["declared"]["servedEntities"])
    if sizing.accepts_less:
        endpoint = {**endpoint, "config": config_inputs(sizing, pending, accepted=True)}
        ready["accepted"] = {"servedEntities": with_burst_off(sizing, endpoint["config"]["servedEntities"])}
    return EndpointRequest(
        api=api,
        endpoint=endpoint,
        access_controls=tuple(access_control(permission) for permission in sizing.entry.permissions),
        ready=ready,
        timeouts=limits,
        config_is_left_to_the_guard=sizing.accepts_less,
    )


def access_control(permission: Permission) -> Inputs:
    """Return one permission, with a mail address in lower case, as the platform stores it.

    Any other spelling is a permanent difference.
    """
    control: Inputs = wire(permission)
    return control if permission.user_name is None else {**control, "userName": permission.user_name.lower()}


def endpoint_api(sizing: EndpointSizing) -> Api:
    """Return `pt` for model units whose entry needs nothing that only the classic API has, else `classic`."""
    return "pt" if sizing.family == "model_units" and not classic_only_fields(sizing.entry) else "classic"


def classic_only_fields(entry: Entry) -> tuple[str, ...]:
    """Return the fields of the entry that the `/pt` API does not have."""
    return tuple(name for name in ("description", "route_optimized", "rate_limits") if getattr(entry, name))


def endpoint_inputs(sizing: EndpointSizing, pending: Pending = _NONE_PENDING) -> Inputs:
    """Return the inputs of ModelServing or ModelServingProvisionedThroughput; only what the entry states."""
    entry = sizing.entry
    optional: Inputs = {
        "aiGateway": wire(entry.ai_gateway),
        **{setting.name: getattr(entry, setting.stated_as) for setting in SETTINGS if setting.stated_as},
        "emailNotifications": notification_inputs(entry),
        "rateLimits": wire(entry.rate_limits),
        "routeOptimized": entry.route_optimized or None,
        "tags": [{"key": key, "value": value} for key, value in sorted(entry.tags.items())],
    }
    stated = {name: value for name, value in optional.items() if value}
    return {"name": entry.name, "config": config_inputs(sizing, pending), **stated}


def notification_inputs(entry: Entry) -> Inputs:
    """Return `emailNotifications`; the package uses plurals where the API uses singulars."""
    if entry.notifications is None:
        return {}
    lists = {
        "onUpdateFailures": list(entry.notifications.on_update_failure or ()),
        "onUpdateSuccesses": list(entry.notifications.on_update_success or ()),
    }
    return {name: addresses for name, addresses in lists.items() if addresses}


def config_inputs(sizing: EndpointSizing, pending: Pending, *, accepted: bool = False) -> Inputs:
    """Return `config`: the entities, with the wanted or `accepted` capacity, and one explicit route to each.

    Routes are explicit for a single entity too. The published provider sends server-filled routes back with every
    update, so without them a version bump, which renames the entity, would route to the old name. Each route carries
    exactly one name: a second one is a permanent difference on `/pt`.
    """
    if sizing.family == "workload":
        key, route_key = "servedModels", "servedModelName"
        entities = [served_model(entity, pending.get(index)) for index, entity in enumerate(sizing.entities)]
    else:
        key, route_key = "servedEntities", "servedEntityName"
        entities = [
            served_entity(entity, pending.get(index), accepted=accepted) for index, entity in enumerate(sizing.entities)
        ]
    return {
        key: entities,
        "trafficConfig": {
            "routes": [
                {route_key: entity.served_name, "trafficPercentage": entity.traffic_percent}
                for entity in sizing.entities
            ]
        },
    }


def served_entity(entity: EntitySizing, pending: PendingEntity | None = None, *, accepted: bool = False) -> Inputs:
    """Return one entity in a band (S9: both bounds, even a floor of 0) or in model units (S10).

    Its capacity is the wanted or the `accepted` one. The name is always stated: otherwise the platform names the first
    version and a version bump keeps that name.
    """
    version = entity.version if pending is None else pending.version
    if version is None:
        raise ValueError(f"{entity.model} has no version yet and no source to make one from")
    inputs: Inputs = {"name": entity.served_name, "entityName": entity.model, "entityVersion": version}
    if entity.model_units is not None:
        inputs["provisionedModelUnits"] = (entity.accepted_model_units if accepted else None) or entity.model_units
        # Never an explicit false: the published provider drops it. `EndpointReady` sends it (`with_burst_off`).
        if entity.burst:
            inputs["burstScalingEnabled"] = True
        return inputs
    bounds = entity if pending is None else pending
    inputs["minProvisionedThroughput"] = bounds.min_provisioned_throughput
    is_less = accepted and entity.accepts_less
    inputs["maxProvisionedThroughput"] = (
        bounds.accepted_max_provisioned_throughput if is_less else bounds.max_provisioned_throughput
    )
    return inputs


def with_burst_off(sizing: EndpointSizing, entities: list[Inputs]) -> list[Inputs]:
    """Return `entities` as the guard declares them: with the explicit false that only the guard can send."""
    return [
        {**inputs, "burstScalingEnabled": False} if entity.model_units is not None and entity.burst is False else inputs
        for entity, inputs in zip(sizing.entities, entities, strict=True)
    ]


def served_model(entity: EntitySizing, pending: PendingEntity | None = None) -> Inputs:
    """Return one legacy workload in the deprecated `served_models` form (S25).

    `scaleToZeroEnabled` is always stated, because the published provider sends true if it is absent here.
    """
    return {
        "name": entity.served_name,
        "modelName": entity.model,
        "modelVersion": entity.version if pending is None else pending.version,
        "workloadSize": entity.workload_size,
        "workloadType": entity.workload_type,
        "scaleToZeroEnabled": bool(entity.scale_to_zero),
    }


def ready_inputs(api: Api, task: str, endpoint: Inputs, limits: Timeouts) -> Inputs:
    """Return the inputs of EndpointReady: the task, and those endpoint inputs that the guard compares or sends.

    The task is not an input of an endpoint, because its models decide it; the guard compares it with theirs.
    """
    config = endpoint["config"]
    declared = {key: config[key] for key in CONFIG_PARTS if key in config}
    declared |= {key: endpoint[key] for key in SETTING_NAMES if key in endpoint}
    declared[TASK] = task
    return {"endpoint": endpoint["name"], "api": api, "declared": declared, "timeoutSeconds": limits.ready_seconds}
