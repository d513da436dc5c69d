"""Life of serving endpoints: what goes over the wire, and what previews and refreshes find afterwards."""

from collections.abc import Callable
from typing import Any

import pytest

from bandplan.plugin.values import UNKNOWN
from bandplan.stub.provider.diffing import Difference, Kind
from bandplan.stub.provider.ignoring import unignored

CLASSIC = "databricks:index/modelServing:ModelServing"
PT = "databricks:index/modelServingProvisionedThroughput:ModelServingProvisionedThroughput"
CREATED = ["POST SE", "GET SE/chat", "GET SE/chat", "GET SE/chat"]


@pytest.fixture
def pt_endpoint() -> Callable[..., dict[str, Any]]:
    def build(units: int = 50, **members: Any) -> dict[str, Any]:
        served = {"entityName": "system.ai.llama-4-maverick", "entityVersion": "1", "provisionedModelUnits": units}
        return {"name": "chat", "config": {"servedEntities": [served]}, **members}

    return build


def test_create_posts_waits_and_reads(driver: Any, proxy: Any, endpoint: Any) -> None:
    operation, resource = driver.up(CLASSIC, endpoint())
    assert (operation, resource.id) == ("create", "chat")
    assert proxy.trace() == CREATED
    assert len(resource.state["servingEndpointId"]) == 32


def test_provisioned_throughput_goes_to_its_own_path(driver: Any, proxy: Any, pt_endpoint: Any) -> None:
    driver.up(PT, pt_endpoint())
    assert proxy.requests[0].path == "/api/2.0/serving-endpoints/pt"
    assert proxy.requests[0].body == {
        "name": "chat",
        "config": {
            "served_entities": [
                {"entity_name": "system.ai.llama-4-maverick", "entity_version": "1", "provisioned_model_units": 50}
            ]
        },
    }
    proxy.trace()
    assert driver.up(PT, pt_endpoint(100))[0] == "update"
    config = proxy.requests[0].body["config"]
    assert config["served_entities"][0]["provisioned_model_units"] == 100
    assert proxy.trace() == ["PUT SE/pt/chat/config", *["GET SE/chat"] * 4]


SAMPLES: dict[str, dict[str, Any]] = {
    "plain": {},
    "tags": {"tags": [{"key": "team", "value": "ml"}, {"key": "empty"}]},
    "floor of zero": {"entity": {"minProvisionedThroughput": 0}},
    "named entity": {"entity": {"name": "main"}},
    "environment": {"entity": {"environmentVars": {"camelCase": "1", "snake_case": "2"}}},
    "description and notifications": {
        "description": "for tests",
        "emailNotifications": {"onUpdateFailures": ["a@example.com"], "onUpdateSuccesses": ["b@example.com"]},
    },
    "empty notifications": {"emailNotifications": {}},
    "budget and rate limits": {
        "budgetPolicyId": "policy",
        "rateLimits": [{"calls": 10, "key": "user", "renewalPeriod": "minute"}],
    },
    "route optimised": {"routeOptimized": True},
    "not route optimised": {"routeOptimized": False},
    "gateway": {
        "aiGateway": {
            "usageTrackingConfig": {"enabled": True},
            "rateLimits": [{"calls": 100, "key": "endpoint", "renewalPeriod": "minute"}],
            "inferenceTableConfig": {"enabled": True, "catalogName": "ml", "schemaName": "logs"},
            "guardrails": {"input": {"pii": {"behavior": "BLOCK"}, "invalidKeywords": ["x"], "safety": True}},
        }
    },
    "gateway with tracking off": {"aiGateway": {"usageTrackingConfig": {"enabled": False}}},
    "two entities": {
        "config": {
            "servedEntities": [
                {
                    "name": "zebra",
                    "entityName": "system.ai.meta_llama_v3_1_8b_instruct",
                    "entityVersion": "1",
                    "maxProvisionedThroughput": 970,
                },
                {
                    "name": "ape",
                    "entityName": "system.ai.llama_v3_3_70b_instruct",
                    "entityVersion": "1",
                    "maxProvisionedThroughput": 980,
                },
            ],
            "trafficConfig": {
                "routes": [
                    {"servedModelName": "zebra", "trafficPercentage": 90},
                    {"servedEntityName": "ape", "trafficPercentage": 10},
                ]
            },
        }
    },
    "served models": {
        "config": {
            "servedModels": [
                {
                    "modelName": "system.ai.meta_llama_v3_1_8b_instruct",
                    "modelVersion": "1",
                    "workloadSize": "Small",
                    "workloadType": "GPU_MEDIUM",
                    "scaleToZeroEnabled": False,
                }
            ]
        }
    },
    "served models, scale to zero not stated": {
        "config": {
            "servedModels": [
                {"modelName": "system.ai.meta_llama_v3_1_8b_instruct", "modelVersion": "1", "workloadSize": "Small"}
            ]
        }
    },
}


