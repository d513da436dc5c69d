from dataclasses import replace
from typing import Any

import pytest

from bandplan.drift.endpoint import endpoint_report
from bandplan.serving.workspace.endpoint_access import Grant
from bandplan.serving.workspace.surveyed import Surveyed
from tests.drift.builders import CALLER, found, looked, recorded, surveyed, wanted
from tests.endpoint.builders import live_config, live_served, served

MAXIMUM = "entities/llama-1/max_provisioned_throughput"


def test_endpoint_in_step_has_no_drift_and_no_pending_change_whatever_the_platform_fills_in() -> None:
    report = looked()

    assert (report.has_drifted, report.has_pending) == (False, False)
    # What the live builder says beside the declaration: the compute behind a band.
    assert found(report) == {
        "entities/llama-1/workload_type": ("platform default", None, "GPU_LARGE"),
        "entities/llama-1/workload_size": ("autoscaler", None, "Small"),
    }


@pytest.mark.parametrize(
    ("live", "field", "deployed", "now"),
    [
        ({"config": live_config(live_served(max_provisioned_throughput=980))}, MAXIMUM, 2940, 980),
        ({"config": live_config(live_served(entity_version="2"))}, "entities/llama-1/entity_version", "1", "2"),
        ({"config": live_config(live_served("other-1"))}, "entities/llama-1", "served", None),
        ({"ai_gateway": {"usage_tracking_config": {"enabled": True}}}, "ai_gateway/usage_tracking_config/enabled", None, True),
        ({"email_notifications": {"on_update_failure": ["a@b.c"]}}, "notifications/on_update_failure", None, ["a@b.c"]),
        ({"description": "Mine"}, "description", None, "Mine"),
    ],
)  # fmt: skip
def test_hand_edit_is_drift_with_the_values_before_and_after(
    live: dict[str, Any], field: str, deployed: Any, now: Any
) -> None:
    report = looked(there=surveyed(**live))

    assert report.has_drifted
    assert found(report)[field] == ("real", deployed, now)
    assert not report.has_pending


def test_declared_tag_that_was_changed_is_drift_and_a_tag_of_somebody_else_is_not() -> None:
    deployed = recorded(tags=[{"key": "team", "value": "ml"}])
    there = surveyed(tags=[{"key": "team", "value": "ops"}, {"key": "cost-centre", "value": "7"}])
    report = looked(deployed, there, wanted(tags=[{"key": "team", "value": "ml"}]))

    assert found(report)["tags/team"] == ("real", "ml", "ops")
    assert found(report)["tags/cost-centre"] == ("platform default", None, "7")


def test_part_of_the_gateway_that_the_platform_fills_in_is_no_drift_but_a_limit_added_by_hand_is() -> None:
    table = {"enabled": True, "catalog_name": "ml", "schema_name": "logs"}
    declared = {"inferenceTableConfig": {"enabled": True, "catalogName": "ml", "schemaName": "logs"}}
    gateway = {"inference_table_config": {**table, "table_name_prefix": "chat"}, "rate_limits": [{"calls": 1}]}
    report = looked(recorded(aiGateway=declared), surveyed(ai_gateway=gateway), wanted(aiGateway=declared))

    fields = found(report)
    assert fields["ai_gateway/inference_table_config/table_name_prefix"] == ("platform default", None, "chat")
    assert fields["ai_gateway/rate_limits"] == ("real", None, [{"calls": 1}])


def test_what_the_platform_never_gives_back_cannot_be_verified_and_is_no_drift() -> None:
    entity = served(burstScalingEnabled=True)
    deployed = recorded(servedEntities=[entity], budgetPolicyId="b-1")
    report = looked(deployed, None, wanted(servedEntities=[entity], budgetPolicyId="b-1"))

    unverifiable = {field for field, (verdict, _, _) in found(report).items() if "cannot be verified" in verdict}
    assert unverifiable == {"entities/llama-1/burst_scaling_enabled", "budget_policy_id"}
    assert not report.has_drifted


def test_moved_traffic_and_an_entity_too_many_are_told() -> None:
    routes = {"routes": [{"servedEntityName": "llama-1", "trafficPercentage": 100}]}
    there = surveyed(config=live_config(live_served(), live_served("canary")))
    report = looked(recorded(trafficConfig=routes), there, wanted(trafficConfig=routes))

    fields = found(report)
    assert fields["traffic/llama-1"] == ("real", 100, 50)
    assert "canary" in str(fields["entities"][2])
    assert "canary 50%" in str(fields["traffic"][2])


@pytest.mark.parametrize(
    ("grant", "field", "deployed", "now"),
    [
        (Grant("group_name", "interns", "CAN_MANAGE"), "permissions/group_name:interns", None, "CAN_MANAGE"),
        (Grant("group_name", "apps", "CAN_MANAGE"), "permissions/group_name:apps", "CAN_QUERY", "CAN_MANAGE"),
    ],
)
def test_permission_given_or_raised_by_hand_is_drift(grant: Grant, field: str, deployed: Any, now: str) -> None:
    access = ({"groupName": "apps", "permissionLevel": "CAN_QUERY"},)
    grants = tuple({one.principal: one for one in (Grant("group_name", "apps", "CAN_QUERY"), grant)}.values())
    report = looked(recorded(access), surveyed(grants), wanted(access))

    assert found(report)[field] == ("real", deployed, now)


def test_rights_of_the_caller_the_creator_and_the_admins_are_no_drift() -> None:
    grants = (
        Grant("user_name", CALLER, "CAN_MANAGE"),
        Grant("user_name", "maker@example.com", "CAN_MANAGE"),
        Grant("group_name", "admins", "CAN_MANAGE"),
    )
    assert not looked(there=surveyed(grants)).has_drifted


