"""What a read shows of what was sent: nothing added that clients would take for drift, nothing lost."""

from typing import Any

from tests.stub.stub_client import ENDPOINTS, GTE, LLAMA, StubClient, bands, units

FILLED_IN = {
    "name",
    "id",
    "creator",
    "creation_timestamp",
    "last_updated_timestamp",
    "state",
    "description",
    "task",
    "permission_level",
    "route_optimized",
    "config",
}


def test_bare_endpoint_shows_nothing_that_was_not_sent(client: StubClient, name: str) -> None:
    endpoint = client.create(name)
    assert set(endpoint) == FILLED_IN
    assert endpoint["route_optimized"] is False
    assert endpoint["description"] == ""
    (entity,) = endpoint["config"]["served_entities"]
    assert set(entity) == {
        "name",
        "entity_name",
        "entity_version",
        "min_provisioned_throughput",
        "max_provisioned_throughput",
        "creator",
        "creation_timestamp",
        "state",
    }
    assert entity["entity_version"] == "1"


def test_explicit_zero_and_false_are_shown(client: StubClient, name: str) -> None:
    (entity,) = client.create(name, bands(min_provisioned_throughput=0, scale_to_zero_enabled=False))["config"][
        "served_entities"
    ]
    assert (entity["min_provisioned_throughput"], entity["scale_to_zero_enabled"]) == (0, False)


def test_the_one_route_there_can_be_is_filled_in_with_both_names(client: StubClient, name: str) -> None:
    assert client.create(name, bands(name="a"))["config"]["traffic_config"] == {
        "routes": [{"served_entity_name": "a", "served_model_name": "a", "traffic_percentage": 100}]
    }


def test_routes_are_shown_as_they_were_written_and_in_their_order(client: StubClient, name: str) -> None:
    routes: list[dict[str, Any]] = [
        {"served_model_name": "c", "traffic_percentage": 20},
        {"served_entity_name": "a", "traffic_percentage": 80},
        {"served_entity_name": "b", "served_model_name": "b", "traffic_percentage": 0},
    ]
    entities = [bands(name=entity) for entity in "bac"]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    client.ok("POST", ENDPOINTS, {"name": name, "config": config})
    shown = client.settle(name)["config"]
    assert shown["traffic_config"] == {"routes": routes}
    assert [entity["name"] for entity in shown["served_entities"]] == ["b", "a", "c"]


def test_s25_served_models_are_shown_in_both_views(client: StubClient, name: str) -> None:
    model = {
        "model_name": GTE,
        "model_version": 1,
        "workload_size": "Small",
        "workload_type": "GPU_SMALL",
        "scale_to_zero_enabled": False,
    }
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_models": [model]}})
    shown = client.settle(name)["config"]
    (served,) = shown["served_models"]
    assert (served["model_name"], served["model_version"], served["workload_type"]) == (GTE, "1", "GPU_SMALL")
    (entity,) = shown["served_entities"]
    assert (entity["entity_name"], entity["entity_version"], entity["name"]) == (GTE, "1", served["name"])


def test_settings_are_shown_as_sent_but_those_the_platform_hides(client: StubClient, name: str) -> None:
    shown = {
        "description": "answers customers",
        "ai_gateway": {"usage_tracking_config": {}, "rate_limits": [{"calls": 5, "renewal_period": "minute"}]},
        "email_notifications": {"on_update_failure": ["a@example.com"]},
        "route_optimized": True,
    }
    hidden = {"budget_policy_id": "b-1", "rate_limits": [{"calls": 1, "key": "user", "renewal_period": "minute"}]}
    endpoint = client.create(name, **shown, **hidden)
    assert {key: endpoint[key] for key in shown} == shown
    assert not hidden.keys() & endpoint.keys()
    assert endpoint["effective_budget_policy_id"] == "b-1"
    stored = client.ok("GET", f"/stub/endpoints/{name}")["settings"]
    assert {key: stored[key] for key in hidden} == hidden


def test_config_name_of_the_python_sdk_is_ignored(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"name": name, "served_entities": [bands()]}})
    assert "name" not in client.settle(name)["config"]


def test_plaintext_secrets_never_come_back_and_are_not_kept(client: StubClient, name: str) -> None:
    external = {
        "name": "gpt.x",
        "provider": "openai",
        "task": "llm/v1/chat",
        "openai_config": {"openai_api_key_plaintext": "hunter2", "openai_api_type": "openai"},
    }
    endpoint = client.create(name, {"external_model": external})
    (entity,) = endpoint["config"]["served_entities"]
    assert entity["external_model"]["openai_config"] == {"openai_api_type": "openai"}
    assert entity["name"] == "gpt-x"
    assert "hunter2" not in str(client.ok("GET", f"/stub/endpoints/{name}"))