@pytest.mark.parametrize("sample", SAMPLES)
def test_preview_after_up_and_after_refresh_is_empty(driver: Any, endpoint: Any, sample: str) -> None:
    inputs = endpoint(**SAMPLES[sample])
    driver.up(CLASSIC, inputs)
    assert not driver.diff(CLASSIC, inputs).changes
    assert not driver.refresh()
    assert not driver.diff(CLASSIC, inputs).changes
    assert driver.up(CLASSIC, inputs)[0] == "same"


def test_provisioned_throughput_preview_after_up_and_after_refresh_is_empty(driver: Any, pt_endpoint: Any) -> None:
    inputs = pt_endpoint(tags=[{"key": "a", "value": "b"}])
    driver.up(PT, inputs)
    assert not driver.diff(PT, inputs).changes
    assert not driver.refresh()
    assert not driver.diff(PT, inputs).changes


def test_update_sends_config_then_tags_then_gateway(driver: Any, proxy: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint(tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "1"}]))
    proxy.trace()
    operation, _ = driver.up(
        CLASSIC,
        endpoint(
            {"entityVersion": "2"},
            tags=[{"key": "a", "value": "2"}],
            aiGateway={"usageTrackingConfig": {"enabled": True}},
        ),
    )
    assert operation == "update"
    config, gateway = proxy.bodies("PUT")
    assert config["served_entities"][0]["entity_version"] == "2"
    # What the workspace had filled goes back: the old name, and routes to it.
    assert config["served_entities"][0]["name"] == "meta_llama_v3_1_8b_instruct-1"
    assert config["traffic_config"]["routes"][0]["traffic_percentage"] == 100
    assert proxy.bodies("PATCH") == [{"add_tags": [{"key": "a", "value": "2"}], "delete_tags": ["b"]}]
    assert gateway == {"usage_tracking_config": {"enabled": True}}
    writes = [line for line in proxy.trace() if not line.startswith("GET")]
    assert writes == ["PUT SE/chat/config", "PATCH SE/chat/tags", "PUT SE/chat/ai-gateway"]


def test_change_of_tags_alone_sends_tags_alone(driver: Any, proxy: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint())
    proxy.trace()
    driver.up(CLASSIC, endpoint(tags=[{"key": "a", "value": "1"}]))
    assert proxy.trace() == ["PATCH SE/chat/tags", "GET SE/chat"]


def test_removed_gateway_is_cleared(driver: Any, proxy: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint(aiGateway={"usageTrackingConfig": {"enabled": True}}))
    proxy.trace()
    assert driver.up(CLASSIC, endpoint())[0] == "update"
    assert proxy.bodies("PUT") == [{}]
    assert not driver.refresh()


def test_zero_floor_and_false_are_left_out_of_requests(driver: Any, proxy: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint({"minProvisionedThroughput": 0, "scaleToZeroEnabled": False}))
    (entity,) = proxy.requests[0].body["config"]["served_entities"]
    assert not {"min_provisioned_throughput", "scale_to_zero_enabled"}.intersection(entity)


def test_floor_lowered_to_zero_is_applied(driver: Any, endpoint: Any, workspace_call: Any) -> None:
    driver.up(CLASSIC, endpoint())
    inputs = endpoint({"minProvisionedThroughput": 0})
    assert list(driver.diff(CLASSIC, inputs).detailed_diff) == ["config.servedEntities[0].minProvisionedThroughput"]
    driver.up(CLASSIC, inputs)
    live = workspace_call("GET", "/api/2.0/serving-endpoints/chat")
    assert not live["config"]["served_entities"][0].get("min_provisioned_throughput")
    assert not driver.diff(CLASSIC, inputs).changes


@pytest.mark.parametrize(
    ("members", "is_planned_again"),
    [
        ({"description": "new"}, True),
        ({"emailNotifications": {"onUpdateFailures": ["new@example.com"]}}, True),
        # The workspace never returns these: what was planned is all that the state can hold.
        ({"rateLimits": [{"calls": 1, "renewalPeriod": "minute"}]}, False),
        ({"budgetPolicyId": "new"}, False),
    ],
)
def test_what_the_published_provider_never_sends_is_planned_not_sent_and_planned_again_when_it_can_be_read(
    driver: Any, proxy: Any, endpoint: Any, members: dict[str, Any], is_planned_again: bool
) -> None:
    driver.up(CLASSIC, endpoint())
    proxy.trace()
    assert driver.up(CLASSIC, endpoint(**members))[0] == "update"
    assert proxy.trace() == ["GET SE/chat"]
    assert bool(driver.diff(CLASSIC, endpoint(**members)).changes) == is_planned_again
    driver.refresh()
    assert bool(driver.diff(CLASSIC, endpoint(**members)).changes) == is_planned_again


