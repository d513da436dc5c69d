"""Inputs of an endpoint's resources, compared with what the platform's API takes."""

from typing import Any

import pytest

from bandplan.components.capacity import capacity_inputs
from bandplan.components.request import endpoint_inputs, endpoint_request
from bandplan.components.wire import wire
from bandplan.wire.names import to_property_name

BAND_OF_TWO_TO_THREE = {
    "name": "assistant_llama-3",
    "entityName": "ml.prod.assistant_llama",
    "entityVersion": "3",
    "minProvisionedThroughput": 1960,  # 2 x 980
    "maxProvisionedThroughput": 2940,  # 3 x 980
}
UNITS = {"model_units": 50}


def test_s9_band_is_made_of_served_entities_with_both_bounds(sizing_of: Any) -> None:
    request = endpoint_request(sizing_of())
    assert request.api == "classic"
    assert request.endpoint == {
        "name": "chat",
        "config": {
            "servedEntities": [BAND_OF_TWO_TO_THREE],
            "trafficConfig": {"routes": [{"servedEntityName": "assistant_llama-3", "trafficPercentage": 100}]},
        },
    }


def test_s9_floor_of_zero_is_stated(sizing_of: Any) -> None:
    sizing = sizing_of(throughput={"bands": {"min": 0, "max": 1}})
    (entity,) = endpoint_inputs(sizing)["config"]["servedEntities"]
    assert (entity["minProvisionedThroughput"], entity["maxProvisionedThroughput"]) == (0, 980)


def test_s10_model_units_are_made_with_the_pt_api_and_carry_no_band(sizing_of: Any) -> None:
    request = endpoint_request(sizing_of(chunk=None, throughput=UNITS))
    assert request.api == "pt"
    assert request.endpoint["config"]["servedEntities"] == [
        {
            "name": "assistant_llama-3",
            "entityName": "ml.prod.assistant_llama",
            "entityVersion": "3",
            "provisionedModelUnits": 50,
        }
    ]


def test_s10_model_units_are_stated_per_served_model(sizing_of: Any) -> None:
    entity = {"model": "ml.prod.assistant_llama", "throughput": UNITS}
    entities = [
        {**entity, "version": "3", "traffic_percent": 80},
        {**entity, "version": "4", "traffic_percent": 20, "throughput": {"model_units": 10}},
    ]
    request = endpoint_request(sizing_of(chunk=None, model=None, version=None, throughput=None, entities=entities))
    served = request.endpoint["config"]["servedEntities"]
    assert [item["provisionedModelUnits"] for item in served] == [50, 10]


@pytest.mark.parametrize(("burst", "stated", "guarded"), [(True, True, True), (False, None, False), (None, None, None)])
@pytest.mark.parametrize("units", [50, {"want": 100, "accept": 50}])
def test_burst_off_is_declared_to_the_guard_alone(
    sizing_of: Any, burst: bool | None, stated: bool | None, guarded: bool | None, units: Any
) -> None:
    """The published provider drops a false."""
    throughput = {"model_units": units, **({} if burst is None else {"burst": burst})}
    request = endpoint_request(sizing_of(chunk=None, throughput=throughput))
    assert request.endpoint["config"]["servedEntities"][0].get("burstScalingEnabled") is stated
    for part in ("declared", "accepted"):
        if part in request.ready:
            assert request.ready[part]["servedEntities"][0].get("burstScalingEnabled") is guarded


@pytest.mark.parametrize(("burst", "may"), [({"burst": True}, True), ({}, True), ({"burst": False}, False)])
def test_model_units_may_burst_unless_they_are_told_not_to(sizing_of: Any, burst: dict[str, bool], may: bool) -> None:
    """The API reference: "when enabled (default)"."""
    inputs = capacity_inputs(sizing_of(chunk=None, throughput={**UNITS, **burst}))
    assert (inputs["burst"], inputs["entities"][0].get("burst", False)) == (may, may)


