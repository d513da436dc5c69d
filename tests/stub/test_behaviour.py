"""Switches between the ways in which a real workspace may behave; each test leaves the default behind."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.stub import process
from tests.stub.stub_client import ENDPOINTS, LLAMA, StubClient, bands, units

BEHAVIOUR = "/stub/behaviour"


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """A workspace of this module's own: a switch is for the whole workspace."""
    state_dir = tmp_path_factory.mktemp("switched-stub")
    yield process.start(state_dir)
    process.stop(state_dir)


@pytest.fixture
def client(own: process.Running) -> Iterator[StubClient]:
    made = StubClient(own.host, own.token)
    yield made
    made.ok("DELETE", BEHAVIOUR)


def switch(client: StubClient, **switches: bool) -> None:
    assert client.ok("PATCH", BEHAVIOUR, switches).items() >= switches.items()


def config(*entities: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"served_entities": list(entities), **fields}


def test_burst_scaling_may_be_hidden_as_the_live_service_does(client: StubClient, name: str) -> None:
    wanted = config(units(burst_scaling_enabled=True))
    client.ok("POST", f"{ENDPOINTS}/pt", {"name": name, "config": wanted})
    assert client.settle(name)["config"]["served_entities"][0]["burst_scaling_enabled"] is True
    switch(client, shows_burst_scaling=False)
    shown = client.ok("GET", f"{ENDPOINTS}/{name}")["config"]
    for view in ("served_entities", "served_models"):
        assert "burst_scaling_enabled" not in shown[view][0]
    assert client.ok("GET", f"/stub/endpoints/{name}")["config"]["entities"][0]["settings"]["burst_scaling_enabled"]


def test_scale_to_zero_may_read_as_false_on_provisioned_throughput(client: StubClient, name: str) -> None:
    on_throughput = bands(name="a", scale_to_zero_enabled=True)
    on_compute = {"name": "b", "entity_name": LLAMA, "entity_version": "1", "workload_size": "Small"}
    routes = [{"served_entity_name": n, "traffic_percentage": 50} for n in "ab"]
    wanted = config(on_throughput, {**on_compute, "scale_to_zero_enabled": True}, traffic_config={"routes": routes})
    client.ok("POST", ENDPOINTS, {"name": name, "config": wanted})
    for resets, seen in ((False, [True, True]), (True, [False, True])):
        switch(client, resets_scale_to_zero=resets)
        entities = client.settle(name)["config"]["served_entities"]
        assert [entity["scale_to_zero_enabled"] for entity in entities] == seen


def test_budget_policy_may_be_shown(client: StubClient, name: str) -> None:
    assert "budget_policy_id" not in client.create(name, budget_policy_id="policy-1")
    switch(client, shows_budget_policy=True)
    assert client.ok("GET", f"{ENDPOINTS}/{name}")["budget_policy_id"] == "policy-1"
    assert client.ok("GET", ENDPOINTS)["endpoints"][-1]["budget_policy_id"] == "policy-1"


def test_config_may_be_empty_instead_of_absent_while_the_first_one_is_deployed(client: StubClient, name: str) -> None:
    switch(client, shows_config_while_creating=True)
    made = client.ok("POST", ENDPOINTS, {"name": name, "config": config(bands())})
    assert (made["config"]["config_version"], made["config"]["served_entities"]) == (0, [])
    assert client.settle(name)["config"]["config_version"] == 1


def test_prefix_of_an_inference_table_may_be_filled_in(client: StubClient, name: str) -> None:
    table = {"enabled": True, "catalog_name": "ml", "schema_name": "logs"}
    gateway = {"inference_table_config": table}
    assert client.create(name, ai_gateway=gateway)["ai_gateway"] == gateway
    switch(client, fills_in_table_prefix=True)
    shown = client.ok("GET", f"{ENDPOINTS}/{name}")["ai_gateway"]["inference_table_config"]
    assert shown == {**table, "table_name_prefix": name}


