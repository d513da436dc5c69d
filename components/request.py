"""A sizing as the inputs of the resources that make up one endpoint: pure, camelCase, exactly what goes on the wire.

Which API an endpoint is made with (docs.databricks.com/api/workspace/servingendpoints):
- bands and legacy workloads: the classic one, the only one with `minProvisionedThroughput` and `servedModels`;
- model units: `/pt`, unless the entry wants a field that `/pt` does not have (description, route optimisation,
  deprecated rate limits), because the classic API takes model units as well.
"""

from dataclasses import dataclass
from typing import Any, Literal

from components.timeouts import Timeouts, timeouts
from components.wire import wire
from serving.spec.entry import Entry
from serving.throughput.sizing import EndpointSizing, EntitySizing

Api = Literal["classic", "pt"]
Inputs = dict[str, Any]

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How a value that only the update can tell is written for the engine (`UNKNOWN` of the SDK's runtime/rpc.py)."""

# What of an endpoint's inputs is also declared to its guard; `config` is declared by its parts.
GUARDED = ("aiGateway", "budgetPolicyId", "description", "emailNotifications", "rateLimits", "tags")
GUARDED_CONFIG = ("servedEntities", "servedModels", "trafficConfig")


@dataclass(frozen=True)
class EndpointRequest:
    """Inputs of one endpoint's resources; `access_controls` is empty when nobody is named."""

    api: Api
    endpoint: Inputs
    access_controls: tuple[Inputs, ...]
    ready: Inputs
    timeouts: Timeouts


def endpoint_request(sizing: EndpointSizing) -> EndpointRequest:
    """Inputs of the endpoint, its permissions and its guard; `servingEndpointId` is for the caller to add."""
    api = endpoint_api(sizing)
    endpoint = endpoint_inputs(sizing)
    limits = timeouts(sizing)
    return EndpointRequest(
        api=api,
        endpoint=endpoint,
        access_controls=tuple(wire(permission) for permission in sizing.entry.permissions),
        ready=ready_inputs(api, sizing.entry.task, endpoint, limits),
        timeouts=limits,
    )


def endpoint_api(sizing: EndpointSizing) -> Api:
    """`pt` for model units whose entry asks for nothing that only the classic API has."""
    return "pt" if sizing.family == "model_units" and not classic_only_fields(sizing.entry) else "classic"


def classic_only_fields(entry: Entry) -> tuple[str, ...]:
    """Fields of the entry that the `/pt` API does not have."""
    return tuple(name for name in ("description", "route_optimized", "rate_limits") if getattr(entry, name))


def endpoint_inputs(sizing: EndpointSizing) -> Inputs:
    """Inputs of ModelServing or ModelServingProvisionedThroughput; only what the entry states is present."""
    entry = sizing.entry
    optional: Inputs = {
        "aiGateway": wire(entry.ai_gateway),
        "budgetPolicyId": entry.budget_policy_id,
        "description": entry.description,
        "emailNotifications": notification_inputs(entry),
        "rateLimits": wire(entry.rate_limits),
        "routeOptimized": entry.route_optimized or None,
        "tags": [{"key": key, "value": value} for key, value in sorted(entry.tags.items())],
    }
    stated = {name: value for name, value in optional.items() if value}
    return {"name": entry.name, "config": config_inputs(sizing), **stated}


def notification_inputs(entry: Entry) -> Inputs:
    """`emailNotifications`; the package says in the plural what the API says in the singular."""
    if entry.notifications is None:
        return {}
    lists = {
        "onUpdateFailures": list(entry.notifications.on_update_failure or ()),
        "onUpdateSuccesses": list(entry.notifications.on_update_success or ()),
    }
    return {name: addresses for name, addresses in lists.items() if addresses}


def config_inputs(sizing: EndpointSizing) -> Inputs:
    """`config`: the entities and one explicit route to each.

    Routes are explicit for a single entity too. The published provider sends server-filled routes back with every
    update, so without them a version bump, which renames the entity, would route to the old name. Each route carries
    exactly one name: a second one is a permanent difference on `/pt`.
    """
    if sizing.family == "workload":
        key, route_key, served = "servedModels", "servedModelName", served_model
    else:
        key, route_key, served = "servedEntities", "servedEntityName", served_entity
    return {
        key: [served(entity) for entity in sizing.entities],
        "trafficConfig": {
            "routes": [
                {route_key: entity.served_name, "trafficPercentage": entity.traffic_percent}
                for entity in sizing.entities
            ]
        },
    }


def served_entity(entity: EntitySizing) -> Inputs:
    """One entity in a band (S9: both bounds, a floor of 0 too) or in model units (S10).

    The name is always stated: left out, the platform names the first version and a version bump keeps that name.
    What hangs on a version still to be registered, its number and its chunk, is unknown.
    """
    inputs: Inputs = {
        "name": entity.served_name,
        "entityName": entity.model,
        "entityVersion": known(entity.version),
    }
    if entity.model_units is not None:
        inputs["provisionedModelUnits"] = entity.model_units
        # Never an explicit false: the platform does not return the field, so a stated default would differ for ever.
        if entity.burst:
            inputs["burstScalingEnabled"] = True
        return inputs
    inputs["minProvisionedThroughput"] = known(entity.min_provisioned_throughput)
    inputs["maxProvisionedThroughput"] = known(entity.max_provisioned_throughput)
    return inputs


def known(value: str | int | None) -> str | int:
    """The value, or the engine's unknown."""
    return UNKNOWN if value is None else value


def served_model(entity: EntitySizing) -> Inputs:
    """One legacy workload in the deprecated `served_models` form (S25).

    `scaleToZeroEnabled` is always stated, because the published provider sends true when it is absent here.
    """
    return {
        "name": entity.served_name,
        "modelName": entity.model,
        "modelVersion": entity.version,
        "workloadSize": entity.workload_size,
        "workloadType": entity.workload_type,
        "scaleToZeroEnabled": bool(entity.scale_to_zero),
    }


def ready_inputs(api: Api, task: str, endpoint: Inputs, limits: Timeouts) -> Inputs:
    """Inputs of EndpointReady: the endpoint's own inputs, as far as the guard compares or sends them, and the task.

    The task is no input of an endpoint, as its models decide it; the guard compares it with what they turn out to have.
    """
    config = endpoint["config"]
    declared = {key: config[key] for key in GUARDED_CONFIG if key in config}
    declared |= {key: endpoint[key] for key in GUARDED if key in endpoint}
    declared["task"] = task
    return {"endpoint": endpoint["name"], "api": api, "declared": declared, "timeoutSeconds": limits.ready_seconds}
