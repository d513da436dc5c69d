"""Telemetry as the Databricks CLI's fake workspace and its recorded cases show it: names go in, a profile comes out."""

from typing import Any
from uuid import UUID

from tests.stub.stub_client import ENDPOINTS, Reply, StubClient, bands

EXTERNAL = {"name": "gpt", "provider": "openai", "task": "llm/v1/chat", "openai_config": {"openai_api_key": "{{a/b}}"}}
LOGS = {"table_names": {"logs_table": "main.default.test_logs"}}


def patch(client: StubClient, name: str, telemetry: Any) -> Reply:
    return client.send("PATCH", f"{ENDPOINTS}/{name}/telemetry-config", {"telemetry_config": telemetry})


def shown(client: StubClient, name: str) -> Any:
    return client.ok("GET", f"{ENDPOINTS}/{name}").get("telemetry_config")


def test_a_read_shows_the_profile_and_not_the_tables(client: StubClient, name: str) -> None:
    wanted = {**LOGS, "inference_table_config": {"sampling_fraction": 0.5}}
    telemetry = client.create(name, telemetry_config=wanted)["telemetry_config"]
    assert str(UUID(telemetry.pop("telemetry_profile_id")))
    assert telemetry == {"inference_table_config": {"sampling_fraction": 0.5, "name": "main.default.test_logs_payload"}}


def test_table_names_always_make_a_new_profile(client: StubClient, name: str) -> None:
    first = client.create(name, telemetry_config=LOGS)["telemetry_config"]["telemetry_profile_id"]
    assert patch(client, name, LOGS).body["telemetry_config"]["telemetry_profile_id"] != first


def test_a_profile_is_taken_as_it_is_and_what_names_none_changes_nothing(client: StubClient, name: str) -> None:
    client.create(name)
    assert "telemetry_config" not in patch(client, name, {"inference_table_config": {"sampling_fraction": 1}}).body
    assert patch(client, name, {"telemetry_profile_id": "p-1"}).status == 200
    assert patch(client, name, {"enabled_telemetry_features": ["LOGS"]}).status == 200
    assert shown(client, name) == {"telemetry_profile_id": "p-1"}


def test_a_request_without_telemetry_removes_it(client: StubClient, name: str) -> None:
    client.create(name, telemetry_config=LOGS)
    client.ok("PATCH", f"{ENDPOINTS}/{name}/telemetry-config", {})
    assert shown(client, name) is None


def test_telemetry_is_refused_while_an_update_runs(client: StubClient, name: str) -> None:
    client.create(name, telemetry_config=LOGS)
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [bands(max_provisioned_throughput=2940)]})
    reply = patch(client, name, LOGS)
    assert (reply.status, reply.error_code) == (409, "RESOURCE_CONFLICT")
    client.settle(name)
    assert patch(client, name, LOGS).status == 200


def test_external_and_empty_endpoints_take_no_telemetry(client: StubClient, name: str) -> None:
    client.create(f"{name}-x", {"external_model": EXTERNAL}, telemetry_config=LOGS)
    client.ok("POST", ENDPOINTS, {"name": f"{name}-n", "telemetry_config": LOGS})
    for suffix, kind in (("x", "EXTERNAL_MODELS"), ("n", "NO_CONFIG")):
        # A create drops it without a word; the request of its own is refused.
        assert shown(client, f"{name}-{suffix}") is None
        reply = patch(client, f"{name}-{suffix}", LOGS)
        assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
        assert f"'{kind}'" in reply.message


def test_parts_of_the_wrong_type_are_refused_with_their_place(client: StubClient, name: str) -> None:
    client.create(name)
    for telemetry, place in (
        ({"table_names": "t"}, "telemetry_config/table_names"),
        ({"table_names": {"logs_table": 1}}, "telemetry_config/table_names/logs_table"),
        ({"telemetry_profile_id": 1}, "telemetry_config/telemetry_profile_id"),
    ):
        reply = patch(client, name, telemetry)
        assert (reply.status, reply.message.startswith(f"{place}:")) == (400, True)
