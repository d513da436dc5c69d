"""The plain numbers of one endpoint: inputs of its component, so that policies and reports need no outputs at preview.

A policy that reads a value unknown at preview is only advisory, so nothing here comes from a resource's output, except
for an endpoint whose version is registered by this deployment: there the values are not known earlier.
"""

from collections.abc import Iterable
from typing import Any

import pulumi

from bandplan.components.pending import PendingSizing, later_inputs
from bandplan.components.wire import wire
from bandplan.serving.spec.gateway import AiGateway
from bandplan.serving.spec.settings import Waiver
from bandplan.serving.throughput.bands import DEFAULT_HEADROOM_PERCENT
from bandplan.serving.throughput.rollout import Stage
from bandplan.serving.throughput.sizing import EndpointSizing, EntitySizing
from bandplan.wire.capacity import UNITS, figures_of
from bandplan.wire.endpoint import write
from bandplan.wire.fleet import SHARE_FIGURES
from bandplan.wire.planned import write_planned

# Values of an endpoint in bands, and of one of its entities, that depend on the chunk of a version.
_LATER = ("floorTokensPerSecond", "ceilingTokensPerSecond", "chunkTokensPerSecond")
_ENTITY_LATER = ("chunkTokensPerSecond", "minBands", "maxBands", "floorTokensPerSecond", "ceilingTokensPerSecond")
_ACCEPTED_LATER = ("acceptedCeilingTokensPerSecond",)
_ENTITY_ACCEPTED_LATER = ("acceptedMaxBands", "acceptedCeilingTokensPerSecond")


def capacity_inputs(sizing: EndpointSizing) -> dict[str, Any]:
    """Return the inputs of the `bandplan:index:Endpoint` component, camelCase; inapplicable ones are left out.

    Tokens per second are input and output tokens together, per endpoint; `chunkTokensPerSecond` is present only if
    every entity has the same chunk (each entity states its own); `headroom` is the ceiling divided by the demand.
    Ceilings and units are what is wanted; the `accepted...` ones are acceptable while there is no GPU capacity for
    that.
    """
    return write(
        {
            "name": sizing.entry.name,
            "task": sizing.entry.task,
            "family": sizing.family,
            **figures_of(sizing),
            "chunk_tokens_per_second": shared_chunk_tokens_per_second(sizing),
            **{unit.accepted: getattr(sizing, unit.accepted) for unit in UNITS},
            "estimated_tokens_per_second": sizing.estimated_tokens_per_second,
            "burst": sizing.burst,
            "demand_tokens_per_second": sizing.demand_tokens_per_second,
            "concurrent_requests": sizing.entry.demand and sizing.entry.demand.concurrent_requests,
            "headroom": sizing.headroom,
            "headroom_percent": headroom_percent_of(sizing),
            "entities": [entity_inputs(entity) for entity in sizing.entities],
            "rollout": rollout_of(sizing),
            "tags": dict(sorted(sizing.entry.tags.items())) or None,
            "waivers": waiver_inputs(sizing.entry.waivers) or None,
            "access": [wire(permission) for permission in sizing.entry.permissions] or None,
            "gateway": gateway_inputs(sizing.entry.ai_gateway),
        }
    )


def headroom_percent_of(sizing: EndpointSizing) -> int | None:
    """Return the entry's headroom above its demand; None without a demand, or if its capacity is not in bands."""
    if sizing.family != "bands" or sizing.demand_tokens_per_second is None:
        return None
    percent = sizing.entry.headroom_percent
    return DEFAULT_HEADROOM_PERCENT if percent is None else percent


def waiver_inputs(waivers: Iterable[Waiver]) -> list[dict[str, Any]]:
    """Return waivers as they are written, with the day as an ISO date."""
    return [waiver.model_dump(mode="json", exclude_none=True) for waiver in waivers]


def gateway_inputs(gateway: AiGateway | None) -> dict[str, Any] | None:
    """Return what policies check of an AI gateway, or None; `inferenceTable` is left out if none is enabled."""
    if gateway is None:
        return None
    usage, table = gateway.usage_tracking_config, gateway.inference_table_config
    inputs: dict[str, Any] = {"tracksUsage": usage is not None and usage.enabled}
    if table is not None and table.enabled:
        named = (table.catalog_name, table.schema_name, table.table_name_prefix)
        inputs["inferenceTable"] = ".".join(filter(None, named)) or "on"
    return inputs


def rollout_inputs(stage: Stage) -> dict[str, Any] | None:
    """Return how the traffic is split between two versions; None once there is only one.

    Nothing in it changes while the rollout stays where it is, so that a preview then shows no change.
    """
    if len(stage.shares) == 1 or stage.leaving is None:
        return None
    return {
        "step": stage.step,
        "steps": stage.steps,
        "percent": stage.to_percent,
        "version": stage.target.version,
        "fromModel": stage.leaving.model,
        "fromVersion": stage.leaving.version,
    }


def rollout_of(sizing: EndpointSizing) -> dict[str, Any] | None:
    """Return the `rollout` of a sizing that may have none."""
    return rollout_inputs(sizing.rollout) if sizing.rollout is not None else None


def pending_capacity_inputs(sizing: EndpointSizing, pending: PendingSizing) -> dict[str, Any]:
    """Return `capacity_inputs` with outputs for values that depend on unregistered versions.

    The outputs resolve once the versions exist.
    """
    names = _LATER if sizing.demand_tokens_per_second is None else (*_LATER, "headroom")
    if sizing.accepts_less:
        names = (*names, *_ACCEPTED_LATER)
    inputs = capacity_inputs(sizing)
    if sizing.family == "bands":
        inputs = later_inputs(inputs, pending.whole, capacity_inputs, names)
    inputs["entities"] = [
        entity if index not in pending.entities else _pending_entity(sizing, entity, pending.entities[index])
        for index, entity in enumerate(inputs["entities"])
    ]
    return inputs


def _pending_entity(sizing: EndpointSizing, now: dict[str, Any], output: pulumi.Output[EntitySizing]) -> dict[str, Any]:
    names = ("version", *_ENTITY_LATER) if sizing.family == "bands" else ("version",)
    if sizing.family == "bands" and sizing.accepts_less:
        names = (*names, *_ENTITY_ACCEPTED_LATER)
    if sizing.has_latency_target:
        names = (*names, "planned")
    return later_inputs(now, output, entity_inputs, names)


def entity_inputs(entity: EntitySizing) -> dict[str, Any]:
    """Return one served entity of the component's `entities`, in the same terms as the endpoint."""
    return write(
        {
            "served_name": entity.served_name,
            "model": entity.model,
            "version": entity.version,
            "alias": entity.alias,
            "traffic_percent": entity.traffic_percent,
            **{unit.increment: getattr(entity, unit.increment) for unit in UNITS},
            **{name: getattr(entity, name) for name in SHARE_FIGURES},
            "accepted_max_bands": entity.accepted_max_bands,
            **{unit.accepted: getattr(entity, unit.accepted) for unit in UNITS},
            "burst": entity.may_burst or None,
            "workload_type": entity.workload_type,
            "workload_size": entity.workload_size,
            "scale_to_zero": entity.scale_to_zero,
            "planned": write_planned(entity.planned),
        }
    )


def shared_chunk_tokens_per_second(sizing: EndpointSizing) -> int | None:
    """Return the chunk of all entities, or None if they differ or have none; in a rollout, that of the new version."""
    entities = sizing.entities if sizing.rollout is None else sizing.entities[-1:]
    chunks = {entity.chunk_tokens_per_second for entity in entities}
    return chunks.pop() if len(chunks) == 1 else None