def test_tags_are_added_replaced_and_deleted(client: StubClient, name: str) -> None:
    client.create(name, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": ""}, {"key": "c"}])
    change = {"add_tags": [{"key": "a", "value": "2"}, {"key": "d"}], "delete_tags": ["c", "unknown"]}
    tags = [{"key": "a", "value": "2"}, {"key": "b", "value": ""}, {"key": "d"}]
    assert client.ok("PATCH", f"{ENDPOINTS}/{name}/tags", change) == {"tags": tags}
    assert client.ok("GET", f"{ENDPOINTS}/{name}")["tags"] == tags


def test_tags_that_were_all_deleted_are_left_out(client: StubClient, name: str) -> None:
    client.create(name, tags=[{"key": "a"}])
    client.ok("PATCH", f"{ENDPOINTS}/{name}/tags", {"delete_tags": ["a"]})
    (listed,) = (row for row in client.ok("GET", ENDPOINTS)["endpoints"] if row["name"] == name)
    for shown in (client.ok("GET", f"{ENDPOINTS}/{name}"), listed):
        assert "tags" not in shown
        assert shown["description"] == ""


def test_ai_gateway_is_replaced_whole_and_cleared_by_an_empty_object(client: StubClient, name: str) -> None:
    client.create(name, ai_gateway={"usage_tracking_config": {"enabled": True}})
    gateway = {"rate_limits": [{"tokens": 100, "renewal_period": "minute"}]}
    assert client.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", gateway) == gateway
    assert client.ok("GET", f"{ENDPOINTS}/{name}")["ai_gateway"] == gateway
    client.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", {})
    assert "ai_gateway" not in client.ok("GET", f"{ENDPOINTS}/{name}")


def test_notifications_and_rate_limits_are_set(client: StubClient, name: str) -> None:
    client.create(name)
    wanted = {"email_notifications": {"on_update_failure": ["a@example.com"], "on_update_success": []}}
    assert client.ok("PATCH", f"{ENDPOINTS}/{name}/notifications", wanted) == {"name": name, **wanted}
    assert client.ok("GET", f"{ENDPOINTS}/{name}")["email_notifications"] == wanted["email_notifications"]
    limits = {"rate_limits": [{"calls": 5, "key": "endpoint", "renewal_period": "minute"}]}
    assert client.ok("PUT", f"{ENDPOINTS}/{name}/rate-limits", limits) == limits


def test_settings_change_while_an_update_runs_and_outlast_it(client: StubClient, name: str) -> None:
    client.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands()]}})
    client.ok("PATCH", f"{ENDPOINTS}/{name}/tags", {"add_tags": [{"key": "a", "value": "1"}]})
    endpoint = client.settle(name)
    assert (endpoint["tags"], endpoint["state"]["ready"]) == ([{"key": "a", "value": "1"}], "READY")


def test_changes_of_a_missing_endpoint_do_not_exist(client: StubClient, name: str) -> None:
    for method, path, body in (
        ("PUT", "config", {"served_entities": [bands()]}),
        ("PATCH", "tags", {}),
        ("PUT", "ai-gateway", {}),
        ("PATCH", "notifications", {}),
        ("PUT", "rate-limits", {}),
        ("GET", "metrics", None),
        ("GET", "served-models/x/logs", None),
    ):
        reply = client.send(method, f"{ENDPOINTS}/{name}/{path}", body)
        assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST"), path
    assert client.send("PUT", f"{ENDPOINTS}/pt/{name}/config", {"config": {"served_entities": [units()]}}).status == 404


def test_logs_and_metrics_of_a_served_model(client: StubClient, name: str) -> None:
    client.create(name, bands(name="a"))
    assert client.ok("GET", f"{ENDPOINTS}/{name}/served-models/a/logs")["logs"]
    assert client.ok("GET", f"{ENDPOINTS}/{name}/served-models/a/build-logs")["logs"].endswith("done\n")
    assert client.send("GET", f"{ENDPOINTS}/{name}/served-models/b/logs").status == 404
    metrics = client.send("GET", f"{ENDPOINTS}/{name}/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert f'request_count_total{{endpoint_name="{name}",served_entity_name="a"}} 0' in metrics.body


def test_version_bump_keeps_other_fields(client: StubClient, name: str) -> None:
    client.create(name, bands(name="llm"), description="kept", tags=[{"key": "a", "value": "1"}])
    client.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [bands(name="llm", entity_version="2")]})
    endpoint = client.settle(name)
    (entity,) = endpoint["config"]["served_entities"]
    assert (entity["entity_name"], entity["entity_version"]) == (LLAMA, "2")
    assert (endpoint["description"], endpoint["tags"]) == ("kept", [{"key": "a", "value": "1"}])
