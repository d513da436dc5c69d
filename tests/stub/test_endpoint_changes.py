"""What an update of an endpoint cannot change, what the two forms of create differ in, and reports of what it serves."""

from typing import Any

import pytest

from tests.stub.stub_client import ENDPOINTS, LLAMA, StubClient, bands, units


def config(*entities: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"served_entities": list(entities), **fields}


EXTERNAL = {"name": "x", "external_model": {"name": "gpt-x", "provider": "openai", "task": "llm/v1/chat"}}


@pytest.mark.parametrize(("first", "second"), [(EXTERNAL, bands()), (bands(), EXTERNAL)])
def test_external_and_own_models_never_replace_each_other(
    client: StubClient, name: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    client.create(name, first)
    reply = client.send("PUT", f"{ENDPOINTS}/{name}/config", config(second))
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "cannot be switched between external models and other models" in reply.message


def test_external_models_of_one_endpoint_have_one_task(client: StubClient, name: str) -> None:
    other = {"name": "y", "external_model": {**EXTERNAL["external_model"], "task": "llm/v1/completions"}}  # type: ignore[dict-item]
    routes = {"routes": [{"served_entity_name": "x", "traffic_percentage": 100}]}
    reply = client.send("POST", ENDPOINTS, {"name": name, "config": config(EXTERNAL, other, traffic_config=routes)})
    assert (reply.status, "same task" in reply.message) == (400, True)


def test_table_of_captured_payloads_is_shown_and_keeps_its_name_while_enabled(client: StubClient, name: str) -> None:
    table = {"catalog_name": "ml", "schema_name": "logs", "table_name_prefix": "a"}
    wanted = config(bands(), auto_capture_config=table)
    client.ok("POST", ENDPOINTS, {"name": name, "config": wanted})
    shown = client.settle(name)["config"]["auto_capture_config"]
    payload = {"name": "a_payload", "status": "READY", "status_message": ""}
    assert shown == {**table, "enabled": True, "state": {"payload_table": payload}}
    path, renamed = f"{ENDPOINTS}/{name}/config", {**table, "table_name_prefix": "b"}
    reply = client.send("PUT", path, config(bands(), auto_capture_config=renamed))
    assert (reply.status, "table_name_prefix cannot be changed" in reply.message) == (400, True)
    disabled = {**table, "enabled": False}
    client.ok("PUT", path, config(bands(), auto_capture_config=disabled))
    assert client.settle(name)["config"]["auto_capture_config"] == disabled
    client.ok("PUT", path, config(bands(), auto_capture_config=renamed))
    assert client.settle(name)["config"]["auto_capture_config"]["table_name_prefix"] == "b"


def test_model_unit_form_has_no_description_and_no_route_optimization(client: StubClient, name: str) -> None:
    body = {"name": name, "config": config(units()), "description": "x", "route_optimized": True}
    client.ok("POST", f"{ENDPOINTS}/pt", body)
    endpoint = client.settle(name)
    assert (endpoint["description"], endpoint["route_optimized"]) == ("", False)


def test_build_log_names_the_reason_for_the_entity_that_failed_only(client: StubClient, name: str) -> None:
    client.ok("POST", "/stub/faults", {"endpoint": name, "reason": "bad weights"})
    routes = {"routes": [{"served_entity_name": "a", "traffic_percentage": 100}]}
    two = config(bands(name="a"), bands(name="b", entity_name=LLAMA), traffic_config=routes)
    client.ok("POST", ENDPOINTS, {"name": name, "config": two})
    client.settle(name)
    logs = [client.ok("GET", f"{ENDPOINTS}/{name}/served-models/{e}/build-logs")["logs"] for e in "ab"]
    assert ["bad weights" in log for log in logs] == [True, False]


def test_openapi_of_an_endpoint_says_what_a_query_must_have(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name, "config": config(bands())})
    assert client.send("GET", f"{ENDPOINTS}/{name}/openapi").status == 404
    client.settle(name)
    document = client.ok("GET", f"{ENDPOINTS}/{name}/openapi")
    assert document["servers"] == [{"url": f"{client.host}/serving-endpoints/{name}"}]
    asked = document["paths"]["/invocations"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert asked["required"] == ["messages"]
