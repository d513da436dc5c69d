"""Endpoints that hold their band, over HTTP; how much they give is tested in virtual time, in tests/stub/capacity."""

import json
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from tests.stub.stub_client import BGE, ENDPOINTS, StubClient, bands, units

MESSAGES = [{"role": "user", "content": "hello there"}]


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """A workspace as people start it, on a clock that runs."""
    state_dir = tmp_path_factory.mktemp("held") / "stub"
    yield process.start(state_dir, settle="at-once", capacity="provisioned")
    process.stop(state_dir)


@pytest.fixture
def client(held: process.Running) -> StubClient:
    return StubClient(held.host, held.token)


@pytest.fixture
def stopped(tmp_path: Path) -> Iterator[StubClient]:
    """A workspace whose clock stands still until the test moves it."""
    running = process.start(tmp_path / "stub", settle="at-once", capacity="provisioned")
    client = StubClient(running.host, running.token)
    client.ok("POST", "/stub/clock", {"stopped": True})
    yield client
    process.stop(tmp_path / "stub")


def ask(client: StubClient, name: str, **fields: Any) -> Any:
    return client.send("POST", f"/serving-endpoints/{name}/invocations", {"messages": MESSAGES, **fields})


def capacity(client: StubClient, name: str) -> Any:
    return client.ok("GET", f"/stub/endpoints/{name}")["capacity"]["entities"]["e"]


def until(is_so: Any, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        assert time.monotonic() < deadline, "did not come about"
        time.sleep(0.01)


class Crowd:
    """Queries under way, in the order in which they arrived."""

    def __init__(self, client: StubClient, name: str) -> None:
        self.client, self.name = client, name
        self.pool = ThreadPoolExecutor(max_workers=32)
        self.answers: list[Any] = []

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self.pool.shutdown(wait=True)

    def add(self, count: int, **fields: Any) -> None:
        for _ in range(count):
            before = self.seen
            self.answers.append(self.pool.submit(ask, self.client, self.name, **fields))
            until(lambda before=before: self.seen > before)  # type: ignore[misc]

    @property
    def seen(self) -> int:
        shown = capacity(self.client, self.name)
        return int(shown["in_flight"] + shown["queue"])

    def advance(self, seconds: float) -> None:
        self.client.ok("POST", "/stub/clock", {"advance_seconds": seconds})


ALONE = 331
"""Work per second of a request alone in a chunk of 980."""


def test_answer_takes_the_time_of_its_band_at_least(client: StubClient, name: str) -> None:
    client.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    began = time.monotonic()
    ask(client, name, max_tokens=40, ignore_eos=True)
    seconds = time.monotonic() - began
    (entry,) = entries(client, name)
    assert entry["output_tokens"] == 40
    served = (entry["last_token_ms"] - entry["admitted_ms"]) / 1000
    assert seconds > served - 0.01 > 0.95 * entry["work"] / ALONE > 0.1


def test_answer_takes_the_time_of_its_band_and_no_more(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    with Crowd(stopped, name) as crowd:
        crowd.add(1, max_tokens=40, ignore_eos=True)
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)
        seconds = entries(stopped, name)[0]["work"] / ALONE
        crowd.add(1, max_tokens=40, ignore_eos=True)
        crowd.advance(seconds - 0.02)
        assert crowd.seen == 1
        crowd.advance(0.04)
        until(lambda: crowd.seen == 0)
    latest = max(entries(stopped, name), key=lambda entry: entry["number"])
    assert latest["output_tokens"] == 40
    assert latest["last_token_ms"] - latest["admitted_ms"] == pytest.approx(1000 * seconds, abs=21)


def entries(client: StubClient, name: str) -> list[Any]:
    found = client.ok("GET", "/stub/requests")["requests"]
    return [entry for entry in found if entry["endpoint"] == name]


def test_four_are_in_flight_per_chunk_and_the_rest_wait_in_their_order(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    with Crowd(stopped, name) as crowd:
        crowd.add(7)
        shown = capacity(stopped, name)
        assert (shown["in_flight"], shown["queue"], shown["chunks"], shown["in_flight_max"]) == (4, 3, 1, 4)
        stopped.ok("POST", "/stub/clock", {"advance_seconds": 0.01})
        export = stopped.send("GET", f"{ENDPOINTS}/{name}/metrics").body
        assert f'provisioned_concurrent_requests_total{{endpoint_name="{name}",served_entity_name="e"}} 4' in export
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)
    assert [answer.result().status for answer in crowd.answers] == [200] * 7
    found = sorted(entries(stopped, name), key=lambda entry: entry["number"])
    admitted = [entry["admitted_ms"] for entry in found]
    assert admitted == sorted(admitted)
    assert admitted[4] > admitted[3] == admitted[0] == found[0]["arrived_ms"]
    # Seven queries, three of which waited: what waits counts as latency of the request, and not of the model.
    export = stopped.send("GET", f"{ENDPOINTS}/{name}/metrics").body
    sums = [float(line.rpartition(" ")[2]) for line in export.splitlines() if "latency_ms_sum{" in line]
    assert sums[0] > sums[1] > 0


def test_queue_limit_is_429_with_retry_after_unless_switched_off(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    stopped.ok("PUT", f"/stub/endpoints/{name}/capacity", {"queue_limit": 2})
    with Crowd(stopped, name) as crowd:
        crowd.add(6)
        refused = ask(stopped, name)
        assert (refused.status, refused.error_code) == (429, "REQUEST_LIMIT_EXCEEDED")
        assert refused.message == (
            "Too many concurrent requests. Consider increasing the provisioned concurrency of the served entity."
        )
        assert int(refused.headers["retry-after"]) >= 1
        streamed = ask(stopped, name, stream=True)
        assert (streamed.status, streamed.body) == (429, refused.body)
        stopped.ok("PATCH", "/stub/behaviour", {"sends_retry_after_on_capacity": False})
        assert "retry-after" not in ask(stopped, name).headers
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)
    assert sorted(entry["status"] for entry in entries(stopped, name)) == [200] * 6 + [429] * 3


def test_workspace_takes_200_queries_a_second_of_all_its_endpoints(stopped: StubClient, name: str) -> None:
    for kind in ("a", "b"):
        stopped.create(f"{name}-{kind}", bands(name="e", min_provisioned_throughput=980))
        stopped.ok("PUT", f"/stub/endpoints/{name}-{kind}/capacity", {"queue_limit": 100_000})
    # A body that is refused comes in like any other, and is out at once.
    bad = [stopped.send("POST", f"/serving-endpoints/{name}-a/invocations", {"messages": 1}) for _ in range(200)]
    assert {reply.status for reply in bad} == {400}
    refused = ask(stopped, f"{name}-b")
    assert refused.status == 429
    assert refused.message == (
        "Exceeded max number of parallel requests. Please contact your Databricks representative to increase the limit"
    )
    stopped.ok("POST", "/stub/clock", {"advance_seconds": 1})
    assert stopped.send("POST", f"/serving-endpoints/{name}-a/invocations", {"messages": 1}).status == 400


def test_nothing_runs_and_nothing_may_start_is_503(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=0))
    stopped.ok("PUT", f"/stub/endpoints/{name}/capacity", {"starts_chunks": False})
    capacity(stopped, name)
    stopped.ok("POST", "/stub/clock", {"advance_seconds": 3600})
    assert capacity(stopped, name)["chunks"] == 0
    refused = ask(stopped, name)
    assert (refused.status, refused.error_code) == (503, "TEMPORARILY_UNAVAILABLE")
    assert refused.message == "The served entity has no compute running, and none can be started now."
    assert "retry-after" in refused.headers
    stopped.ok("PATCH", "/stub/behaviour", {"sends_retry_after_on_capacity": False})
    assert "retry-after" not in ask(stopped, name).headers


