"""The state machine of an endpoint: what each read shows while it is made, changed, and when that fails."""

from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from bandplan.stub.state.serving.settle import Settle, parse
from tests.stub.stub_client import ENDPOINTS, LLAMA, StubClient, bands, units


def state_of(endpoint: dict[str, Any]) -> tuple[str, str]:
    return endpoint["state"]["ready"], endpoint["state"]["config_update"]


def deployments(config: dict[str, Any]) -> dict[str, str]:
    return {entity["name"]: entity["state"]["deployment"] for entity in config["served_entities"]}


def test_created_endpoint_is_updating_on_one_read_and_settled_on_the_next(client: StubClient, name: str) -> None:
    created = client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    first = client.ok("GET", f"{ENDPOINTS}/{name}")
    for endpoint in (created, first):
        assert state_of(endpoint) == ("NOT_READY", "IN_PROGRESS")
        assert "config" not in endpoint
        assert endpoint["pending_config"]["config_version"] == 1
        assert deployments(endpoint["pending_config"]) == {"llama_v3_3_70b_instruct-1": "DEPLOYMENT_CREATING"}
    second = client.ok("GET", f"{ENDPOINTS}/{name}")
    assert state_of(second) == ("READY", "NOT_UPDATING")
    assert "pending_config" not in second
    assert second["config"]["config_version"] == 1
    assert deployments(second["config"]) == {"llama_v3_3_70b_instruct-1": "DEPLOYMENT_READY"}
    assert second["task"] == "llm/v1/chat"
    assert len(second["id"]) == 32


def test_listing_and_other_calls_do_not_count_as_reads(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    for _ in range(3):
        client.ok("GET", ENDPOINTS)
        client.ok("GET", f"{ENDPOINTS}/{name}/metrics")
    assert state_of(client.ok("GET", f"{ENDPOINTS}/{name}")) == ("NOT_READY", "IN_PROGRESS")


def test_endpoint_without_config_settles_at_once_and_is_not_ready(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name})
    endpoint = client.ok("GET", f"{ENDPOINTS}/{name}")
    assert state_of(endpoint) == ("NOT_READY", "NOT_UPDATING")
    assert "config" not in endpoint
    assert "pending_config" not in endpoint


def test_old_config_serves_while_an_update_runs(client: StubClient, name: str) -> None:
    client.create(name)
    wanted = {"served_entities": [bands(max_provisioned_throughput=2940)]}
    updated = client.ok("PUT", f"{ENDPOINTS}/{name}/config", wanted)
    assert state_of(updated) == ("READY", "IN_PROGRESS")
    assert updated["config"]["config_version"] == 1
    assert updated["config"]["served_entities"][0]["max_provisioned_throughput"] == 1960
    assert updated["pending_config"]["config_version"] == 2
    assert updated["pending_config"]["served_entities"][0]["max_provisioned_throughput"] == 2940
    settled = client.settle(name)
    assert settled["config"]["config_version"] == 2
    assert settled["config"]["served_entities"][0]["max_provisioned_throughput"] == 2940


def test_update_while_updating_is_a_conflict(client: StubClient, name: str) -> None:
    client.create(name)
    wanted = {"served_entities": [bands(max_provisioned_throughput=2940)]}
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", wanted)
    reply = client.send("PUT", f"{ENDPOINTS}/{name}/config", wanted)
    assert (reply.status, reply.error_code) == (409, "RESOURCE_CONFLICT")
    client.settle(name)
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", wanted)


def test_config_update_replaces_the_whole_config(client: StubClient, name: str) -> None:
    client.create(name)
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [bands(min_provisioned_throughput=...)]})
    assert "min_provisioned_throughput" not in client.settle(name)["config"]["served_entities"][0]


