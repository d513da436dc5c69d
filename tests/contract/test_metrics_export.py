"""The export of metrics, as a collector reads it."""

from tests.contract.target import ENDPOINTS, Target


def test_s36_export_has_a_sample_per_entity_that_moves_with_the_traffic(target: Target, name: str) -> None:
    target.create(name, target.bands(low=1, high=2))
    before = samples(target, name)
    assert before["request_count_total"] == 0
    for _ in range(3):
        target.ok("POST", f"/serving-endpoints/{name}/invocations", {"messages": [{"role": "user", "content": "x"}]})
    assert target.send("POST", f"/serving-endpoints/{name}/invocations", {"messages": []}).status == 400
    after = samples(target, name)
    if target.is_stub:  # a real workspace exports what was counted a minute ago
        assert after["request_count_total"] == 4
        assert after["request_4xx_count_total"] == 1
        assert after["provisioned_concurrent_requests_total"] == 4  # one chunk is a concurrency of 4
        assert after["request_latency_ms_count"] == 4


def samples(target: Target, name: str) -> dict[str, float]:
    """Values by metric name, summed over labels, buckets left out."""
    found: dict[str, float] = {}
    for line in target.send("GET", f"{ENDPOINTS}/{name}/metrics").body.splitlines():
        if not line.startswith("#") and "le=" not in line:
            labels, _, value = line.rpartition(" ")
            metric = labels.partition("{")[0]
            found[metric] = found.get(metric, 0) + float(value)
    return found