def test_what_the_program_ignores_is_neither_planned_nor_sent_once_the_state_has_moved_on(
    driver: Any, proxy: Any, pt_endpoint: Any, workspace_call: Any
) -> None:
    driver.ignored = ["config", "emailNotifications"]
    driver.up(PT, pt_endpoint(50, tags=[{"key": "a", "value": "1"}]))
    entity = {"entity_name": "system.ai.llama-4-maverick", "entity_version": "1", "provisioned_model_units": 100}
    path = "/api/2.0/serving-endpoints"
    workspace_call("PUT", f"{path}/pt/chat/config", {"config": {"served_entities": [entity]}})
    workspace_call(
        "PATCH", f"{path}/chat/notifications", {"email_notifications": {"on_update_failure": ["b@x.example"]}}
    )
    driver.up(PT, pt_endpoint(50, tags=[{"key": "a", "value": "2"}]))  # its last read takes both into the state

    assert driver.resources["chat"].state["config"]["servedEntities"][0]["provisionedModelUnits"] == 100
    assert not driver.diff(PT, pt_endpoint(50, tags=[{"key": "a", "value": "2"}])).changes
    proxy.trace()
    assert driver.up(PT, pt_endpoint(50, tags=[{"key": "a", "value": "3"}]))[0] == "update"
    assert [line for line in proxy.trace() if not line.startswith("GET")] == ["PATCH SE/chat/tags"]


@pytest.mark.parametrize(
    ("ignored", "is_ignored"),
    [
        ("config", True),
        ("config.servedEntities[0]", True),
        ("config.servedEntities[*].provisionedModelUnits", True),
        ("config.servedEntities[1]", False),
        ("conf", False),
        ("config.servedEntities[0].provisionedModel", False),
    ],
)
def test_ignored_path_covers_itself_and_what_is_below_it(ignored: str, is_ignored: bool) -> None:
    units = Difference("config.servedEntities[0].provisionedModelUnits", Kind.UPDATE, replaces=False)
    assert unignored([units], [ignored]) == ([] if is_ignored else [units])


def test_route_optimisation_replaces_a_named_endpoint_delete_first(driver: Any, proxy: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint())
    proxy.trace()
    assert driver.up(CLASSIC, endpoint(routeOptimized=True))[0] == "replace"
    assert proxy.trace() == ["DELETE SE/chat", *CREATED]


def test_generated_name_is_kept_and_replaced_create_first(driver: Any, endpoint: Any) -> None:
    inputs = endpoint()
    del inputs["name"]
    _, first = driver.up(CLASSIC, inputs)
    assert first.id.startswith("chat-")
    assert len(first.id) == len("chat-") + 7
    assert driver.up(CLASSIC, inputs)[0] == "same"
    diff = driver.diff(CLASSIC, {**inputs, "routeOptimized": True})
    assert (diff.replaces, diff.delete_before_replace) == (["routeOptimized"], False)


def test_endpoint_deleted_by_somebody_else_leaves_the_state_and_delete_of_it_succeeds(
    driver: Any, endpoint: Any, workspace_call: Any
) -> None:
    _, resource = driver.up(CLASSIC, endpoint())
    workspace_call("DELETE", "/api/2.0/serving-endpoints/chat")
    assert driver.refresh()
    assert driver.resources == {}
    driver.delete(resource)


def test_band_changed_by_somebody_else_shows_after_refresh(driver: Any, endpoint: Any, workspace_call: Any) -> None:
    driver.up(CLASSIC, endpoint())
    entity = {
        "entity_name": "system.ai.meta_llama_v3_1_8b_instruct",
        "entity_version": "1",
        "min_provisioned_throughput": 970,
        "max_provisioned_throughput": 2910,
    }
    workspace_call("PUT", "/api/2.0/serving-endpoints/chat/config", {"served_entities": [entity]})
    for _ in range(2):  # settle
        workspace_call("GET", "/api/2.0/serving-endpoints/chat")
    assert driver.refresh()
    assert list(driver.diff(CLASSIC, endpoint()).detailed_diff) == ["config.servedEntities[0].maxProvisionedThroughput"]


def test_import_finds_inputs_that_plan_no_change(driver: Any, endpoint: Any) -> None:
    inputs = endpoint(tags=[{"key": "a", "value": "b"}], description="x")
    driver.up(CLASSIC, inputs)
    found, _ = driver.imported(CLASSIC, "chat")
    found["config"].pop("trafficConfig", None)
    assert found == inputs


def test_preview_passes_inputs_and_leaves_the_rest_unknown(driver: Any, proxy: Any, endpoint: Any) -> None:
    planned = driver.preview_create(CLASSIC, endpoint())
    (entity,) = planned["config"]["servedEntities"]
    assert (planned["name"], entity["maxProvisionedThroughput"]) == ("chat", 1940)
    assert planned["servingEndpointId"] is entity["name"] is planned["endpointUrl"] is UNKNOWN
    assert [line for line in proxy.trace() if "SE" in line] == []