@pytest.mark.parametrize("key", ["catalog_name", "schema_name", "table_name_prefix"])
def test_inference_table_has_names_of_unity_catalog(client: StubClient, name: str, key: str) -> None:
    table = {"enabled": True, "catalog_name": "ml", "schema_name": "logs", "table_name_prefix": "chat", key: "a.b"}
    body = {"name": name, "config": config(bands()), "ai_gateway": {"inference_table_config": table}}
    reply = client.send("POST", ENDPOINTS, body)
    assert (reply.status, f"{key}: 'a.b' is not a valid name; use no dots" in reply.message) == (400, True)


def test_endpoint_may_be_not_ready_while_it_is_updated(client: StubClient, name: str) -> None:
    client.create(name)
    switch(client, stays_ready_while_updating=False)
    updating = client.ok("PUT", f"{ENDPOINTS}/{name}/config", config(bands(max_provisioned_throughput=2940)))
    assert updating["state"] == {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}
    assert client.settle(name)["state"]["ready"] == "READY"


def test_failed_config_may_be_dropped(client: StubClient, name: str) -> None:
    switch(client, keeps_failed_config=False)
    client.create(name)
    client.ok("POST", "/stub/faults", {"endpoint": name, "reason": "no GPU"})
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", config(bands(max_provisioned_throughput=2940)))
    failed = client.settle(name)
    assert failed["state"] == {"ready": "READY", "config_update": "UPDATE_FAILED"}
    assert "pending_config" not in failed
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", config(bands(max_provisioned_throughput=2940)))
    assert client.settle(name)["config"]["served_entities"][0]["max_provisioned_throughput"] == 2940


def test_stale_route_may_be_pointed_at_the_one_entity(client: StubClient, name: str) -> None:
    client.create(name, bands(name="old"))
    routes = {"routes": [{"served_entity_name": "old", "traffic_percentage": 100}]}
    renamed = config(bands(name="new"), traffic_config=routes)
    path = f"{ENDPOINTS}/{name}/config"
    assert client.send("PUT", path, renamed).status == 400
    switch(client, repoints_stale_routes=True)
    client.ok("PUT", path, renamed)
    assert client.settle(name)["config"]["traffic_config"] == {
        "routes": [{"served_entity_name": "new", "traffic_percentage": 100}]
    }
    two = config(bands(name="a"), bands(name="b"), traffic_config=routes)
    assert client.send("PUT", path, two).status == 400


def test_model_that_is_not_there_yet_may_be_accepted_and_is_looked_for_at_the_end(
    client: StubClient, name: str
) -> None:
    entity = {
        "entity_name": f"ml.later.{name.replace('-', '_')}_llama",
        "entity_version": "1",
        "workload_size": "Small",
    }
    wanted = {"name": name, "config": config(entity)}
    assert client.send("POST", ENDPOINTS, wanted).status == 404
    switch(client, accepts_unknown_models=True)
    client.ok("POST", ENDPOINTS, wanted)
    failed = client.settle(name)
    assert failed["state"]["config_update"] == "UPDATE_FAILED"
    message = failed["pending_config"]["served_entities"][0]["state"]["deployment_state_message"]
    assert "does not exist" in message
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", config(bands()))
    assert client.settle(name)["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}


def test_used_name_may_be_a_409(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name})
    switch(client, answers_409_to_used_names=True)
    reply = client.send("POST", ENDPOINTS, {"name": name})
    assert (reply.status, reply.error_code) == (409, "RESOURCE_ALREADY_EXISTS")


def test_switch_outlives_a_restart_and_is_reset(tmp_path: Path) -> None:
    first = process.start(tmp_path)
    try:
        switch(StubClient(first.host, first.token), shows_burst_scaling=False)
        process.stop(tmp_path)
        second = process.start(tmp_path)
        client = StubClient(second.host, second.token)
        assert client.ok("GET", BEHAVIOUR)["shows_burst_scaling"] is False
        assert client.ok("DELETE", BEHAVIOUR)["shows_burst_scaling"] is True
    finally:
        process.stop(tmp_path)


