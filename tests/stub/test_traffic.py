"""What the metrics are made of: counts of the last minute, and how far an entity has scaled for them."""

from typing import Any

import pytest

from bandplan.stub.state.registry.catalogue import Facts
from bandplan.stub.state.serving.configuration import ServedEntity
from bandplan.stub.state.serving.scale import provisioned_concurrency, utilisation_percent
from bandplan.stub.state.serving.traffic import Counts, Traffic
from tests.stub.stub_client import ENDPOINTS, StubClient, bands


class At:
    """Traffic on a clock that the test moves."""

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self.traffic = Traffic(lambda: self.now_ms)

    def record(self, status: int = 200, tokens: int = 0, latency_ms: float = 1) -> None:
        self.traffic.record("id", "entity", status, tokens, latency_ms)

    @property
    def counts(self) -> Counts:
        return self.traffic.last_minute("id", "entity")


def test_last_minute_forgets_what_is_a_minute_old() -> None:
    at = At()
    at.record(tokens=5)
    at.now_ms += 30_000
    at.record(status=429)
    at.record(status=503, tokens=1)
    assert at.counts == Counts(queries=3, refused=1, failed=1, tokens=6)
    at.now_ms += 29_999
    assert at.counts.queries == 3
    at.now_ms += 1
    assert at.counts == Counts(queries=2, refused=1, failed=1, tokens=1)
    at.now_ms += 30_000
    assert at.counts == Counts()


def test_latencies_are_counted_up_to_each_bound_and_never_forgotten() -> None:
    at = At()
    for latency_ms in (4, 5, 6, 70_000):
        at.record(latency_ms=latency_ms)
    at.now_ms += 600_000
    latencies = at.traffic.latencies("id", "entity")
    assert latencies.up_to_bound[:2] == [2, 3]  # up to 5 ms, up to 10 ms
    assert latencies.up_to_bound[-1] == 3  # up to a minute
    assert (latencies.count, latencies.sum_ms) == (4, 70_015)


def entity(**settings: Any) -> ServedEntity:
    return ServedEntity("e", "system.ai.m", "1", settings)


BAND = Facts("llm/v1/chat", "bands", chunk_tokens_per_second=850)
"""Of the documentation's example: 850 tokens/s per chunk, a concurrency of 4 per chunk."""


@pytest.mark.parametrize(
    ("low", "high", "tokens_per_second", "concurrency", "percent"),
    [
        (850, 1700, 0, 4, 0),
        (850, 1700, 425, 4, 50),
        (850, 1700, 850, 4, 100),
        (850, 1700, 851, 8, 100 * 851 / 1700),
        (850, 1700, 5000, 8, 100),
        (0, 1700, 0, 0, 0),
        (0, 1700, 1, 4, 100 / 850),
    ],
)
def test_s15_s36_one_chunk_is_a_concurrency_of_four(
    low: int, high: int, tokens_per_second: float, concurrency: int, percent: float
) -> None:
    served = entity(min_provisioned_throughput=low, max_provisioned_throughput=high)
    assert provisioned_concurrency(served, BAND, tokens_per_second) == concurrency
    assert utilisation_percent(served, BAND, tokens_per_second) == pytest.approx(percent)


@pytest.mark.parametrize(
    ("settings", "concurrency"),
    [
        ({"workload_size": "Small"}, 4),
        ({"workload_size": "Medium"}, 8),
        ({"workload_size": "Large", "scale_to_zero_enabled": False}, 16),
        ({"workload_size": "Small", "scale_to_zero_enabled": True}, 0),
        ({"workload_size": "Custom"}, None),
        ({"min_provisioned_concurrency": 8, "max_provisioned_concurrency": 16}, 8),
        ({"provisioned_model_units": 50}, None),
        ({}, None),
    ],
)
def test_concurrency_of_other_compute_is_its_size_or_unknown(settings: dict[str, Any], concurrency: int | None) -> None:
    facts = Facts("llm/v1/chat", "model_units")
    assert provisioned_concurrency(entity(**settings), facts, 0) == concurrency
    assert utilisation_percent(entity(**settings), facts, 0) is None


def test_export_has_a_sample_per_entity_and_none_of_what_is_unknown(client: StubClient, name: str) -> None:
    external = {"name": "x", "external_model": {"name": "gpt-x", "provider": "openai", "task": "llm/v1/chat"}}
    client.create(name, external)
    text = client.send("GET", f"{ENDPOINTS}/{name}/metrics").body
    label = f'{{endpoint_name="{name}",served_entity_name="x"}}'
    assert f"request_count_total{label} 0" in text
    assert "\nprovisioned_concurrent_requests_total{" not in text
    assert "# TYPE provisioned_concurrent_requests_total gauge" in text
    assert "\ngpu_usage_percentage{" not in text


def test_endpoint_that_serves_nothing_exports_no_samples(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name})
    text = client.send("GET", f"{ENDPOINTS}/{name}/metrics").body
    assert all(line.startswith("#") for line in text.splitlines())


def test_stream_is_counted_when_it_ends(client: StubClient, name: str) -> None:
    client.create(name, bands(name="e", min_provisioned_throughput=0))
    body = {"messages": [{"role": "user", "content": "x"}], "stream": True}
    client.send("POST", f"/serving-endpoints/{name}/invocations", body)
    text = client.send("GET", f"{ENDPOINTS}/{name}/metrics").body
    label = f'{{endpoint_name="{name}",served_entity_name="e"}}'
    assert f"request_count_total{label} 1" in text
    assert f"provisioned_concurrent_requests_total{label} 4" in text  # a first chunk for the first tokens
    assert f"request_latency_ms_count{label} 1" in text
