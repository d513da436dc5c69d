"""What a read shows of what was sent, in plain HTTP: nothing that providers take for drift, nothing lost."""

import json

import pytest

from tests.contract.target import ENDPOINTS, Target


def test_config_is_replaced_whole_so_an_absent_minimum_is_none(target: Target, name: str) -> None:
    target.create(name, target.bands(low=1, high=1))
    entity = {**target.bands(high=1), "name": target.model("chat").served_name}
    del entity["min_provisioned_throughput"]
    target.ok("PUT", f"{ENDPOINTS}/{name}/config", {"served_entities": [entity]})
    (served,) = target.settle(name)["config"]["served_entities"]
    assert served.get("min_provisioned_throughput", 0) == 0


def test_routes_keep_their_order_and_the_names_they_were_written_with(target: Target, name: str) -> None:
    routes = [
        {"served_model_name": "b", "traffic_percentage": 30},
        {"served_entity_name": "a", "traffic_percentage": 70},
    ]
    entities = [target.bands(name="a"), target.bands(name="b")]
    config = {"served_entities": entities, "traffic_config": {"routes": routes}}
    target.ok("POST", ENDPOINTS, {"name": name, "config": config})
    shown = target.settle(name)["config"]
    assert shown["traffic_config"]["routes"] == routes
    assert [entity["name"] for entity in shown["served_entities"]] == ["a", "b"]
    assert [model["model_name"] for model in shown["served_models"]] == [target.model("chat").name] * 2


def test_nothing_is_added_that_providers_take_for_drift(target: Target, name: str) -> None:
    shown = target.create(name)
    for absent in ("ai_gateway", "email_notifications", "rate_limits", "budget_policy_id"):
        assert absent not in shown
    assert not shown.get("description")
    (entity,) = shown["config"]["served_entities"]
    for absent in ("scale_to_zero_enabled", "burst_scaling_enabled", "workload_size"):
        assert not entity.get(absent)


def test_compute_without_a_type_is_cpu(target: Target, name: str) -> None:
    if not target.is_stub:
        pytest.skip("needs a custom model")
    model = {"entity_name": "system.ai.bge_large_en_v1_5", "entity_version": "1", "workload_size": "Small"}
    (entity,) = target.create(name, model)["config"]["served_entities"]
    assert entity["workload_type"] == "CPU"


@pytest.mark.parametrize("field", ["rate_limits", "budget_policy_id"])
@pytest.mark.stub_only  # a budget policy must exist in a real workspace
def test_setting_is_taken_and_never_shown(target: Target, name: str, field: str) -> None:
    values = {
        "rate_limits": [{"calls": 9, "key": "user", "renewal_period": "minute"}],
        "budget_policy_id": "policy-1",
    }
    assert field not in target.create(name, **{field: values[field]})
    assert target.ok("GET", f"/stub/endpoints/{name}")["settings"][field] == values[field]


def test_gateway_is_replaced_whole_and_cleared_by_an_empty_object(target: Target, name: str) -> None:
    target.create(name, ai_gateway={"usage_tracking_config": {"enabled": True}})
    gateway = {"rate_limits": [{"calls": 100, "key": "user", "renewal_period": "minute"}]}
    assert target.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", gateway) == gateway
    assert target.ok("GET", f"{ENDPOINTS}/{name}")["ai_gateway"] == gateway
    target.ok("PUT", f"{ENDPOINTS}/{name}/ai-gateway", {})
    assert "ai_gateway" not in target.ok("GET", f"{ENDPOINTS}/{name}")


@pytest.mark.stub_only  # it needs a secret scope
def test_plaintext_secret_never_comes_back(target: Target, name: str) -> None:
    config = {"openai_api_key_plaintext": "hunter2"}
    external = {"name": "gpt.x", "provider": "openai", "task": "llm/v1/chat", "openai_config": config}
    shown = target.create(name, {"external_model": external})
    assert "hunter2" not in json.dumps(shown)
    assert shown["config"]["served_entities"][0]["name"] == "gpt-x"