@pytest.mark.parametrize("body", [{"flies": True}, {"shows_burst_scaling": "no"}])
def test_other_switches_are_refused_and_nothing_is_switched(client: StubClient, body: dict[str, Any]) -> None:
    before = client.ok("GET", BEHAVIOUR)
    reply = client.send("PATCH", BEHAVIOUR, {"keeps_failed_config": False, **body})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert client.ok("GET", BEHAVIOUR) == before


def test_pay_per_token_endpoints_may_be_listed_first_without_id_creator_or_tags(client: StubClient, name: str) -> None:
    client.create(name)
    own = client.ok("GET", ENDPOINTS)["endpoints"]
    switch(client, lists_pay_per_token=True)
    listed = client.ok("GET", ENDPOINTS)["endpoints"]
    assert listed[-len(own) :] == own
    platforms = listed[: -len(own)]
    assert len(platforms) >= 24
    for endpoint in platforms:
        # The fields that github.com/mondoohq/mql pull 9770 saw in a live workspace, in the list and by themselves.
        assert set(endpoint) == {
            *("capabilities", "config", "creation_timestamp", "endpoint_type", "last_updated_timestamp", "name"),
            *("permission_level", "state", "task"),
        }
        assert endpoint["state"] == {"ready": "READY", "config_update": "NOT_UPDATING"}
        assert client.ok("GET", f"{ENDPOINTS}/{endpoint['name']}") == endpoint
    assert client.ok("GET", "/stub/status")["endpoints"] == len(own)


def test_pay_per_token_endpoints_answer_and_cannot_be_changed(client: StubClient) -> None:
    switch(client, lists_pay_per_token=True)
    gte, chat = "databricks-gte-large-en", "databricks-meta-llama-3-3-70b-instruct"
    vectors = client.ok("POST", f"/serving-endpoints/{gte}/invocations", {"input": ["one"]})["data"]
    assert len(vectors[0]["embedding"]) == 1024
    asked = {"model": chat, "messages": [{"role": "user", "content": "Hi"}]}
    assert client.ok("POST", "/serving-endpoints/chat/completions", asked)["model"] == chat
    for method, path, body in (
        ("DELETE", "", None),
        ("PUT", "/config", config(bands())),
        ("PATCH", "/tags", {"add_tags": [{"key": "a"}]}),
        ("PUT", "/ai-gateway", {}),
        ("PATCH", "/telemetry-config", {}),
    ):
        reply = client.send(method, f"{ENDPOINTS}/{gte}{path}", body)
        assert (reply.status, reply.error_code) == (403, "PERMISSION_DENIED"), path
    assert client.send("GET", f"/api/2.0/permissions/serving-endpoints/{gte}").message == (
        f"'{gte}' is not a valid Inference Endpoint ID."
    )
    switch(client, lists_pay_per_token=False)
    assert client.send("GET", f"{ENDPOINTS}/{gte}").status == 404


def test_new_fields_are_on_every_answer_until_a_request_leaves_them_out(client: StubClient, name: str) -> None:
    new = {"new_since_last_week": {"mode": "auto"}}
    gateway = {"usage_tracking_config": {"enabled": True}}
    client.create(name, bands(name="a"), ai_gateway=gateway)
    switch(client, adds_new_fields=True)

    def places() -> list[bool]:
        shown = client.settle(name)
        config = shown["config"]
        parts = (shown, config, config["served_entities"][0], config["served_models"][0], shown["ai_gateway"])
        return [part.items() >= new.items() for part in parts]

    assert places() == [True] * 5
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {**config(bands(name="a", **new)), **new})
    assert places() == [True] * 5
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", config(bands(name="a")))
    assert places() == [True, False, False, False, True]
    client.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", gateway)
    assert places() == [True, False, False, False, False]
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {**config(bands(name="a", **new)), **new})
    client.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", {**gateway, **new})
    assert places() == [True] * 5
    switch(client, adds_new_fields=False)
    assert places() == [False] * 5
