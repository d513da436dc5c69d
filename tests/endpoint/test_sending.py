from typing import Any

import pytest

from bandplan.serving.endpoint.comparison import differences
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.endpoint.sending import Request, requests
from tests.endpoint.builders import declared, live, live_config, live_served, served

NOTIFIED = {"onUpdateFailures": ["a@x"], "onUpdateSuccesses": []}
LIMITS = [{"calls": 5, "key": "user", "renewalPeriod": "minute"}]


def sent(wanted: Declared, endpoint: LiveEndpoint, previous: Declared | None = None) -> dict[str, Any]:
    found = requests(wanted, previous, endpoint, differences(wanted, endpoint))
    return {request.part: request.body for request in found}


def test_nothing_is_sent_when_nothing_differs() -> None:
    assert sent(declared(), live()) == {}


def test_a_different_config_is_sent_whole_with_zeros_stated() -> None:
    wanted = declared(
        servedEntities=[served(minProvisionedThroughput=0)],
        trafficConfig={"routes": [{"servedEntityName": "llama-1", "trafficPercentage": 100}]},
    )
    assert sent(wanted, live()) == {
        "config": {
            "served_entities": [
                {
                    "name": "llama-1",
                    "entity_name": "system.ai.llama_v3_3_70b_instruct",
                    "entity_version": "1",
                    "min_provisioned_throughput": 0,
                    "max_provisioned_throughput": 2940,
                }
            ],
            "traffic_config": {"routes": [{"served_entity_name": "llama-1", "traffic_percentage": 100}]},
        }
    }


def test_after_a_failed_update_the_config_is_sent_again_even_if_the_old_one_equals_the_declared() -> None:
    failed = live(state={"config_update": "UPDATE_FAILED"}, pending_config=live_config(version=2))
    assert set(sent(declared(), failed)) == {"config"}


def test_a_config_update_repeats_the_inference_log_settings_that_a_put_would_drop() -> None:
    logged = {"enabled": True, "catalog_name": "ml", "schema_name": "logs", "state": {"payload_table": {}}}
    endpoint = live(config={**live_config(live_served(max_provisioned_throughput=1)), "auto_capture_config": logged})
    body = sent(declared(), endpoint)["config"]
    assert body["auto_capture_config"] == {"enabled": True, "catalog_name": "ml", "schema_name": "logs"}


def test_fields_that_nobody_here_knows_are_sent_back_in_what_is_replaced_whole() -> None:
    config = {
        **live_config(live_served("llama-0", jailbreak_guard={"mode": "strict"}, max_provisioned_throughput=1)),
        "region_hint": "eu",
    }
    config["traffic_config"]["routes"][0]["sticky"] = True
    body = sent(declared(), live(config=config))["config"]
    # The entity has another name now, and is of the same model.
    assert body["served_entities"][0]["jailbreak_guard"] == {"mode": "strict"}
    assert body["region_hint"] == "eu"
    assert {"workload_type", "state", "creator", "config_version"}.isdisjoint({*body, *body["served_entities"][0]})
    routes = {"routes": [{"servedEntityName": "llama-0", "trafficPercentage": 100}]}
    body = sent(declared(trafficConfig=routes), live(config=config))["config"]
    assert body["traffic_config"]["routes"] == [
        {"served_entity_name": "llama-0", "traffic_percentage": 100, "sticky": True}
    ]

    gateway = {"usage_tracking_config": {"enabled": False, "level": "full"}, "semantic_cache": {"ttl": 5}}
    wanted = declared(aiGateway={"usageTrackingConfig": {"enabled": True}})
    assert sent(wanted, live(ai_gateway=gateway)) == {
        "ai_gateway": {"usage_tracking_config": {"enabled": True, "level": "full"}, "semantic_cache": {"ttl": 5}}
    }