def test_model_unit_endpoint_is_made_and_scaled_through_pt_and_read_through_the_classic_path(
    client: StubClient, name: str
) -> None:
    client.ok(
        "POST", f"{ENDPOINTS}/pt", {"name": name, "config": {"served_entities": [units(burst_scaling_enabled=True)]}}
    )
    entity = client.settle(name)["config"]["served_entities"][0]
    assert (entity["provisioned_model_units"], entity["burst_scaling_enabled"]) == (50, True)
    wanted = {"config": {"served_entities": [units(provisioned_model_units=100)]}}
    client.ok("PUT", f"{ENDPOINTS}/pt/{name}/config", wanted)
    entity = client.settle(name)["config"]["served_entities"][0]
    assert entity["provisioned_model_units"] == 100
    assert "burst_scaling_enabled" not in entity
    assert client.ok("DELETE", f"{ENDPOINTS}/{name}") == {}


def test_deleted_endpoint_is_gone_and_its_name_is_free(client: StubClient, name: str) -> None:
    first = client.create(name)
    assert client.ok("DELETE", f"{ENDPOINTS}/{name}?") == {}
    for method, path in (("GET", f"{ENDPOINTS}/{name}"), ("DELETE", f"{ENDPOINTS}/{name}")):
        reply = client.send(method, path)
        assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")
    assert client.create(name)["id"] != first["id"]


def test_endpoint_can_be_deleted_while_it_is_made(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    client.ok("DELETE", f"{ENDPOINTS}/{name}")
    assert client.send("GET", f"{ENDPOINTS}/{name}").status == 404


def test_used_name_is_refused(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name})
    for path, config in (
        (ENDPOINTS, {"served_entities": [bands()]}),
        (f"{ENDPOINTS}/pt", {"served_entities": [units()]}),
    ):
        reply = client.send("POST", path, {"name": name, "config": config})
        assert (reply.status, reply.error_code) == (400, "RESOURCE_ALREADY_EXISTS")


def test_list_shows_the_reduced_form(client: StubClient, name: str) -> None:
    client.create(name, description="for search")
    (listed,) = [e for e in client.ok("GET", ENDPOINTS)["endpoints"] if e["name"] == name]
    assert listed["config"]["served_entities"] == [
        {"name": "llama_v3_3_70b_instruct-1", "entity_name": LLAMA, "entity_version": "1"}
    ]
    assert listed["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
    assert listed["description"] == "for search"


def test_failed_create_serves_nothing_and_says_why(client: StubClient, name: str) -> None:
    client.ok("POST", "/stub/faults", {"endpoint": name, "operation": "create", "reason": "no GPU capacity"})
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    failed = client.settle(name)
    assert state_of(failed) == ("NOT_READY", "UPDATE_FAILED")
    assert "config" not in failed
    (entity,) = failed["pending_config"]["served_entities"]
    assert entity["state"] == {"deployment": "DEPLOYMENT_FAILED", "deployment_state_message": "no GPU capacity"}
    logs = client.ok("GET", f"{ENDPOINTS}/{name}/served-models/{entity['name']}/build-logs")["logs"]
    assert logs.strip().endswith("no GPU capacity")


def test_failed_update_keeps_the_old_config_serving(client: StubClient, name: str) -> None:
    client.create(name)
    client.ok("POST", "/stub/faults", {"endpoint": name, "operation": "update", "reason": "image build failed"})
    wanted = {"served_entities": [bands(max_provisioned_throughput=2940)]}
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", wanted)
    failed = client.settle(name)
    assert state_of(failed) == ("READY", "UPDATE_FAILED")
    assert failed["config"]["config_version"] == 1
    assert failed["config"]["served_entities"][0]["max_provisioned_throughput"] == 1960
    assert failed["pending_config"]["served_entities"][0]["max_provisioned_throughput"] == 2940
    chat = {"messages": [{"role": "user", "content": "still there?"}]}
    assert client.send("POST", f"/serving-endpoints/{name}/invocations", chat).status == 200
    assert state_of(client.settle(name)) == ("READY", "UPDATE_FAILED")
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", wanted)  # the fault is used up
    recovered = client.settle(name)
    assert state_of(recovered) == ("READY", "NOT_UPDATING")
    assert recovered["config"]["config_version"] == 3
    assert "pending_config" not in recovered


def test_fault_of_one_entity_aborts_the_others(client: StubClient, name: str) -> None:
    client.ok("POST", "/stub/faults", {"endpoint": name, "entity": "b", "reason": "bad weights"})
    entities = [bands(name=entity) for entity in "abc"]
    routes = [{"served_entity_name": "a", "traffic_percentage": 100}]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    client.ok("POST", ENDPOINTS, {"name": name, "config": config})
    assert deployments(client.settle(name)["pending_config"]) == {
        "a": "DEPLOYMENT_ABORTED",
        "b": "DEPLOYMENT_FAILED",
        "c": "DEPLOYMENT_ABORTED",
    }


def test_fault_happens_the_given_number_of_times_for_its_operation_only(client: StubClient, name: str) -> None:
    client.ok("POST", "/stub/faults", {"endpoint": name, "operation": "update", "reason": "twice", "times": 2})
    assert state_of(client.create(name)) == ("READY", "NOT_UPDATING")
    outcomes = []
    for _ in range(3):
        client.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [bands()]})
        outcomes.append(client.settle(name)["state"]["config_update"])
    assert outcomes == ["UPDATE_FAILED", "UPDATE_FAILED", "NOT_UPDATING"]


