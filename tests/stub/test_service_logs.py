import re
from pathlib import Path

from bandplan.stub import process
from bandplan.stub.inference.selection.factory import log_lines
from bandplan.stub.inference.selection.spec import EngineSpec
from bandplan.stub.inference.vllm.engine import log_name
from bandplan.stub.state.serving.configuration import Configuration, ServedEntity
from bandplan.stub.state.serving.endpoint import Endpoint
from bandplan.stub.state.serving.service_log import MOST_LINES, ServiceLogs
from tests.stub.stub_client import ENDPOINTS, LLAMA, StubClient, bands

STAMP = re.compile(r"\[(\S+)\] \[\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \+0000\] (.*)")


def log(client: StubClient, name: str, entity: str) -> list[str]:
    """The lines of a service log without their times; each has the name of the entity and a time."""
    lines = client.ok("GET", f"{ENDPOINTS}/{name}/served-models/{entity}/logs")["logs"].splitlines()
    found = [STAMP.fullmatch(line) for line in lines]
    assert all(one is not None and one[1] == entity for one in found)
    return [one[2] for one in found if one is not None]


def test_log_tells_of_the_container_the_engine_and_queries_that_failed(client: StubClient, name: str) -> None:
    client.create(name, bands(name="a"))
    client.ok("POST", f"/serving-endpoints/{name}/invocations", {"messages": [{"role": "user", "content": "x"}]})
    refused = client.send("POST", f"/serving-endpoints/{name}/invocations", {"messages": "x"})
    assert log(client, name, "a") == [
        f"[INFO] config version 1: starting the container of {LLAMA} version 1",
        "[INFO] engine simulated: answers without a model",
        "[INFO] config version 1: serving",
        f"[WARNING] query: HTTP 400: {' '.join(refused.message.split())}",
    ]


def test_log_of_a_failed_update_has_its_reason_beside_what_serves(client: StubClient, name: str) -> None:
    client.create(name, bands(name="a"))
    client.ok("POST", "/stub/faults", {"endpoint": name, "operation": "update", "reason": "bad weights", "entity": "b"})
    wanted = {"served_entities": [bands(name="a"), bands(name="b")]}
    shares = [{"served_entity_name": one, "traffic_percentage": 50} for one in "ab"]
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {**wanted, "traffic_config": {"routes": shares}})
    client.settle(name)
    assert log(client, name, "b")[-1] == "[ERROR] config version 2: bad weights"
    told = log(client, name, "a")
    assert "[INFO] config version 1: serving" in told
    assert told[-1] == "[WARNING] config version 2: stopped, because b failed"


def test_log_only_grows_when_it_is_read_again(client: StubClient, name: str) -> None:
    client.create(name, bands(name="a"))
    before = client.ok("GET", f"{ENDPOINTS}/{name}/served-models/a/logs")["logs"]
    client.send("POST", f"/serving-endpoints/{name}/invocations", {})
    assert client.ok("GET", f"{ENDPOINTS}/{name}/served-models/a/logs")["logs"].startswith(before)


def test_log_is_bounded_and_in_the_order_of_its_times() -> None:
    now = iter(range(10, 2000))
    logs = ServiceLogs(lambda: next(now))
    config = Configuration(version=1, entities=(ServedEntity("a", LLAMA, "1", created_ms=5),), routes=())
    endpoint = Endpoint("chat", "id", "somebody", 0, 0, config=config)
    for _ in range(MOST_LINES + 10):
        logs.end(endpoint, "a", 500, "broken")
    lines = logs.lines(endpoint, "a")
    assert len(lines) == MOST_LINES
    assert [line.at_ms for line in lines] == sorted(line.at_ms for line in lines)


def test_log_of_vllm_is_the_end_of_its_file(tmp_path: Path) -> None:
    spec = EngineSpec("vllm", weights="org/name")
    (tmp_path / log_name(spec)).write_text("loading\rloaded\nready\n")
    assert log_lines(spec, tmp_path) == ["loading", "loaded", "ready"]
    assert log_lines(EngineSpec("vllm", weights="org/other"), tmp_path) == []
    assert log_lines(EngineSpec(), tmp_path) == []


def test_engine_that_cannot_start_says_so_in_the_log(state_dir: Path) -> None:
    settings = ["--engine", "openai"]
    running = process.start(state_dir, engine_arguments=settings)
    client = StubClient(running.host, running.token)
    process.set_engines(running, {"chat": {"engine": "openai", "url": "http://127.0.0.1:9/v1"}})
    client.create("chat", bands(name="a"))
    client.send("POST", "/serving-endpoints/chat/invocations", {"messages": [{"role": "user", "content": "x"}]})
    told = log(client, "chat", "a")
    failed = next(line for line in told if line.startswith("[ERROR] engine openai: failed: "))
    assert "127.0.0.1:9" in failed or "127.0.0.1 port 9" in failed
    assert any(line.startswith("[ERROR] query: HTTP 503: ") for line in told)