@pytest.mark.parametrize(
    "wanted",
    [{"description": "x"}, {"route_optimized": True}, {"rate_limits": [{"calls": 10}]}],
    ids=lambda wanted: next(iter(wanted)),
)
def test_model_units_with_a_field_that_pt_lacks_are_made_with_the_classic_api(sizing_of: Any, wanted: Any) -> None:
    request = endpoint_request(sizing_of(chunk=None, throughput=UNITS, **wanted))
    assert request.api == request.ready["api"] == "classic"
    assert request.endpoint["config"]["servedEntities"][0]["provisionedModelUnits"] == 50


@pytest.mark.parametrize(
    "wanted",
    [
        {"tags": {"a": "b"}},
        {"budget_policy_id": "b1f0c2d4-0000-4000-8000-000000000001"},
        {"ai_gateway": {"usage_tracking_config": {"enabled": True}}},
    ],
)
def test_model_units_with_fields_that_pt_has_stay_there(sizing_of: Any, wanted: Any) -> None:
    assert endpoint_request(sizing_of(chunk=None, throughput=UNITS, **wanted)).api == "pt"


def test_s25_legacy_workload_is_made_of_served_models(sizing_of: Any) -> None:
    sizing = sizing_of(task="llm/v1/completions", throughput=None, workload={"size": "Small", "parameters_billion": 13})
    assert endpoint_inputs(sizing)["config"] == {
        "servedModels": [
            {
                "name": "assistant_llama-3",
                "modelName": "ml.prod.assistant_llama",
                "modelVersion": "3",
                "workloadSize": "Small",
                "workloadType": "GPU_LARGE",  # 13 billion parameters: 1xA100
                "scaleToZeroEnabled": False,
            }
        ],
        "trafficConfig": {"routes": [{"servedModelName": "assistant_llama-3", "trafficPercentage": 100}]},
    }


def test_traffic_split_has_one_name_per_route_in_the_order_of_the_entities(sizing_of: Any) -> None:
    entity = {"model": "ml.prod.assistant_llama", "throughput": {"bands": {"min": 1, "max": 1}}}
    entities = [
        {**entity, "name": "current", "version": "3", "traffic_percent": 90},
        {**entity, "version": "4", "traffic_percent": 10},
    ]
    config = endpoint_inputs(sizing_of(model=None, version=None, throughput=None, entities=entities))["config"]
    assert [item["name"] for item in config["servedEntities"]] == ["current", "assistant_llama-4"]
    assert config["trafficConfig"]["routes"] == [
        {"servedEntityName": "current", "trafficPercentage": 90},
        {"servedEntityName": "assistant_llama-4", "trafficPercentage": 10},
    ]


def test_version_bump_moves_the_name_and_its_route_together(sizing_of: Any) -> None:
    """Without a stated route the published provider sends the old one back, to an entity that is gone."""
    config = endpoint_inputs(sizing_of(version="4"))["config"]
    assert config["servedEntities"][0]["name"] == "assistant_llama-4"
    assert [route["servedEntityName"] for route in config["trafficConfig"]["routes"]] == ["assistant_llama-4"]


def test_settings_have_the_package_s_names(sizing_of: Any, every_setting: dict[str, Any]) -> None:
    inputs = endpoint_inputs(sizing_of(**every_setting))
    assert {key: value for key, value in inputs.items() if key not in ("name", "config")} == {
        "description": "Answers customers",
        "tags": [{"key": "area", "value": "support"}, {"key": "team", "value": "ml"}],
        "budgetPolicyId": "b1f0c2d4-0000-4000-8000-000000000001",
        "routeOptimized": True,
        "emailNotifications": {"onUpdateFailures": ["oncall@example.com"]},
        "rateLimits": [{"calls": 100, "key": "user", "renewalPeriod": "minute"}],
        "aiGateway": {
            "usageTrackingConfig": {"enabled": False},
            "inferenceTableConfig": {"enabled": True, "catalogName": "ml", "schemaName": "logs"},
            "guardrails": {"input": {"pii": {"behavior": "MASK"}, "invalidKeywords": ["secret_word"]}},
            "rateLimits": [{"calls": 10, "key": "user", "renewalPeriod": "minute"}],
        },
    }