def test_refused_update_uses_up_no_fault(client: StubClient, name: str) -> None:
    client.create(name)
    client.ok("POST", "/stub/faults", {"endpoint": name, "reason": "later"})
    assert client.send("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": []}).status == 400
    assert name in [fault["endpoint"] for fault in client.ok("GET", "/stub/status")["faults"]]


@pytest.mark.parametrize(
    "fault", [{"operation": "delete"}, {"times": 0}, {"reason": ""}, {"endpoint": "a/b"}, {"times": "x"}]
)
def test_fault_that_cannot_happen_is_refused(client: StubClient, name: str, fault: dict[str, Any]) -> None:
    reply = client.send("POST", "/stub/faults", {"endpoint": name, "reason": "r", **fault})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")


def settling(state_dir: Path, rule: str) -> StubClient:
    running = process.start(state_dir, settle=rule)
    return StubClient(running.host, running.token)


def test_settle_at_once_needs_no_read(state_dir: Path) -> None:
    client = settling(state_dir, "at-once")
    created = client.ok("POST", ENDPOINTS, {"name": "e", "config": {"served_entities": [bands()]}})
    assert state_of(created) == ("READY", "NOT_UPDATING")
    client.ok("POST", "/stub/faults", {"endpoint": "e", "reason": "no"})
    assert state_of(client.ok("PUT", f"{ENDPOINTS}/e/config", {"served_entities": [bands()]})) == (
        "READY",
        "UPDATE_FAILED",
    )


def test_settle_after_reads_counts_them(state_dir: Path) -> None:
    client = settling(state_dir, "reads:3")
    client.ok("POST", ENDPOINTS, {"name": "e", "config": {"served_entities": [bands()]}})
    seen = [client.ok("GET", f"{ENDPOINTS}/e")["state"]["config_update"] for _ in range(5)]
    assert seen == ["IN_PROGRESS"] * 3 + ["NOT_UPDATING"] * 2


def test_settle_after_a_time_does_not_depend_on_reads(state_dir: Path) -> None:
    client = settling(state_dir, "ms:999999999")
    client.ok("POST", ENDPOINTS, {"name": "e", "config": {"served_entities": [bands()]}})
    assert {client.ok("GET", f"{ENDPOINTS}/e")["state"]["config_update"] for _ in range(5)} == {"IN_PROGRESS"}


def test_settle_rules_are_read() -> None:
    assert parse("reads:2") == Settle(reads=2)
    assert parse("ms:300") == Settle(reads=0, milliseconds=300)
    assert parse("at-once").is_at_once
    assert parse("manual").is_manual and not parse("manual").is_at_once
    assert parse("ms:0").is_at_once


@pytest.mark.parametrize(
    "rule", ["", "reads", "reads:", "reads:-1", "reads:1.5", "ms:x", "s:3", "reads:²", "reads:9999999999"]
)
def test_other_settle_rules_are_refused(rule: str) -> None:
    with pytest.raises(ValueError, match="use reads:N, ms:N, manual or at-once"):
        parse(rule)