def test_query_of_an_endpoint_scaled_to_zero_waits_for_a_cold_start(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=0))
    capacity(stopped, name)
    stopped.ok("POST", "/stub/clock", {"advance_seconds": 3600})
    with Crowd(stopped, name) as crowd:
        crowd.add(1, max_tokens=1)
        shown = capacity(stopped, name)
        assert (shown["chunks"], shown["chunks_starting"], shown["starts_in_seconds"], shown["queue"]) == (0, 1, 60, 1)
        crowd.advance(59)
        assert capacity(stopped, name)["queue"] == 1
        crowd.advance(1)
        until(lambda: capacity(stopped, name)["in_flight"] == 1)
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)
    (entry,) = entries(stopped, name)
    assert entry["admitted_ms"] - entry["arrived_ms"] == 60_000


def test_gateway_limits_come_before_the_queue(stopped: StubClient, name: str) -> None:
    limits = [{"calls": 1, "key": "endpoint", "renewal_period": "minute"}]
    stopped.create(name, bands(name="e", max_provisioned_throughput=980), ai_gateway={"rate_limits": limits})
    with Crowd(stopped, name) as crowd:
        crowd.add(1)
        refused = ask(stopped, name)
        assert refused.status == 429
        assert "Too many concurrent" not in refused.message
        assert crowd.seen == 1
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)


