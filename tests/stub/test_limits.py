"""Quotas, rates and sizes: what the workspace refuses although it is well formed, and with which code."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import urllib3
import yaml

from bandplan.stub import process
from bandplan.stub.state.limits import Limits
from tests.stub.stub_client import ENDPOINTS, GTE, LLAMA, StubClient, bands

Start = Callable[..., StubClient]

LEGACY = "ml.chat.mpt_7b_instruct"


@pytest.fixture
def limited(state_dir: Path, tmp_path: Path) -> Iterator[Start]:
    """Starts a workspace with the limits given, and nothing else out of the ordinary."""

    def start(settle: str = "at-once", pace: str | None = None, **limits: Any) -> StubClient:
        path = tmp_path / "limits.yaml"
        path.write_text(yaml.safe_dump({"description": "limits of a test", "limits": limits}))
        running = process.start(state_dir, settle=settle, scenario=str(path))
        return StubClient(running.host, running.token)

    yield start


def create(client: StubClient, name: str, *entities: dict[str, Any]) -> Any:
    return client.send("POST", ENDPOINTS, {"name": name, "config": {"served_entities": list(entities) or [bands()]}})


def test_documented_figures_are_the_defaults_but_for_the_rate() -> None:
    # "Model Serving limits and regions": 1000 endpoints, 16 MB, 4 MB, 297 s; 15 entities by databricks-sdk-py issue 1496.
    assert Limits() == Limits(1000, 15, None, 16_777_216, 4_194_304, 297)


def test_one_endpoint_too_many_is_refused_until_one_is_deleted(limited: Start) -> None:
    client = limited(endpoints=2)
    assert [create(client, name).status for name in "ab"] == [200, 200]
    refused = create(client, "c")
    assert (refused.status, refused.error_code) == (400, "QUOTA_EXCEEDED")
    assert "its limit is 2" in refused.message
    client.ok("DELETE", f"{ENDPOINTS}/a")
    assert create(client, "c").status == 200


def test_change_over_the_rate_waits_as_long_as_it_is_told_and_no_longer(limited: Start) -> None:
    client = limited(change_rate={"count": 3, "seconds": 60})
    client.ok("POST", "/stub/clock", {"stopped": True})
    assert create(client, "a").status == 200
    client.ok("POST", "/stub/clock", {"advance_seconds": 20})
    assert create(client, "b").status == 200
    assert client.send("PUT", f"{ENDPOINTS}/a/config", {"served_entities": [bands()]}).status == 200
    for refused in (create(client, "c"), client.send("PUT", f"{ENDPOINTS}/b/config", {"served_entities": [bands()]})):
        assert (refused.status, refused.error_code) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert refused.headers["retry-after"] == "40"  # the first of the three was 20 s ago
    client.ok("POST", "/stub/clock", {"advance_seconds": 39})
    assert create(client, "c").headers["retry-after"] == "1"
    client.ok("POST", "/stub/clock", {"advance_seconds": 1})
    assert create(client, "c").status == 200
    assert create(client, "d").status == 429


def test_refused_changes_and_other_requests_do_not_count_towards_the_rate(limited: Start) -> None:
    client = limited(change_rate={"count": 2, "seconds": 60})
    client.ok("POST", "/stub/clock", {"stopped": True})
    for _ in range(3):
        assert create(client, "a", bands(max_provisioned_throughput=1)).status == 400
        assert client.send("GET", ENDPOINTS).status == 200
    assert create(client, "a").status == 200
    client.ok("PATCH", f"{ENDPOINTS}/a/tags", {"add_tags": [{"key": "k", "value": "v"}]})
    assert create(client, "b").status == 200


def test_served_entities_are_counted_by_the_limit_of_the_workspace(limited: Start) -> None:
    client = limited(served_entities=2)
    refused = create(client, "a", *(bands(name=name) for name in "xyz"))
    assert (refused.status, refused.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "at most 2" in refused.message


@pytest.mark.parametrize("is_chunked", [False, True])
def test_body_over_the_limit_of_the_workspace_is_refused(limited: Start, is_chunked: bool) -> None:
    client = limited(request_bytes=2048)
    for size, status in ((2048, 200), (2049, 400)):
        filler = size - len(json.dumps({"name": f"e{size}", "description": ""}))
        body = json.dumps({"name": f"e{size}", "description": "x" * filler}).encode()
        assert len(body) == size
        response = client.pool.request(
            "POST",
            client.host + ENDPOINTS,
            body=iter([body]) if is_chunked else body,
            headers=client.authorization,
            chunked=is_chunked,
        )
        assert response.status == status
        if status == 400:
            assert json.loads(response.data)["error_code"] == "BAD_REQUEST"
            assert "larger than 2048 bytes" in json.loads(response.data)["message"]


def test_query_of_a_foundation_model_takes_less_than_one_of_another_model(limited: Start) -> None:
    client = limited(foundation_request_bytes=4096, request_bytes=65536)
    client.create("foundation", bands())
    client.create(
        "custom", {"entity_name": GTE, "entity_version": "1", "workload_type": "GPU_LARGE", "workload_size": "Small"}
    )
    long = "word " * 2000

    def status(name: str, body: Any) -> int:
        return client.send("POST", f"/serving-endpoints/{name}/invocations", body).status

    assert status("foundation", {"messages": [{"role": "user", "content": long}]}) == 400
    assert status("foundation", {"messages": [{"role": "user", "content": "short"}]}) == 200
    assert status("custom", {"input": long}) == 200


def test_query_that_takes_too_long_is_a_deadline_exceeded(state_dir: Path, tmp_path: Path) -> None:
    import subprocess
    import sys

    path = tmp_path / "slow.yaml"
    path.write_text(yaml.safe_dump({"description": "d", "limits": {"execution_seconds": 0.05}}))
    command = [sys.executable, "-m", "bandplan.stub", "serve", "--state-dir", str(state_dir), "--settle", "at-once"]
    command += ["--pace", "60000:1", "--capacity", "unlimited", "--scenario", str(path)]
    with subprocess.Popen(command, cwd=Path(process.__file__).parent.parent) as served:
        try:
            client = waited_for(state_dir)
            client.create("e")
            query = {"messages": [{"role": "user", "content": "hello"}]}
            late = client.send("POST", "/serving-endpoints/e/invocations", query)
            assert (late.status, late.error_code) == (504, "DEADLINE_EXCEEDED")
            late = client.send("POST", "/serving-endpoints/e/invocations", {**query, "stream": True})
            assert (late.status, late.error_code) == (504, "DEADLINE_EXCEEDED")
            assert client.ok("GET", "/stub/status")["queries"]["by_status"] == {"504": 2}
        finally:
            served.terminate()


def waited_for(state_dir: Path) -> StubClient:
    import time

    deadline = time.monotonic() + 60
    while (running := process.status(state_dir)) is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert running is not None
    return StubClient(running.host, running.token)


def test_quota_code_stops_clients_where_a_throttle_makes_them_wait(limited: Start) -> None:
    client = limited(endpoints=0)
    retries = urllib3.Retry(total=5, status_forcelist=[429, 503], backoff_factor=60, allowed_methods=None)
    body = json.dumps({"name": "a", "config": {"served_entities": [bands(entity_name=LLAMA)]}}).encode()
    response = client.pool.request(
        "POST", client.host + ENDPOINTS, body=body, headers=client.authorization, retries=retries
    )
    assert response.status == 400
