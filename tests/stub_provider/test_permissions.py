"""Permissions, grants and registered models: what goes over the wire, and that nothing drifts."""

from typing import Any

import pytest

from bandplan.plugin.errors import ProviderError

CLASSIC = "databricks:index/modelServing:ModelServing"
PERMISSIONS = "databricks:index/permissions:Permissions"
GRANTS = "databricks:index/grants:Grants"
MODEL = "databricks:index/registeredModel:RegisteredModel"
QUERY = {"permissionLevel": "CAN_QUERY"}
CAN_QUERY = [{"groupName": "users", "permissionLevel": "CAN_QUERY"}]


@pytest.fixture
def endpoint_id(driver: Any, endpoint: Any, proxy: Any) -> str:
    _, resource = driver.up(CLASSIC, endpoint())
    proxy.trace()
    return str(resource.state["servingEndpointId"])


@pytest.fixture
def model(driver: Any, proxy: Any) -> dict[str, Any]:
    inputs = {"catalogName": "ml", "schemaName": "search", "name": "gte_finetuned", "comment": "first"}
    driver.up(MODEL, inputs, "model")
    return inputs


def test_permissions_add_the_caller_and_leave_it_out_of_the_state(driver: Any, proxy: Any, endpoint_id: str) -> None:
    inputs = {"servingEndpointId": endpoint_id, "accessControls": CAN_QUERY}
    _, resource = driver.up(PERMISSIONS, inputs, "access")
    assert resource.id == f"/serving-endpoints/{endpoint_id}"
    (body,) = proxy.bodies("PUT")
    assert body["access_control_list"][0] == {"group_name": "users", "permission_level": "CAN_QUERY"}
    assert body["access_control_list"][1]["permission_level"] == "CAN_MANAGE"
    assert resource.state["accessControls"] == CAN_QUERY
    assert not driver.diff(PERMISSIONS, inputs, "access").changes
    assert not driver.refresh("access")
    assert not driver.diff(PERMISSIONS, inputs, "access").changes


def test_letter_case_of_a_mail_address_does_not_matter(driver: Any, endpoint_id: str, workspace_call: Any) -> None:
    inputs = {"servingEndpointId": endpoint_id, "accessControls": [{"userName": "Ann.Lee@Example.com", **QUERY}]}
    driver.up(PERMISSIONS, inputs, "access")
    kept = {"access_control_list": [{"user_name": "ann.lee@example.com", "permission_level": "CAN_QUERY"}]}
    workspace_call("PUT", f"/api/2.0/permissions/serving-endpoints/{endpoint_id}", kept)

    assert not driver.refresh("access")
    assert not driver.diff(PERMISSIONS, inputs, "access").changes
    lower = {"servingEndpointId": endpoint_id, "accessControls": [{"userName": "ann.lee@example.com", **QUERY}]}
    assert not driver.diff(PERMISSIONS, lower, "access").changes


def test_order_of_access_controls_does_not_matter(driver: Any, endpoint_id: str) -> None:
    controls = [*CAN_QUERY, {"userName": "ann@example.com", "permissionLevel": "CAN_MANAGE"}]
    driver.up(PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": controls}, "access")
    turned = {"servingEndpointId": endpoint_id, "accessControls": controls[::-1]}
    assert not driver.diff(PERMISSIONS, turned, "access").changes


def test_case_of_mail_addresses_does_not_matter(driver: Any, endpoint_id: str) -> None:
    spelled, lower = (
        {"userName": who, "permissionLevel": "CAN_QUERY"} for who in ("Ann@Example.com", "ann@example.com")
    )
    driver.up(PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": [spelled]}, "access")
    assert not driver.refresh("access")
    for control in (spelled, lower):
        assert not driver.diff(
            PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": [control]}, "access"
        ).changes


def test_changed_level_is_an_update_of_that_level(driver: Any, endpoint_id: str) -> None:
    driver.up(PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": CAN_QUERY}, "access")
    wider = {"servingEndpointId": endpoint_id, "accessControls": [{**CAN_QUERY[0], "permissionLevel": "CAN_VIEW"}]}
    assert list(driver.diff(PERMISSIONS, wider, "access").detailed_diff) == ["accessControls[0].permissionLevel"]
    assert driver.up(PERMISSIONS, wider, "access")[0] == "update"
    assert not driver.refresh("access")


def test_destroyed_permissions_leave_the_caller_alone_in_place(
    driver: Any, proxy: Any, endpoint_id: str, workspace_call: Any
) -> None:
    driver.up(PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": CAN_QUERY}, "access")
    driver.destroy("access")
    answer = workspace_call("GET", f"/api/2.0/permissions/serving-endpoints/{endpoint_id}")
    direct = [
        entry
        for entry in answer["access_control_list"]
        if any(not permission["inherited"] for permission in entry["all_permissions"])
    ]
    assert [entry.get("group_name") for entry in direct] == [None]


def test_permissions_of_a_deleted_endpoint_can_be_destroyed(driver: Any, endpoint_id: str, workspace_call: Any) -> None:
    driver.up(PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": CAN_QUERY}, "access")
    workspace_call("DELETE", "/api/2.0/serving-endpoints/chat")
    driver.destroy("access")


def test_other_object_replaces_permissions(driver: Any, endpoint_id: str) -> None:
    driver.up(PERMISSIONS, {"servingEndpointId": endpoint_id, "accessControls": CAN_QUERY}, "access")
    diff = driver.diff(PERMISSIONS, {"servingEndpointId": "0" * 32, "accessControls": CAN_QUERY}, "access")
    assert (diff.replaces, diff.delete_before_replace) == (["servingEndpointId"], False)


def test_registered_model_does_not_drift_and_updates_its_comment(
    driver: Any, proxy: Any, model: dict[str, Any]
) -> None:
    assert driver.resources["model"].id == "ml.search.gte_finetuned"
    assert not driver.diff(MODEL, model, "model").changes
    assert not driver.refresh("model")
    proxy.trace()
    changed = {**model, "comment": "second"}
    assert driver.up(MODEL, changed, "model")[0] == "update"
    assert proxy.bodies("PATCH") == [{"comment": "second"}]
    assert not driver.diff(MODEL, changed, "model").changes


def test_registered_model_compares_names_without_case(driver: Any, model: dict[str, Any]) -> None:
    assert not driver.diff(MODEL, {**model, "catalogName": "ML"}, "model").changes
    assert driver.diff(MODEL, {**model, "catalogName": "other"}, "model").replaces == ["catalogName"]


def test_grants_send_what_differs_and_do_not_drift(driver: Any, proxy: Any, model: dict[str, Any]) -> None:
    inputs = {"model": "ml.search.gte_finetuned", "grants": [{"principal": "users", "privileges": ["execute"]}]}
    proxy.trace()
    _, resource = driver.up(GRANTS, inputs, "grants")
    assert resource.id == "model/ml.search.gte_finetuned"
    assert proxy.bodies("PATCH") == [{"changes": [{"principal": "users", "add": ["EXECUTE"]}]}]
    assert not driver.diff(GRANTS, inputs, "grants").changes
    assert not driver.refresh("grants")
    assert not driver.diff(GRANTS, inputs, "grants").changes
    proxy.trace()
    driver.destroy("grants")
    assert proxy.bodies("PATCH") == [{"changes": [{"principal": "users", "remove": ["EXECUTE"]}]}]


def test_type_that_the_local_stack_lacks_is_refused_by_name(driver: Any) -> None:
    with pytest.raises(ProviderError, match="the local stack does not support databricks:index/job:Job"):
        driver.check("databricks:index/job:Job", {})