def test_updating_endpoint_answers_from_the_old_configuration(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    stopped.ok("PUT", f"/stub/endpoints/{name}/settle", {"rule": "manual"})
    larger = bands(name="e", min_provisioned_throughput=1960, max_provisioned_throughput=1960)
    stopped.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [larger]})
    with Crowd(stopped, name) as crowd:
        crowd.add(6)
        shown = capacity(stopped, name)
        assert (shown["chunks"], shown["in_flight"], shown["queue"]) == (1, 4, 2)
        stopped.ok("POST", f"/stub/endpoints/{name}/settle")
        shown = capacity(stopped, name)
        assert (shown["chunks"], shown["in_flight"], shown["queue"]) == (2, 6, 0)
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)
    assert {answer.result().status for answer in crowd.answers} == {200}


def test_client_that_leaves_the_queue_or_the_chunk_frees_its_place(stopped: StubClient, name: str) -> None:
    stopped.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    body = json.dumps({"messages": MESSAGES, "stream": True}).encode()
    head = f"POST /serving-endpoints/{name}/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += "".join(f"{key}: {value}\r\n" for key, value in stopped.authorization.items()) + "\r\n"
    port = int(stopped.host.rpartition(":")[2])
    connections = []
    for number in range(1, 7):
        connections.append(socket.create_connection(("127.0.0.1", port)))
        connections[-1].sendall(head.encode() + body)
        until(lambda number=number: _load(stopped, name) == (min(number, 4), max(number - 4, 0)))  # type: ignore[misc]
    connections[5].close()
    until(lambda: _load(stopped, name) == (4, 1))
    connections[0].close()
    until(lambda: _load(stopped, name) == (4, 0))
    for connection in connections:
        connection.close()
    until(lambda: _load(stopped, name) == (0, 0))
    assert {entry["status"] for entry in entries(stopped, name)} == {499}


def _load(client: StubClient, name: str) -> tuple[int, int]:
    shown = capacity(client, name)
    return shown["in_flight"], shown["queue"]


def test_model_units_are_held_and_exported(stopped: StubClient, name: str) -> None:
    stopped.create(name, units(name="e"))
    with Crowd(stopped, name) as crowd:
        crowd.add(2)
        assert capacity(stopped, name)["in_flight_max"] == 8
        crowd.advance(0.1)
        text = stopped.send("GET", f"{ENDPOINTS}/{name}/metrics").body
        label = f'{{endpoint_name="{name}",served_entity_name="e"}}'
        assert f"provisioned_concurrent_requests_total{label} 8" in text
        until(lambda: crowd.advance(1) is None and crowd.seen == 0)
    text = stopped.send("GET", f"{ENDPOINTS}/{name}/metrics").body
    (line,) = [line for line in text.splitlines() if line.startswith("gpu_usage_percentage{")]
    assert 0 < float(line.rpartition(" ")[2]) <= 100


def test_embeddings_take_the_time_of_their_tokens(stopped: StubClient, name: str) -> None:
    stopped.create(
        name, bands(name="e", entity_name=BGE, min_provisioned_throughput=1360, max_provisioned_throughput=1360)
    )
    path = f"/serving-endpoints/{name}/invocations"
    with ThreadPoolExecutor() as pool:
        answer = pool.submit(stopped.send, "POST", path, {"input": ["word " * 400]})
        until(lambda: capacity(stopped, name)["in_flight"] == 1)
        until(lambda: stopped.ok("POST", "/stub/clock", {"advance_seconds": 0.1}) and answer.done())
    assert answer.result().status == 200
    (entry,) = entries(stopped, name)
    assert entry["work"] == entry["input_tokens"] == answer.result().body["usage"]["prompt_tokens"]
    assert entry["ended_ms"] - entry["admitted_ms"] >= 1000 * entry["work"] / (1360 / 4 * 1.35)


