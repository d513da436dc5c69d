"""Scenarios: each that comes with the stub has its effect; one that cannot be read says everything that is wrong."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import urllib3

from bandplan.stub import process
from bandplan.stub.state.scenario import FOLDER, NONE, ScenarioError, find, load, names
from tests.stub.registering import registered
from tests.stub.stub_client import ENDPOINTS, LLAMA, MODELS, StubClient, bands, units

Play = Callable[[str], StubClient]


@pytest.fixture
def play(state_dir: Path) -> Play:
    def start(name: str) -> StubClient:
        running = process.start(state_dir, scenario=name)
        return StubClient(running.host, running.token)

    return start


def chunks(number: int) -> dict[str, Any]:
    """Bands of the Llama, whose chunk is 980 tokens/s, from 0 to `number` chunks."""
    return bands(min_provisioned_throughput=0, max_provisioned_throughput=980 * number)


def put_config(client: StubClient, name: str, *entities: dict[str, Any]) -> Any:
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": list(entities)})
    return client.settle(name)


def test_every_scenario_that_comes_along_can_be_read_and_is_described() -> None:
    assert {"capacity-runs-out", "slow-gpu", "quota-full", "registry-not-ready", "flaky-network"} <= set(names())
    for name in names():
        scenario = load(find(name))
        assert scenario.name == name
        assert len(scenario.description) > 40


def test_s18_capacity_runs_out_on_create_and_on_update_and_comes_back(play: Play) -> None:
    client = play("capacity-runs-out")  # 4 chunks, 50 units
    assert client.ok("GET", "/stub/status")["scenario"] == "capacity-runs-out"
    assert client.create("a", chunks(3))["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}

    failed = client.create("b", chunks(2))
    assert failed["state"] == {"ready": "NOT_READY", "config_update": "UPDATE_FAILED"}
    (entity,) = failed["pending_config"]["served_entities"]
    assert entity["state"]["deployment"] == "DEPLOYMENT_FAILED"
    assert "Not enough GPU capacity" in entity["state"]["deployment_state_message"]

    assert put_config(client, "a", chunks(4))["state"]["config_update"] == "NOT_UPDATING"
    kept = put_config(client, "a", chunks(5))
    assert kept["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"}
    assert kept["config"]["served_entities"][0]["max_provisioned_throughput"] == 3920

    assert put_config(client, "a", chunks(2))["state"]["config_update"] == "NOT_UPDATING"
    assert put_config(client, "b", chunks(2))["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}


def test_s18_model_units_run_out_apart_from_chunks(play: Play) -> None:
    client = play("capacity-runs-out")
    assert client.create("a", units())["state"]["ready"] == "READY"
    assert client.create("b", units(provisioned_model_units=1))["state"]["config_update"] == "UPDATE_FAILED"
    assert client.create("c", chunks(4))["state"]["ready"] == "READY"
    client.ok("DELETE", f"{ENDPOINTS}/a")
    assert put_config(client, "b", units())["state"]["ready"] == "READY"


def test_s19_slow_gpu_takes_an_hour_of_the_workspaces_clock(play: Play) -> None:
    client = play("slow-gpu")
    client.ok("POST", "/stub/clock", {"stopped": True})
    for name in ("e", "slow-e"):
        client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    client.ok("POST", "/stub/clock", {"advance_seconds": 3599})
    assert client.ok("GET", f"{ENDPOINTS}/e")["state"] == {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}
    client.ok("POST", "/stub/clock", {"advance_seconds": 1})
    assert client.ok("GET", f"{ENDPOINTS}/e")["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    failed = client.ok("GET", f"{ENDPOINTS}/slow-e")
    assert failed["state"]["config_update"] == "UPDATE_FAILED"
    message = failed["pending_config"]["served_entities"][0]["state"]["deployment_state_message"]
    assert "timed out after 120 minutes" in message


def test_quota_full_refuses_the_fourth_endpoint_the_third_entity_and_the_eleventh_change(play: Play) -> None:
    client = play("quota-full")
    client.ok("POST", "/stub/clock", {"stopped": True})
    for name in "abc":
        client.create(name)
    assert client.send("POST", ENDPOINTS, {"name": "d"}).error_code == "QUOTA_EXCEEDED"
    entities = [bands(name=name) for name in "xyz"]
    assert "at most 2" in client.send("PUT", f"{ENDPOINTS}/a/config", {"served_entities": entities}).message
    for _ in range(7):
        put_config(client, "a", bands())
    throttled = client.send("PUT", f"{ENDPOINTS}/a/config", {"served_entities": [bands()]})
    assert (throttled.status, throttled.error_code) == (429, "REQUEST_LIMIT_EXCEEDED")
    assert throttled.headers["retry-after"] == "60"
    assert client.send("POST", ENDPOINTS, {"name": "e", "description": "x" * 70_000}).status == 400


def test_documented_limits_throttle_the_fifty_first_create(play: Play) -> None:
    client = play("documented-limits")
    client.ok("POST", "/stub/clock", {"stopped": True})
    statuses = [client.send("POST", ENDPOINTS, {"name": f"e{number}"}).status for number in range(51)]
    assert statuses == [200] * 50 + [429]


def test_registry_is_not_ready_at_first_and_fails_for_broken_models(play: Play) -> None:
    client = play("registry-not-ready")

    def statuses(full_name: str) -> list[str]:
        number = registered(client, full_name)
        return [client.ok("GET", f"{MODELS}/{full_name}/versions/{number}")["status"] for _ in range(5)]

    assert statuses("ml.own.llama") == ["PENDING_REGISTRATION"] * 3 + ["READY"] * 2
    assert statuses("ml.own.broken-llama") == ["PENDING_REGISTRATION"] * 3 + ["FAILED_REGISTRATION"] * 2


def test_flaky_network_loses_answers_and_requests_but_nothing_that_was_done(play: Play) -> None:
    client = play("flaky-network")

    def insist(method: str, path: str, body: Any = None) -> Any:
        """As a careful client does: try again, and take what is there already for its own."""
        for _ in range(20):
            try:
                reply = client.send(method, path, body)
            except urllib3.exceptions.HTTPError:
                continue
            if reply.status not in (429, 503):
                return reply
        raise AssertionError(f"{method} {path} never gets through")

    statuses = []
    for number in range(12):
        reply = insist("POST", ENDPOINTS, {"name": f"e{number}"})
        statuses.append(reply.status)
        assert reply.status == 200 or reply.error_code == "RESOURCE_ALREADY_EXISTS"
    assert 400 in statuses  # made by a request whose answer was lost
    listed = insist("GET", ENDPOINTS).body["endpoints"]
    assert sorted(endpoint["name"] for endpoint in listed) == sorted(f"e{number}" for number in range(12))


def test_scenario_ends_with_its_run(state_dir: Path) -> None:
    process.start(state_dir, scenario="quota-full")
    process.stop(state_dir)
    running = process.start(state_dir)
    client = StubClient(running.host, running.token)
    for name in "abcd":
        client.create(name)
    status = client.ok("GET", "/stub/status")
    assert (status["scenario"], status["faults"], status["route_faults"]) == (None, [], [])


def test_settle_rule_of_the_start_goes_before_the_scenarios(state_dir: Path) -> None:
    running = process.start(state_dir, scenario="slow-gpu", settle="at-once")
    assert StubClient(running.host, running.token).create("e")["state"]["ready"] == "READY"


def test_scenario_of_ones_own_is_a_path(state_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(
        "description: mine\n"
        "settle: {rule: manual, endpoints: {'quick-*': at-once}}\n"
        "deployments: [{endpoint: quick-2, reason: no GPUs, operation: create}]\n"
    )
    running = process.start(state_dir, scenario=str(path))
    client = StubClient(running.host, running.token)
    assert client.ok("GET", "/stub/status")["scenario"] == "mine"
    assert client.create("quick-1")["state"]["ready"] == "READY"
    assert client.create("quick-2")["state"]["config_update"] == "UPDATE_FAILED"
    client.ok("POST", ENDPOINTS, {"name": "other", "config": {"served_entities": [bands()]}})
    states = {client.ok("GET", f"{ENDPOINTS}/other")["state"]["config_update"] for _ in range(5)}
    assert states == {"IN_PROGRESS"}


def read(tmp_path: Path, text: str) -> str:
    path = tmp_path / "s.yaml"
    path.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(path)
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("description: d\nlimit: {}\n", "the file: Additional properties are not allowed ('limit' was unexpected)"),
        ("limits: {}\n", "the file: 'description' is a required property"),
        ("description: d\nlimits: {endpoints: many}\n", "limits/endpoints: 'many' is not of type 'integer'"),
        ("description: d\nsettle: {rule: never}\n", "settle/rule: 'never' does not match"),
        ("description: d\nrequests: [{route: /a, action: explode}]\n", "requests/0/action: 'explode' is not one of"),
        ("description: d\nrequests: [{route: /a*, action: cut}]\n", "requests/0: route: use '*' for one whole"),
        ("description: d\nrequests: [{route: /a, action: delay}]\n", "requests/0: delay_seconds: is required"),
        ("description: d\ndeployments: [{endpoint: a/b, reason: r}]\n", "deployments/0/endpoint: 'a/b' does not match"),
        ("- a list\n", "the file: ['a list'] is not of type 'object'"),
        ("a: [\n", "cannot be read as YAML"),
        ("a: " + "[" * 2000, "cannot be read as YAML"),
        ("a: 2026-13-45\n", "cannot be read as YAML: month must be in 1..12"),
        ("!!python/object/apply:os.system [true]\n", "cannot be read as YAML"),
    ],
)
def test_scenario_that_cannot_be_read_names_file_place_and_finding(tmp_path: Path, text: str, said: str) -> None:
    message = read(tmp_path, text)
    assert f"{tmp_path}/s.yaml: " in message
    assert said in message


def test_every_problem_of_a_scenario_is_told_in_one_go(tmp_path: Path) -> None:
    message = read(
        tmp_path, "description: ''\nlimits: {endpoints: -1}\nclocks: x\nrequests: [{route: a, action: cut}]\n"
    )
    for place in ("description:", "limits/endpoints:", "'clocks' was unexpected", "requests/0/route:"):
        assert place in message
    assert "bandplan docs stub" in message


def test_unknown_scenario_names_the_known_ones() -> None:
    with pytest.raises(ScenarioError, match=r"use one of capacity-runs-out, .*, or a path"):
        find("nothing-works")
    with pytest.raises(ScenarioError, match="no such file"):
        find("./missing.yaml")
    assert find("slow-gpu") == FOLDER / "slow-gpu.yaml"


def test_name_of_a_scenario_is_never_a_way_out_of_their_folder() -> None:
    for name in ("..", "", ".", "slow-gpu\0"):
        with pytest.raises(ScenarioError):
            find(name)


def test_start_with_a_scenario_that_cannot_be_read_ends_with_its_problems(state_dir: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text("description: d\nlimits: {endpoints: many}\n")
    with pytest.raises(process.StubError, match="limits/endpoints: 'many' is not of type"):
        process.start(state_dir, scenario=str(path))


def test_without_a_scenario_nothing_is_out_of_the_ordinary() -> None:
    assert (NONE.deployments, NONE.requests, NONE.registrations, NONE.endpoint_settle) == ((), (), (), {})
    assert NONE.capacity.throughput_chunks is NONE.capacity.model_units is None
    assert LLAMA in bands()["entity_name"]
