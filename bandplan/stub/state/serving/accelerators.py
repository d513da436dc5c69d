"""The accelerator capacity that the platform has left for the endpoints of this workspace; pure.

A stand-in for what no API shows: throughput chunks for models in bands, model units for the others. An endpoint holds
the ceiling of its serving or its pending configuration, whichever is larger.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.serving.configuration import Configuration, ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint, Failure

REASON = "Not enough GPU capacity in this region to deploy the served entity. Contact your Databricks account team."
"""Invented: the platform's page says that such deployments time out and whom to contact, but not the message."""

FactsOf = Callable[[ServedEntity], Facts | None]


@dataclass(frozen=True, slots=True)
class Accelerators:
    """The total accelerator capacity; None is unlimited."""

    throughput_chunks: int | None = None
    model_units: int | None = None
    reason: str = REASON


@dataclass(frozen=True, slots=True)
class Need:
    """The capacity of a configuration at its ceiling."""

    throughput_chunks: int = 0
    model_units: int = 0


def shortage(
    capacity: Accelerators, wanted: Configuration, others: Iterable[Endpoint], facts: FactsOf
) -> Failure | None:
    """Return the failure of the first entity of `wanted` without room beside the other endpoints, or None."""
    chunks_left, units_left = capacity.throughput_chunks, capacity.model_units
    if chunks_left is None and units_left is None:
        return None
    held = [_held(endpoint, facts) for endpoint in others]
    chunks_held, units_held = sum(n.throughput_chunks for n in held), sum(n.model_units for n in held)
    for entity in wanted.entities:
        need = _need_of(entity, facts)
        chunks_held += need.throughput_chunks
        units_held += need.model_units
        short_of_chunks = need.throughput_chunks and chunks_left is not None and chunks_held > chunks_left
        short_of_units = need.model_units and units_left is not None and units_held > units_left
        if short_of_chunks or short_of_units:
            return Failure(capacity.reason, entity.name)
    return None


def _held(endpoint: Endpoint, facts: FactsOf) -> Need:
    # A failed update holds nothing: the serving configuration keeps its capacity.
    pending = endpoint.pending if endpoint.failure is None else None
    needs = [_need(config, facts) for config in (endpoint.config, pending) if config is not None]
    return Need(
        max((need.throughput_chunks for need in needs), default=0), max((need.model_units for need in needs), default=0)
    )


def _need(config: Configuration, facts: FactsOf) -> Need:
    needs = [_need_of(entity, facts) for entity in config.entities]
    return Need(sum(need.throughput_chunks for need in needs), sum(need.model_units for need in needs))


def _need_of(entity: ServedEntity, facts: FactsOf) -> Need:
    known = facts(entity)
    chunk = known.chunk_tokens_per_second if known else None
    ceiling = entity.settings.get("max_provisioned_throughput", 0)
    return Need(ceiling // chunk if chunk else 0, entity.settings.get("provisioned_model_units", 0))
