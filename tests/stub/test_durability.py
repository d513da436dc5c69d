"""What was answered with 200 is never lost."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bandplan.stub import process
from tests.stub.stub_client import ENDPOINTS, MODELS, StubClient, bands


def kill(running: process.Running) -> None:
    os.kill(running.pid, signal.SIGKILL)
    os.waitpid(running.pid, 0)


def restarted(running: process.Running) -> StubClient:
    kill(running)
    again = process.start(running.state_dir)
    return StubClient(again.host, again.token)


def test_everything_survives_kill_9(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    endpoint = client.create("kept", description="as it was", tags=[{"key": "team", "value": "ml"}, {"key": "bare"}])
    client.ok("PUT", f"{ENDPOINTS}/kept/config", {"served_entities": [bands(max_provisioned_throughput=2940)]})
    updated = client.settle("kept")
    client.ok(
        "PUT",
        f"/api/2.0/permissions/serving-endpoints/{endpoint['id']}",
        {"access_control_list": [{"group_name": "users", "permission_level": "CAN_QUERY"}]},
    )
    client.ok("POST", MODELS, {"name": "m", "catalog_name": "ml", "schema_name": "own"})
    client.ok(
        "POST", f"{MODELS}/versions", {"model_name": "m", "catalog_name": "ml", "schema_name": "own", "source": "x"}
    )
    client.ok("POST", "/stub/faults", {"endpoint": "later", "reason": "no GPUs"})
    client.ok("POST", ENDPOINTS, {"name": "dropped"})
    client.ok("DELETE", f"{ENDPOINTS}/dropped")
    permissions = client.ok("GET", f"/api/2.0/permissions/serving-endpoints/{endpoint['id']}")
    model = client.ok("GET", f"{MODELS}/ml.own.m/versions/1")
    status = client.ok("GET", "/stub/status")

    client = restarted(running)
    assert client.ok("GET", f"{ENDPOINTS}/kept") == updated
    assert client.ok("GET", f"/api/2.0/permissions/serving-endpoints/{endpoint['id']}") == permissions
    assert client.ok("GET", f"{MODELS}/ml.own.m/versions/1") == model
    assert client.send("GET", f"{ENDPOINTS}/dropped").status == 404
    after = client.ok("GET", "/stub/status")
    assert (after["workspace_id"], after["faults"]) == (status["workspace_id"], status["faults"])


def test_update_under_way_goes_on_after_kill_9(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    client.create("busy")
    client.ok("PUT", f"{ENDPOINTS}/busy/config", {"served_entities": [bands(max_provisioned_throughput=2940)]})
    client = restarted(running)
    endpoint = client.ok("GET", f"{ENDPOINTS}/busy")
    assert endpoint["state"] == {"ready": "READY", "config_update": "IN_PROGRESS"}
    assert client.settle("busy")["config"]["config_version"] == 2


def test_creates_from_64_threads_are_all_kept(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    names = [f"e{number}" for number in range(640)]

    def create(name: str) -> int:
        return client.send("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}}).status

    with ThreadPoolExecutor(64) as pool:
        assert set(pool.map(create, names)) == {200}
    client = restarted(running)
    assert {endpoint["name"] for endpoint in client.ok("GET", ENDPOINTS)["endpoints"]} == set(names)


def test_one_of_64_creates_of_the_same_name_wins(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    with ThreadPoolExecutor(64) as pool:
        replies = list(pool.map(lambda _: client.send("POST", ENDPOINTS, {"name": "one"}), range(64)))
    assert sorted(reply.status for reply in replies) == [200] + [400] * 63


def test_creates_answered_before_kill_9_are_kept(state_dir: Path) -> None:
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    answered: list[str] = []

    def create(number: int) -> None:
        try:
            reply = client.send("POST", ENDPOINTS, {"name": f"e{number}", "config": {"served_entities": [bands()]}})
        except Exception:  # the connection dies with the process
            return
        if reply.status == 200:
            answered.append(f"e{number}")
        if len(answered) >= 100:
            os.kill(running.pid, signal.SIGKILL)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(create, range(400)))
    os.waitpid(running.pid, 0)
    again = process.start(state_dir)
    kept = {e["name"] for e in StubClient(again.host, again.token).ok("GET", ENDPOINTS)["endpoints"]}
    assert len(answered) >= 100
    assert set(answered) <= kept