@pytest.mark.parametrize(("was", "is_now"), [(None, True), (True, None)])
def test_burst_that_is_declared_otherwise_is_sent_where_the_platform_does_not_give_it_back(
    was: bool | None, is_now: bool | None
) -> None:
    units = {"minProvisionedThroughput": None, "maxProvisionedThroughput": None, "provisionedModelUnits": 50}
    before, wanted = (declared(servedEntities=[served(**units, burstScalingEnabled=one)]) for one in (was, is_now))
    there = live_served(min_provisioned_throughput=None, max_provisioned_throughput=None, provisioned_model_units=50)
    if was and not is_now:
        there["burst_scaling_enabled"] = True
    endpoint = live(config=live_config(there))
    (entity,) = sent(wanted, endpoint, before)["config"]["served_entities"]
    assert entity.get("burst_scaling_enabled") == is_now
    assert sent(wanted, endpoint, wanted) == {}


def test_changed_notifications_are_sent_in_the_platforms_names() -> None:
    assert sent(declared(emailNotifications=NOTIFIED), live()) == {
        "notifications": {"on_update_failure": ("a@x",), "on_update_success": ()}
    }


def test_removed_notifications_are_cleared_and_foreign_ones_left_alone() -> None:
    endpoint = live(email_notifications={"on_update_failure": ["a@x"]})
    assert sent(declared(), endpoint) == {}
    assert sent(declared(), endpoint, previous=declared(emailNotifications=NOTIFIED)) == {
        "notifications": {"on_update_failure": [], "on_update_success": []}
    }


def test_rate_limits_are_sent_when_they_changed_since_the_last_deploy_as_they_cannot_be_read() -> None:
    wanted = declared(rateLimits=LIMITS)
    body = [{"calls": 5, "key": "user", "renewal_period": "minute"}]
    assert sent(wanted, live()) == {"rate_limits": body}
    assert sent(wanted, live(), previous=declared(rateLimits=[{**LIMITS[0], "calls": 6}])) == {"rate_limits": body}
    assert sent(wanted, live(), previous=wanted) == {}
    assert sent(declared(), live(), previous=wanted) == {"rate_limits": []}


def test_tags_are_added_and_only_declared_ones_removed() -> None:
    endpoint = live(
        tags=[{"key": "team", "value": "old"}, {"key": "gone", "value": "1"}, {"key": "foreign", "value": "1"}]
    )
    before = declared(tags=[{"key": "team", "value": "old"}, {"key": "gone", "value": "1"}])
    wanted = declared(tags=[{"key": "team", "value": "ml"}, {"key": "new"}])
    assert sent(wanted, endpoint, before) == {
        "tags": {"add": [{"key": "team", "value": "ml"}, {"key": "new", "value": ""}], "delete": ["gone"]}
    }


def test_a_removed_ai_gateway_is_cleared() -> None:
    """The published provider crashes here."""
    gateway = {"usageTrackingConfig": {"enabled": True}}
    endpoint = live(ai_gateway={"usage_tracking_config": {"enabled": True}})
    assert sent(declared(), endpoint, previous=declared(aiGateway=gateway)) == {"ai_gateway": {}}
    assert sent(declared(aiGateway=gateway), live()) == {"ai_gateway": {"usage_tracking_config": {"enabled": True}}}


def test_a_changed_description_is_never_sent() -> None:
    assert sent(declared(description="new"), live(description="old"), previous=declared(description="old")) == {}


def test_what_takes_long_comes_last() -> None:
    wanted = declared(
        servedEntities=[served(maxProvisionedThroughput=3920)],
        emailNotifications=NOTIFIED,
        tags=[{"key": "a", "value": "b"}],
        rateLimits=LIMITS,
        aiGateway={"usageTrackingConfig": {"enabled": True}},
    )
    found = requests(wanted, None, live(), differences(wanted, live()))
    assert [request.part for request in found] == ["notifications", "tags", "ai_gateway", "rate_limits", "config"]
    assert all(isinstance(request, Request) for request in found)
