"""databricks-sdk (Python): everything that `serving_endpoints` manages."""

from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.contract.target import Target

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient


def test_s8_create_and_wait_gives_a_ready_endpoint_with_the_platforms_defaults(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    model = target.model("chat")
    entity = serving.ServedEntityInput(
        entity_name=model.name,
        entity_version=model.version,
        min_provisioned_throughput=0,
        max_provisioned_throughput=2 * model.chunk,
        scale_to_zero_enabled=False,
    )
    config = serving.EndpointCoreConfigInput(name=name, served_entities=[entity])
    made = sdk.serving_endpoints.create_and_wait(name, config=config, tags=[serving.EndpointTag("team", "search")])
    assert made.state == serving.EndpointState(
        config_update=serving.EndpointStateConfigUpdate.NOT_UPDATING, ready=serving.EndpointStateReady.READY
    )
    assert (made.task, made.config.config_version, made.pending_config) == ("llm/v1/chat", 1, None)
    assert len(made.id) == 32
    assert int(made.id, 16) >= 0
    (served,) = made.config.served_entities
    assert (served.name, served.entity_name, served.entity_version) == (model.served_name, model.name, model.version)
    assert (served.min_provisioned_throughput, served.max_provisioned_throughput) == (0, 2 * model.chunk)
    assert served.state.deployment == serving.ServedModelStateDeployment.DEPLOYMENT_READY
    assert made.config.traffic_config.routes == [
        serving.Route(100, served_entity_name=model.served_name, served_model_name=model.served_name)
    ]
    assert made.tags == [serving.EndpointTag("team", "search")]
    assert name in [listed.name for listed in sdk.serving_endpoints.list()]


def test_old_config_serves_until_an_update_has_ended(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    target.create(name)
    model = target.model("chat")
    entity = serving.ServedEntityInput.from_dict(target.bands(low=0, high=2))
    waiter = sdk.serving_endpoints.update_config(name, served_entities=[entity])
    with pytest.raises(sdk_error("ResourceConflict")):
        sdk.serving_endpoints.update_config(name, served_entities=[entity])
    during = sdk.serving_endpoints.get(name)
    assert (during.config.config_version, during.pending_config.config_version) == (1, 2)
    assert during.config.served_entities[0].max_provisioned_throughput == model.chunk
    assert during.pending_config.start_time > 0
    after = waiter.result()
    assert (after.config.config_version, after.pending_config) == (2, None)
    assert after.config.served_entities[0].max_provisioned_throughput == 2 * model.chunk


def test_s10_model_unit_endpoint_is_created_scaled_and_deleted(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    model = target.model("units")

    def config(units: int) -> object:
        entity = serving.PtServedModel(
            entity_name=model.name, entity_version=model.version, provisioned_model_units=units
        )
        return serving.PtEndpointCoreConfig(served_entities=[entity])

    api = sdk.serving_endpoints
    api.create_provisioned_throughput_endpoint(name, config(50))
    made = target.settle(name)
    assert made["config"]["served_entities"][0]["provisioned_model_units"] == 50
    scaled = api.update_provisioned_throughput_endpoint_config_and_wait(name, config(100))
    assert (scaled.config.config_version, scaled.config.served_entities[0].provisioned_model_units) == (2, 100)
    api.delete(name)
    with pytest.raises(sdk_error("NotFound")):
        api.get(name)


def test_tags_gateway_limits_and_notifications_are_changed_in_place(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    before = target.create(name, tags=[{"key": "a", "value": "1"}])
    api = sdk.serving_endpoints
    tags = api.patch(name, add_tags=[serving.EndpointTag("b", "2")], delete_tags=["a"])
    assert tags.tags == [serving.EndpointTag("b", "2")]
    minute = serving.AiGatewayRateLimitRenewalPeriod.MINUTE
    limit = serving.AiGatewayRateLimit(minute, calls=100, key=serving.AiGatewayRateLimitKey.USER)
    usage = serving.AiGatewayUsageTrackingConfig(enabled=True)
    api.put_ai_gateway(name, rate_limits=[limit], usage_tracking_config=usage)
    mail = serving.EmailNotifications(on_update_failure=["owner@example.com"])
    assert api.update_notifications(name, email_notifications=mail).email_notifications == mail
    old_limit = serving.RateLimit(1000, serving.RateLimitRenewalPeriod.MINUTE, serving.RateLimitKey.ENDPOINT)
    assert api.put(name, rate_limits=[old_limit]).rate_limits == [old_limit]
    after = api.get(name)
    assert after.tags == [serving.EndpointTag("b", "2")]
    assert (after.ai_gateway.rate_limits, after.ai_gateway.usage_tracking_config) == ([limit], usage)
    assert after.email_notifications == mail
    assert (after.id, after.config.config_version) == (before["id"], 1)


def test_logs_metrics_and_openapi_can_be_read(sdk: "WorkspaceClient", target: Target, name: str) -> None:
    served = target.create(name)["config"]["served_entities"][0]["name"]
    api = sdk.serving_endpoints
    assert api.logs(name, served).logs is not None
    assert api.build_logs(name, served).logs
    assert b"request_count_total" in api.export_metrics(name).contents.read()
    assert b'"openapi"' in api.get_open_api(name).contents.read()


def test_permissions_are_set_merged_and_described(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    endpoint_id = target.create(name)["id"]
    api = sdk.serving_endpoints
    me = sdk.current_user.me().user_name

    def entry(level: str, **who: str) -> object:
        request = serving.ServingEndpointAccessControlRequest
        return request(permission_level=serving.ServingEndpointPermissionLevel(level), **who)

    def direct() -> dict[str, str]:
        shown = api.get_permissions(endpoint_id)
        assert (shown.object_id, shown.object_type) == (f"/serving-endpoints/{endpoint_id}", "serving-endpoint")
        return {
            row.user_name or row.group_name: permission.permission_level.value
            for row in shown.access_control_list
            for permission in row.all_permissions
            if not permission.inherited
        }

    api.set_permissions(
        endpoint_id, access_control_list=[entry("CAN_QUERY", group_name="users"), entry("CAN_MANAGE", user_name=me)]
    )
    assert direct() == {"users": "CAN_QUERY", me: "CAN_MANAGE"}
    api.update_permissions(endpoint_id, access_control_list=[entry("CAN_VIEW", group_name="users")])
    assert direct() == {"users": "CAN_VIEW", me: "CAN_MANAGE"}
    levels = api.get_permission_levels(endpoint_id).permission_levels
    assert {level.permission_level.value for level in levels} == {"CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"}


def test_refusals_arrive_as_the_sdks_own_errors(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    api, model = sdk.serving_endpoints, target.model("chat")

    def create(**fields: object) -> None:
        entity = serving.ServedEntityInput.from_dict({**target.bands(), **fields})
        api.create(name, config=serving.EndpointCoreConfigInput(name=name, served_entities=[entity]))

    with pytest.raises(sdk_error("InvalidParameterValue"), match="multiple"):
        create(max_provisioned_throughput=model.chunk + 1)
    with pytest.raises(sdk_error("NotFound")):
        api.get(name)
    with pytest.raises(sdk_error("NotFound")):
        api.query(name, prompt="x")
    target.create(name)
    with pytest.raises(sdk_error("ResourceAlreadyExists")):
        create()


def sdk_error(name: str) -> type[Exception]:
    from databricks.sdk import errors

    found: type[Exception] = getattr(errors, name)
    return found
