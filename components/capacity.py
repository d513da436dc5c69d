"""The plain numbers of one endpoint: inputs of its component at preview, so that policies and reports need no outputs.

A policy that reads a value unknown at preview is only advisory, so nothing here comes from a resource's output, but for
an endpoint whose version this deploy registers: there nobody knows better.
"""

from typing import Any

import pulumi

from components.pending import PendingSizing, later_inputs
from serving.throughput.sizing import EndpointSizing, EntitySizing

# What of an endpoint in bands, and of one of its entities, hangs on the chunk of a version.
_LATER = ("floorTokensPerSecond", "ceilingTokensPerSecond", "chunkTokensPerSecond")
_ENTITY_LATER = ("chunkTokensPerSecond", "minBands", "maxBands", "floorTokensPerSecond", "ceilingTokensPerSecond")


def capacity_inputs(sizing: EndpointSizing) -> dict[str, Any]:
    """Inputs of the `bandplan:index:Endpoint` component, camelCase; what does not apply to the endpoint is left out.

    Tokens per second are input and output tokens together, per endpoint; `chunkTokensPerSecond` only where every
    entity has the same chunk (each entity states its own); `headroom` is the ceiling over the demand.
    """
    inputs = {
        "name": sizing.entry.name,
        "task": sizing.entry.task,
        "family": sizing.family,
        "floorTokensPerSecond": sizing.floor_tokens_per_second,
        "ceilingTokensPerSecond": sizing.ceiling_tokens_per_second,
        "chunkTokensPerSecond": shared_chunk_tokens_per_second(sizing),
        "modelUnits": sizing.model_units,
        "estimatedTokensPerSecond": sizing.estimated_tokens_per_second,
        "burst": sizing.burst,
        "demandTokensPerSecond": sizing.demand_tokens_per_second,
        "headroom": sizing.headroom,
        "entities": [entity_inputs(entity) for entity in sizing.entities],
        "tags": dict(sorted(sizing.entry.tags.items())) or None,
        "waivers": [waiver.model_dump(mode="json", exclude_none=True) for waiver in sizing.entry.waivers] or None,
    }
    return {name: value for name, value in inputs.items() if value is not None}


def pending_capacity_inputs(sizing: EndpointSizing, pending: PendingSizing) -> dict[str, Any]:
    """As `capacity_inputs`; what hangs on versions still to be registered is an output, and known when they are."""
    names = _LATER if sizing.demand_tokens_per_second is None else (*_LATER, "headroom")
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
    return later_inputs(now, output, entity_inputs, names)


def entity_inputs(entity: EntitySizing) -> dict[str, Any]:
    """One served entity of the component's `entities`, in the same words as the endpoint."""
    inputs = {
        "servedName": entity.served_name,
        "model": entity.model,
        "version": entity.version,
        "alias": entity.alias,
        "trafficPercent": entity.traffic_percent,
        "chunkTokensPerSecond": entity.chunk_tokens_per_second,
        "minBands": entity.min_bands,
        "maxBands": entity.max_bands,
        "floorTokensPerSecond": entity.min_provisioned_throughput,
        "ceilingTokensPerSecond": entity.max_provisioned_throughput,
        "modelUnits": entity.model_units,
        "burst": entity.burst or None,
        "workloadType": entity.workload_type,
        "workloadSize": entity.workload_size,
        "scaleToZero": entity.scale_to_zero,
    }
    return {name: value for name, value in inputs.items() if value is not None}


def shared_chunk_tokens_per_second(sizing: EndpointSizing) -> int | None:
    """The chunk of all entities, or None when they differ or have none."""
    chunks = {entity.chunk_tokens_per_second for entity in sizing.entities}
    return chunks.pop() if len(chunks) == 1 else None
