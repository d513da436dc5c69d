"""/api/2.0/serving-endpoints/{name}/metrics: endpoint health in the Prometheus text format, one sample per entity.

Names and meaning: "Track and export serving endpoint health metrics" (docs.databricks.com, read 2026-11). Gauges cover
the last minute. The labels are a guess. So is the absence of samples before an entity serves.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from bandplan.stub.capacity.pool import Pool
from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.serving.configuration import ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.serving.scale import provisioned_concurrency, utilisation_percent
from bandplan.stub.state.serving.traffic import LATENCY_BOUNDS_MS, MINUTE_SECONDS, Counts, Latencies, Traffic

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

REQUESTS, PREDICTIONS = "request_latency_ms", "model_prediction_latency_ms"
"""Time until a query was answered, with and without its wait in the queue."""

GAUGES = {
    "cpu_usage_percentage": "Average CPU usage of the last minute; always 0 for the simulated engine",
    "mem_usage_percentage": "Average memory usage of the last minute; always 0 for the simulated engine",
    "gpu_usage_percentage": "Average GPU usage of the last minute: load divided by the running throughput",
    "gpu_memory_usage_percentage": "Average GPU memory usage of the last minute; always 0 for the simulated engine",
    "provisioned_concurrent_requests_total": "Provisioned concurrency of the last minute",
    "request_count_total": "Requests of the last minute",
    "request_4xx_count_total": "Requests of the last minute answered with 4xx",
    "request_5xx_count_total": "Requests of the last minute answered with 5xx",
}


@dataclass(frozen=True, slots=True)
class Load:
    """One served entity and its load in the last minute; `pool` is set if its capacity is limited."""

    entity: ServedEntity
    facts: Facts | None
    counts: Counts
    pool: Pool | None = None

    @property
    def tokens_per_second(self) -> float:
        return self.counts.tokens / MINUTE_SECONDS


def render(
    endpoint: Endpoint,
    facts_of: Callable[[ServedEntity], Facts | None],
    traffic: Traffic,
    pools: Mapping[str, Pool],
) -> str:
    """Render the complete export of an endpoint: its serving entities, with the `pools` that limit them."""
    entities = endpoint.config.entities if endpoint.config else ()
    loads = [Load(e, facts_of(e), traffic.last_minute(endpoint.id, e.name), pools.get(e.name)) for e in entities]
    lines = []
    for name, words in GAUGES.items():
        lines += [f"# HELP {name} {words}", f"# TYPE {name} gauge"]
        for load in loads:
            value = _gauge(name, load)
            if value is not None:
                lines.append(f"{name}{{{_labels(name, endpoint.name, load.entity.name)}}} {value:g}")
    for name, latencies in ((REQUESTS, traffic.latencies), (PREDICTIONS, traffic.predictions)):
        lines += [f"# HELP {name} Latency in milliseconds", f"# TYPE {name} histogram"]
        for load in loads:
            lines += _histogram(name, endpoint, load.entity.name, latencies(endpoint.id, load.entity.name))
    return "\n".join(lines) + "\n"


def _gauge(name: str, load: Load) -> float | None:
    match name:
        case "request_count_total":
            return load.counts.queries
        case "request_4xx_count_total":
            return load.counts.refused
        case "request_5xx_count_total":
            return load.counts.failed
        case "provisioned_concurrent_requests_total" if load.pool is not None:
            return load.pool.most_in_flight
        case "gpu_usage_percentage" if load.pool is not None:
            return min(100.0, 100 * load.pool.usage.utilisation(load.pool.now, MINUTE_SECONDS))
        case "provisioned_concurrent_requests_total":
            return provisioned_concurrency(load.entity, load.facts, load.tokens_per_second)
        case "gpu_usage_percentage":
            return utilisation_percent(load.entity, load.facts, load.tokens_per_second)
        case _:
            return 0


def _labels(name: str, endpoint: str, entity: str) -> str:
    labels = f'endpoint_name="{endpoint}",served_entity_name="{entity}"'
    return f'{labels},gpu="0"' if name.startswith("gpu_") else labels


def _histogram(name: str, endpoint: Endpoint, entity: str, latencies: Latencies) -> Iterator[str]:
    labels = _labels(name, endpoint.name, entity)
    for bound, count in zip(LATENCY_BOUNDS_MS, latencies.up_to_bound, strict=True):
        yield f'{name}_bucket{{{labels},le="{bound}"}} {count}'
    yield f'{name}_bucket{{{labels},le="+Inf"}} {latencies.count}'
    yield f"{name}_sum{{{labels}}} {latencies.sum_ms:.3f}"
    yield f"{name}_count{{{labels}}} {latencies.count}"