@pytest.mark.parametrize(
    "deployed",
    [
        {"userName": "Jane.Doe@Example.com", "permissionLevel": "CAN_QUERY"},
        {"servicePrincipalName": "6F1B7C9E-0000-4000-8000-00000000000A", "permissionLevel": "CAN_QUERY"},
    ],
)
def test_letter_case_of_a_mail_address_or_an_application_id_is_no_drift(deployed: dict[str, str]) -> None:
    kinds = {"userName": "user_name", "servicePrincipalName": "service_principal_name"}
    (kind,) = deployed.keys() & kinds.keys()
    grant = Grant(kinds[kind], deployed[kind].lower(), "CAN_QUERY")
    report = looked(recorded((deployed,)), surveyed((grant,)), wanted(({**deployed, kind: deployed[kind].lower()},)))

    assert not report.has_drifted and report.pending == ()


def test_right_of_the_caller_in_another_letter_case_is_no_drift() -> None:
    assert not looked(there=surveyed((Grant("user_name", CALLER.upper(), "CAN_MANAGE"),))).has_drifted


def test_permission_of_the_administrators_in_an_older_state_is_no_drift() -> None:
    access = ({"groupName": "admins", "permissionLevel": "CAN_MANAGE"},)
    assert not looked(recorded(access), surveyed(())).has_drifted


def test_permissions_that_the_token_may_not_read_are_not_taken_for_none() -> None:
    access = ({"groupName": "apps", "permissionLevel": "CAN_QUERY"},)
    report = looked(recorded(access), surveyed(None), wanted(access))

    assert not report.has_drifted
    assert "cannot be verified" in found(report)["permissions"][0]


def test_change_that_waits_in_models_yaml_is_told_apart_from_drift() -> None:
    report = looked(declared=wanted(servedEntities=[served(maxProvisionedThroughput=3920)]))

    assert not report.has_drifted
    assert [(one.field, one.deployed, one.wanted) for one in report.pending] == [(MAXIMUM, 2940, 3920)]


def test_permission_and_entity_that_models_yaml_drops_wait_too() -> None:
    deployed = recorded(
        ({"groupName": "apps", "permissionLevel": "CAN_QUERY"},), servedEntities=[served(), served("llama-2")]
    )
    report = looked(deployed, surveyed((Grant("group_name", "apps", "CAN_QUERY"),)))

    waiting = {one.field: one.wanted for one in report.pending}
    assert waiting["permissions/group_name:apps"] is None
    assert waiting["entities/llama-2/entity_name"] is None


def test_endpoint_that_is_gone_has_drifted() -> None:
    report = looked(there=Surveyed("chat"))
    assert (report.situation, report.has_drifted) == ("missing", True)


def test_endpoint_of_the_same_name_with_another_id_has_drifted() -> None:
    report = looked(there=surveyed(id="f" * 32))
    assert (report.situation, report.has_drifted) == ("recreated", True)
    assert "f" * 32 in report.reason


def test_failed_update_is_told_with_the_platforms_reason_and_that_the_old_config_serves() -> None:
    failed = live_served("llama-1", "DEPLOYMENT_FAILED", message="No GPU capacity")
    report = looked(
        there=surveyed(state={"config_update": "UPDATE_FAILED"}, pending_config=live_config(failed, version=2))
    )

    assert (report.condition, report.has_drifted) == ("update failed", True)
    assert "No GPU capacity" in report.reason and "keeps serving" in report.reason


def test_update_under_way_is_no_drift() -> None:
    report = looked(there=surveyed(state={"config_update": "IN_PROGRESS"}, pending_config=live_config(version=2)))
    assert (report.condition, report.has_drifted) == ("updating", False)


def test_endpoint_that_is_not_ready_without_an_update_has_drifted() -> None:
    report = looked(there=surveyed(state={"ready": "NOT_READY"}))
    assert (report.condition, report.has_drifted) == ("not ready", True)


@pytest.mark.parametrize(
    ("there", "situation"),
    [(Surveyed("chat"), "not deployed"), (surveyed(), "exists, not in the stack")],
)
def test_entry_that_was_never_deployed_is_no_drift(there: Surveyed, situation: str) -> None:
    report = endpoint_report("chat", wanted(), None, there, CALLER)
    assert (report.situation, report.has_drifted) == (situation, False)


def test_entry_that_models_yaml_has_no_more_is_leaving_and_its_hand_edits_are_still_told() -> None:
    there = surveyed(config=live_config(live_served(max_provisioned_throughput=980)))
    report = endpoint_report("chat", None, recorded(), there, CALLER)
    assert report.is_leaving and report.has_pending and report.has_drifted


def test_endpoint_that_may_not_be_read_is_unreadable_and_no_drift() -> None:
    report = looked(there=Surveyed("chat", refusal="you lack CAN_VIEW"))
    assert (report.situation, report.has_drifted, report.reason) == ("unreadable", False, "you lack CAN_VIEW")


def test_s18_failed_try_for_more_capacity_is_no_drift_while_what_is_accepted_runs() -> None:
    failed = live_served(deployment="DEPLOYMENT_FAILED", message="Not enough GPU capacity")
    there = surveyed(state={"config_update": "UPDATE_FAILED"}, pending_config=live_config(failed, version=2))
    assert looked(there=there).has_drifted
    assert not looked(replace(recorded(), is_short_of_capacity=True), there).has_drifted
