"""Tests decide when an update ends: by the workspace's clock, by a rule for one endpoint, or by saying so."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from bandplan.stub.state.clock import Clock
from bandplan.stub.state.store import Store
from tests.stub.stub_client import ENDPOINTS, StubClient, bands


def started(state_dir: Path, rule: str) -> StubClient:
    running = process.start(state_dir, settle=rule)
    return StubClient(running.host, running.token)


@pytest.fixture(scope="module")
def timed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StubClient]:
    """A workspace for these tests alone, as they move its clock; its updates end only on request."""
    state_dir = tmp_path_factory.mktemp("timed-stub")
    yield started(state_dir, "manual")
    process.stop(state_dir)


def begin(client: StubClient, name: str, rule: str | None = None) -> Any:
    """Create an endpoint, with a settle rule of its own if one is given."""
    if rule is not None:
        client.ok("PUT", f"/stub/endpoints/{name}/settle", {"rule": rule})
    return client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})


def update_state(client: StubClient, name: str) -> str:
    return str(client.ok("GET", f"{ENDPOINTS}/{name}")["state"]["config_update"])


def test_update_ends_when_the_clock_is_moved_far_enough(timed: StubClient, name: str) -> None:
    timed.ok("POST", "/stub/clock", {"stopped": True})
    begin(timed, name, "ms:1800000")
    timed.ok("POST", "/stub/clock", {"advance_seconds": 1799.999})
    assert update_state(timed, name) == "IN_PROGRESS"
    timed.ok("POST", "/stub/clock", {"advance_seconds": 0.001})
    assert update_state(timed, name) == "NOT_UPDATING"


def test_timestamps_are_those_of_the_workspaces_clock(timed: StubClient, name: str) -> None:
    stopped = timed.ok("POST", "/stub/clock", {"stopped": True})["now_ms"]
    assert begin(timed, f"{name}-a")["creation_timestamp"] == stopped
    timed.ok("POST", "/stub/clock", {"advance_seconds": 3600})
    assert begin(timed, f"{name}-b")["creation_timestamp"] == stopped + 3_600_000


def test_clock_stays_where_it_is_over_a_restart(state_dir: Path) -> None:
    client = started(state_dir, "reads:1")
    client.ok("POST", "/stub/clock", {"stopped": True, "advance_seconds": 1000})
    clock = client.ok("GET", "/stub/clock")
    process.stop(state_dir)
    assert started(state_dir, "reads:1").ok("GET", "/stub/clock") == clock


@pytest.mark.parametrize("body", [{}, {"advance_seconds": -1}, {"advance_seconds": 1e12}, {"stopped": "yes"}])
def test_clock_refuses_what_makes_no_sense(client: StubClient, body: Any) -> None:
    reply = client.send("POST", "/stub/clock", body)
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")


def test_clock_that_was_moved_and_stopped_never_goes_back(tmp_path: Path) -> None:
    machine = [1_000_000]
    store = Store(tmp_path / "db")
    clock = Clock(store, lambda: machine[0])
    clock.advance(60)
    assert clock.now_ms() == 1_060_000
    machine[0] += 500
    clock.stop()
    machine[0] += 10_000
    assert clock.now_ms() == 1_060_500
    clock.advance(1)
    assert clock.now_ms() == 1_061_500
    clock.run()
    assert clock.now_ms() == 1_061_500
    machine[0] += 1
    assert Clock(store, lambda: machine[0]).now_ms() == clock.now_ms() == 1_061_501
    store.close()


def test_manual_update_ends_when_it_is_told_and_not_before(timed: StubClient, name: str) -> None:
    begin(timed, name)
    timed.ok("POST", "/stub/clock", {"advance_seconds": 1_000_000})
    assert {update_state(timed, name) for _ in range(5)} == {"IN_PROGRESS"}
    ended = timed.ok("POST", f"/stub/endpoints/{name}/settle")
    assert ended["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert timed.ok("POST", f"/stub/endpoints/{name}/settle") == ended == timed.ok("GET", f"{ENDPOINTS}/{name}")


def test_manual_update_that_is_to_fail_fails_when_it_is_told(timed: StubClient, name: str) -> None:
    timed.ok("POST", "/stub/faults", {"endpoint": name, "reason": "no GPUs"})
    begin(timed, name)
    assert timed.ok("POST", f"/stub/endpoints/{name}/settle")["state"]["config_update"] == "UPDATE_FAILED"


def test_rule_of_one_endpoint_goes_before_that_of_the_workspace_and_can_be_taken_away(
    client: StubClient, name: str
) -> None:
    client.ok("PUT", f"/stub/endpoints/{name}/settle", {"rule": "manual"})
    assert client.ok("GET", "/stub/status")["settle_rules"][name] == "manual"
    begin(client, name)
    assert {update_state(client, name) for _ in range(4)} == {"IN_PROGRESS"}
    client.ok("PUT", f"/stub/endpoints/{name}/settle", {"rule": None})
    assert client.settle(name)["state"]["config_update"] == "NOT_UPDATING"
    assert name not in client.ok("GET", "/stub/status")["settle_rules"]


def test_rule_of_one_endpoint_is_kept_over_a_restart(state_dir: Path) -> None:
    client = started(state_dir, "reads:1")
    client.ok("PUT", "/stub/endpoints/e/settle", {"rule": "at-once"})
    process.stop(state_dir)
    assert begin(started(state_dir, "manual"), "e")["state"]["ready"] == "READY"


@pytest.mark.parametrize("rule", ["never", "reads:", "ms:-1"])
def test_rule_that_cannot_be_read_is_refused(client: StubClient, name: str, rule: str) -> None:
    reply = client.send("PUT", f"/stub/endpoints/{name}/settle", {"rule": rule})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "use reads:N, ms:N, manual or at-once" in reply.message


def test_settling_an_endpoint_that_is_not_there_is_not_found(client: StubClient, name: str) -> None:
    assert client.send("POST", f"/stub/endpoints/{name}/settle").status == 404


def test_list_shows_an_update_that_ended_although_nobody_read_the_endpoint(timed: StubClient, name: str) -> None:
    timed.ok("POST", "/stub/clock", {"stopped": True})
    begin(timed, name, "ms:1000")

    def listed() -> Any:
        (endpoint,) = [e for e in timed.ok("GET", ENDPOINTS)["endpoints"] if e["name"] == name]
        return endpoint

    assert [listed()["state"]["config_update"] for _ in range(2)] == ["IN_PROGRESS"] * 2
    timed.ok("POST", "/stub/clock", {"advance_seconds": 1})
    assert [listed()["state"]["config_update"] for _ in range(2)] == ["NOT_UPDATING"] * 2
    timed.ok("PATCH", f"{ENDPOINTS}/{name}/tags", {"add_tags": [{"key": "team"}]})
    assert listed()["tags"] == [{"key": "team"}]