def test_guard_is_told_everything_that_is_declared_but_what_only_a_replacement_changes(
    sizing_of: Any, every_setting: dict[str, Any]
) -> None:
    request = endpoint_request(sizing_of(**every_setting))
    declared = request.ready["declared"]
    assert declared == {
        **request.endpoint["config"],
        **{key: value for key, value in request.endpoint.items() if key not in ("name", "config", "routeOptimized")},
        "task": "llm/v1/chat",
    }
    assert request.ready["endpoint"] == "chat"


def test_guard_is_told_the_task_that_the_entry_declares(sizing_of: Any) -> None:
    request = endpoint_request(sizing_of(task="llm/v1/embeddings"))
    assert request.ready["declared"]["task"] == "llm/v1/embeddings"
    assert "task" not in request.endpoint


def test_permissions_name_one_principal_each(sizing_of: Any) -> None:
    permissions = [
        {"group_name": "analysts", "permission_level": "CAN_QUERY"},
        {"service_principal_name": "6f1b7c9e-0000-4000-8000-00000000000a", "permission_level": "CAN_MANAGE"},
    ]
    assert endpoint_request(sizing_of(permissions=permissions)).access_controls == (
        {"groupName": "analysts", "permissionLevel": "CAN_QUERY"},
        {"servicePrincipalName": "6f1b7c9e-0000-4000-8000-00000000000a", "permissionLevel": "CAN_MANAGE"},
    )


def test_mail_addresses_of_permissions_are_sent_in_the_lower_case_that_the_platform_keeps(sizing_of: Any) -> None:
    permissions = [
        {"user_name": "Jane.Doe@Example.com", "permission_level": "CAN_QUERY"},
        {"group_name": "Support-Apps", "permission_level": "CAN_QUERY"},
    ]
    assert endpoint_request(sizing_of(permissions=permissions)).access_controls == (
        {"userName": "jane.doe@example.com", "permissionLevel": "CAN_QUERY"},
        {"groupName": "Support-Apps", "permissionLevel": "CAN_QUERY"},
    )


@pytest.mark.parametrize(
    ("changes", "create_seconds", "update_seconds", "delete_seconds"),
    [
        ({}, 4 * 3600, 4 * 3600, 3600),
        ({"timeouts": {"create": "90m"}}, 5400, 4 * 3600, 3600),
        ({"timeouts": {"update": "8h", "delete": "10m"}}, 4 * 3600, 8 * 3600, 600),
        (
            {"task": "llm/v1/completions", "throughput": None, "workload": {"size": "Small", "parameters_billion": 7}},
            6 * 3600,
            6 * 3600,
            3600,
        ),
    ],
    ids=["default", "own create", "own update and delete", "legacy"],
)
def test_s18_timeouts_are_hours_and_the_entry_s_own_where_stated(
    sizing_of: Any, changes: dict[str, Any], create_seconds: int, update_seconds: int, delete_seconds: int
) -> None:
    request = endpoint_request(sizing_of(**changes))
    limits = request.timeouts
    assert (limits.create_seconds, limits.update_seconds, limits.delete_seconds) == (
        create_seconds,
        update_seconds,
        delete_seconds,
    )
    assert request.ready["timeoutSeconds"] == max(create_seconds, update_seconds)


def test_wire_renames_keys_drops_what_is_unset_and_leaves_values() -> None:
    assert wire({"a_b": [{"c_d": None, "e_f": "g_h"}]}) == {"aB": [{"eF": "g_h"}]}
    assert to_property_name("name") == "name"
