"""How far a served entity has scaled for the load of the last minute; pure.

One chunk of throughput is four units of provisioned concurrency: a model that reached a concurrency of 8 with a
smallest band of 850 tokens/s ran at 8 x 850 / 4 = 1,700 tokens/s (docs.databricks.com, legacy provisioned throughput).
For model units no such relation is published, so they are not covered.
"""

from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.serving.configuration import ServedEntity

CONCURRENCY_PER_CHUNK = 4

CONCURRENCY_OF_SIZE = {"Small": (4, 4), "Medium": (8, 16), "Large": (16, 64)}
"""Minimum and maximum provisioned concurrency of a workload size (API reference of served entities, databricks-sdk-py).
"""


def running_chunks(entity: ServedEntity, facts: Facts | None, tokens_per_second: float) -> int | None:
    """Return the chunks in use: those that the load needs, within the band; None for an entity not in bands."""
    chunk = facts.chunk_tokens_per_second if facts else None
    high = entity.settings.get("max_provisioned_throughput", 0)
    if not chunk or not high:
        return None
    low = entity.settings.get("min_provisioned_throughput", 0)
    needed = -(-tokens_per_second // chunk)
    return int(min(max(needed, low // chunk), high // chunk))


def provisioned_concurrency(entity: ServedEntity, facts: Facts | None, tokens_per_second: float) -> int | None:
    """Return the running provisioned concurrency, or None if unknown."""
    chunks = running_chunks(entity, facts, tokens_per_second)
    if chunks is not None:
        return CONCURRENCY_PER_CHUNK * chunks
    if entity.settings.get("scale_to_zero_enabled") and not tokens_per_second:
        return 0
    if "min_provisioned_concurrency" in entity.settings:
        return int(entity.settings["min_provisioned_concurrency"])
    size = CONCURRENCY_OF_SIZE.get(entity.settings.get("workload_size", ""))
    return size[0] if size else None


def utilisation_percent(entity: ServedEntity, facts: Facts | None, tokens_per_second: float) -> float | None:
    """Return the load divided by the running capacity, from 0 to 100; None if the capacity is unknown."""
    chunks = running_chunks(entity, facts, tokens_per_second)
    if not chunks or facts is None or not facts.chunk_tokens_per_second:
        return None if chunks is None else 0.0
    return min(100.0, 100 * tokens_per_second / (chunks * facts.chunk_tokens_per_second))