def test_cached_prompt_tokens_are_reported_and_not_worked_on(client: StubClient, name: str) -> None:
    client.create(name, bands(name="e", min_provisioned_throughput=7840, max_provisioned_throughput=7840))
    prompt = [{"role": "user", "content": "word " * 100}]
    plain = ask(client, name, messages=prompt, max_tokens=2).body["usage"]
    assert "prompt_tokens_details" not in plain
    client.ok("PUT", f"/stub/endpoints/{name}/capacity", {"cache_hit_percent": 50})
    cached = plain["prompt_tokens"] // 2
    body = {"model": name, "messages": prompt, "max_tokens": 2}
    usage = client.ok("POST", "/serving-endpoints/chat/completions", body)["usage"]
    assert usage == {**plain, "prompt_tokens_details": {"cached_tokens": cached}}
    stream = client.send("POST", "/serving-endpoints/chat/completions", {**body, "stream": True}).body
    chunks = [json.loads(line[6:]) for line in stream.splitlines() if line.startswith("data: {")]
    assert chunks[-1]["usage"] == usage
    asked = {"model": name, "input": "word " * 100}
    responses = client.ok("POST", "/serving-endpoints/responses", asked)["usage"]
    assert responses["input_tokens_details"] == {"cached_tokens": responses["input_tokens"] // 2}
    first, second = entries(client, name)[:2]
    assert (first["cached_tokens"], second["cached_tokens"]) == (0, cached)
    # Llama 3.1 8B on the accelerator of model_shape.py: 36.1 us per prompt token, 107 us per output token, 0.056 us per
    # token of context; 2048/256 takes 2048 x 36.1 + 256 x 107 + 0.056 x 256 x 2176 = 132,500 us, which is 2304 of work.
    assert first["work"] - second["work"] == pytest.approx(36.1 * 2304 / 132_500 * cached, rel=0.01)


def test_requests_since_a_time(stopped: StubClient, name: str) -> None:
    stopped.create(name, {"name": "x", "external_model": {"name": "g", "provider": "openai", "task": "llm/v1/chat"}})
    ask(stopped, name)
    later = stopped.ok("POST", "/stub/clock", {"advance_seconds": 5})["now_ms"]
    ask(stopped, name)
    (entry,) = stopped.ok("GET", f"/stub/requests?since={later}")["requests"]
    assert (entry["arrived_ms"], entry["status"], entry["chunk"], entry["number"]) == (later, 200, None, 2)
    assert len(stopped.ok("GET", "/stub/requests")["requests"]) == 2
    for wrong in ("x", "-1", "1.5", "9" * 30):
        assert stopped.send("GET", f"/stub/requests?since={wrong}").status == 400


def test_capacity_settings_are_checked_kept_and_taken_back(state_dir: Path, name: str) -> None:
    running = process.start(state_dir, capacity="provisioned")
    client = StubClient(running.host, running.token)
    path = f"/stub/endpoints/{name}/capacity"
    refused = client.send("PUT", path, {"queue_limit": -1, "x": 1})
    assert refused.status == 400
    assert len(refused.message.splitlines()) == 2
    assert client.ok("PUT", path, {"queue_limit": 3, "basis": "output"})["own"] == {"queue_limit": 3, "basis": "output"}
    process.stop(state_dir)
    running = process.start(state_dir, capacity="provisioned")
    client = StubClient(running.host, running.token)
    assert client.ok("GET", path)["own"] == {"queue_limit": 3, "basis": "output"}
    assert client.ok("PUT", path, {"queue_limit": 4, "basis": None})["own"] == {"queue_limit": 4}
    assert client.ok("PUT", path, {})["own"] == {}


def test_scenario_sets_capacity_by_endpoint_pattern(tmp_path: Path, name: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text('description: x\ncapacity: {endpoints: {"e-*": {queue_limit: 7}}}\n', encoding="utf-8")
    running = process.start(tmp_path / "stub", scenario=str(file), capacity="provisioned")
    try:
        client = StubClient(running.host, running.token)
        assert client.ok("GET", f"/stub/endpoints/{name}/capacity")["settings"]["queue_limit"] == 7
        assert client.ok("GET", "/stub/endpoints/other/capacity")["settings"]["queue_limit"] == 256
    finally:
        process.stop(tmp_path / "stub")


def test_unlimited_workspace_holds_nothing_to_its_band(running: process.Running, name: str) -> None:
    client = StubClient(running.host, running.token)
    client.create(name, bands(name="e", min_provisioned_throughput=980, max_provisioned_throughput=980))
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: ask(client, name, max_tokens=4000, ignore_eos=True), range(8)))
    assert {reply.status for reply in replies} == {200}
    assert client.ok("GET", f"/stub/endpoints/{name}")["capacity"] == {"unlimited": True, "entities": {}}
    assert client.ok("GET", "/stub/status")["capacity"] == "unlimited"


def test_request_arrives_with_its_first_bytes(running: process.Running, name: str) -> None:
    # A pace counts from there, and so does a client: a body that takes 0.3 s to come is 0.3 s of its latency.
    client = StubClient(running.host, running.token)
    client.create(name)
    body = json.dumps({"messages": MESSAGES, "max_tokens": 2}).encode()
    head = f"POST /serving-endpoints/{name}/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: Bearer {running.token}\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", int(running.host.rpartition(":")[2])), timeout=60) as opened:
        opened.sendall(head.encode())
        assert opened.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"  # so the first bytes have arrived
        time.sleep(0.3)
        opened.sendall(body)
        answer = b"".join(iter(lambda: opened.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 200")
    (entry,) = [one for one in client.ok("GET", "/stub/requests")["requests"] if one["endpoint"] == name]
    assert entry["admitted_ms"] == entry["arrived_ms"]
    assert entry["first_token_ms"] - entry["arrived_ms"] >= 295
