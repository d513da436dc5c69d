"""The provider against the stand-in workspace, over HTTP."""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.complete import complete
from bandplan.plugin.errors import ProviderError
from bandplan.plugin.requests import DiffRequest, UpdateRequest
from bandplan.plugin.values import UNKNOWN, plain, property_values
from bandplan.provider.native import BandplanProvider
from bandplan.provider.schema import ENDPOINT_READY
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotConfigured
from tests.endpoint.builders import declaration, served
from tests.provider.workbench import Workbench

ROOT = Path(__file__).parents[2]
MORE = [served(maxProvisionedThroughput=3920)]
MAXIMUM = "declared.servedEntities[0].maxProvisionedThroughput"


def is_unchanged(response: sdk.DiffResponse) -> bool:
    return response.changes is False and not response.detailed_diff and not response.replaces


def state_of(bench: Workbench, **changes: Any) -> dict[str, Any]:
    """The state that a successful create leaves."""
    return {**bench.inputs(**changes), "configVersion": 1, "ready": True}


def test_create_waits_until_the_endpoint_is_ready_and_sends_nothing(bench: Workbench) -> None:
    endpoint_id = bench.make_endpoint(settled=False)
    outputs = bench.create(bench.inputs(servingEndpointId=endpoint_id))
    assert bench.live().ready == "READY" and not bench.live().is_updating
    assert (outputs["id"], outputs["configVersion"], outputs["ready"]) == (bench.name, 1, True)
    assert any("update in progress, 0 of 1 entities deployed" in line for line in bench.lines)


def test_an_endpoint_that_runs_what_is_declared_has_no_diff(bench: Workbench) -> None:
    endpoint_id = bench.make_endpoint()
    inputs = bench.inputs(servingEndpointId=endpoint_id)
    state = bench.create(inputs)
    assert is_unchanged(bench.diff(state, inputs))
    assert is_unchanged(bench.diff(state, {**inputs, "timeoutSeconds": 5}))


def test_a_failed_update_shows_at_the_next_preview_and_is_sent_again(bench: Workbench) -> None:
    """The published provider would send one GET and report success."""
    bench.make_endpoint()
    bench.fail_next_update("no GPU capacity left in this region")
    bench.put_config(servedEntities=MORE)
    wanted = bench.inputs(declared=declaration(servedEntities=MORE))
    state = {**wanted, "configVersion": 2, "ready": True}

    found = bench.diff(state, wanted)
    assert found.changes is True and not found.replaces
    assert set(found.detailed_diff) == {MAXIMUM, "ready"}
    assert any("no GPU capacity left in this region" in warning for warning in bench.warnings)

    outputs = bench.update(state, wanted)
    live = bench.live()
    assert live.config is not None
    assert live.config.entities[0].settings["max_provisioned_throughput"] == 3920
    assert outputs["configVersion"] == live.config.version
    assert is_unchanged(bench.diff({**wanted, **outputs}, wanted))


def test_a_failure_is_raised_with_the_platforms_reason_and_the_log_and_nothing_is_deleted(bench: Workbench) -> None:
    bench.make_endpoint()
    bench.fail_next_update("no GPU capacity left in this region")
    with pytest.raises(ProviderError) as caught:
        bench.update(bench.inputs(), bench.inputs(declared=declaration(servedEntities=MORE)))
    text = str(caught.value)
    assert text.startswith(f"{bench.name}: the platform could not deploy it (UPDATE_FAILED)")
    assert "llama-1: DEPLOYMENT_FAILED: no GPU capacity left in this region" in text
    assert "lines of its log:" in text
    assert "Nothing was deleted; the previous version is still serving" in text
    assert bench.live().ready == "READY"


def test_an_update_that_was_half_applied_behind_the_state_shows_and_is_mended(bench: Workbench) -> None:
    bench.make_endpoint()
    state = bench.create(bench.inputs())
    bench.put_config(servedEntities=[served(maxProvisionedThroughput=1960)])
    found = bench.diff(state, bench.inputs())
    assert found.changes is True and set(found.detailed_diff) == {MAXIMUM}
    assert found.detailed_diff[MAXIMUM].kind is sdk.PropertyDiffKind.UPDATE
    assert any("maxProvisionedThroughput: live 1960, declared 2940" in warning for warning in bench.warnings)
    outputs = bench.update(state, bench.inputs())
    assert is_unchanged(bench.diff(outputs, bench.inputs()))


def test_state_of_a_deployment_before_outputs_left_the_inputs_out_is_unchanged(bench: Workbench) -> None:
    bench.make_endpoint()
    wanted = bench.inputs()
    state = property_values(bench.create(wanted))
    request = DiffRequest(bench.urn, bench.name, state, property_values(wanted), [])
    request.old_inputs = property_values(wanted)
    assert is_unchanged(complete(bench.provider.diff(request)))
    bench.put_config(servedEntities=[served(maxProvisionedThroughput=1960)])
    update = UpdateRequest(bench.urn, bench.name, state, property_values(wanted), 0, [], False)
    update.old_inputs = property_values(wanted)
    outputs = plain(complete(bench.provider.update(update)).properties)
    assert set(outputs) == {"configVersion", "ready", "shortfall"}
    assert is_unchanged(bench.diff({**wanted, **outputs}, wanted))


def test_outputs_of_an_unfinished_update_say_more_than_the_inputs_from_before_it(bench: Workbench) -> None:
    bench.make_endpoint()
    before, after = bench.inputs(), bench.inputs(declared=declaration(servedEntities=MORE))
    bench.put_config(servedEntities=MORE)
    sent = property_values({**after, "configVersion": 1, "ready": False, "shortfall": []})
    request = DiffRequest(bench.urn, bench.name, sent, property_values(after), [])
    request.old_inputs = property_values(before)
    assert (
        "declared.servedEntities[0].maxProvisionedThroughput"
        not in complete(bench.provider.diff(request)).detailed_diff
    )


def test_drift_is_told_once_however_often_the_engine_asks(bench: Workbench) -> None:
    """A deploy asks when it plans and again when it acts."""
    bench.make_endpoint()
    state = bench.create(bench.inputs())
    bench.put_config(servedEntities=[served(maxProvisionedThroughput=1960)])
    first, second = bench.diff(state, bench.inputs()), bench.diff(state, bench.inputs())
    assert set(first.detailed_diff) == set(second.detailed_diff) == {MAXIMUM}
    assert bench.warnings == [f"{bench.name}: not as declared: {MAXIMUM}: live 1960, declared 2940"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"emailNotifications": {"onUpdateFailures": ["a@x.example"]}}),
        (
            {"emailNotifications": {"onUpdateFailures": ["a@x.example"]}},
            {"emailNotifications": {"onUpdateFailures": ["b@x.example"]}},
        ),
        ({"emailNotifications": {"onUpdateFailures": ["a@x.example"]}}, {}),
        ({"tags": [{"key": "b", "value": "1"}]}, {"tags": [{"key": "a", "value": "1"}, {"key": "b", "value": "1"}]}),
        ({}, {"servedEntities": [served(maxProvisionedThroughput=3920)]}),
        ({}, {"servedEntities": [served("llama-2", entityVersion="2")]}),
        (
            {"trafficConfig": {"routes": [{"servedEntityName": "llama-1", "trafficPercentage": 100}]}},
            {
                "servedEntities": [served("llama-2", entityVersion="2")],
                "trafficConfig": {"routes": [{"servedEntityName": "llama-2", "trafficPercentage": 100}]},
            },
        ),
        ({}, {"servedEntities": [served(), served("llama-2", entityVersion="2")]}),
    ],
    ids=["notification", "address", "none", "tag before", "band", "version", "version with route", "entity"],
)
def test_what_the_program_changes_is_planned_and_is_no_drift(
    bench: Workbench, before: dict[str, Any], after: dict[str, Any]
) -> None:
    bench.make_endpoint()
    state = bench.update(bench.inputs(), bench.inputs(declared=declaration(**before)))
    bench.warnings.clear()
    assert bench.diff(state, bench.inputs(declared=declaration(**after))).changes is True
    assert bench.warnings == []


def test_drift_beside_a_change_of_the_program_is_told(bench: Workbench) -> None:
    bench.make_endpoint()
    state = bench.create(bench.inputs())
    bench.put_config(servedEntities=[served(minProvisionedThroughput=980)])
    bench.diff(state, bench.inputs(declared=declaration(servedEntities=MORE)))
    (warning,) = bench.warnings
    assert "minProvisionedThroughput: live 980, declared 1960" in warning


def test_task_that_the_model_does_not_have_fails_the_deploy_and_says_what_to_change(bench: Workbench) -> None:
    bench.make_endpoint()
    with pytest.raises(ProviderError) as caught:
        bench.create(bench.inputs(declared=declaration(task="llm/v1/embeddings")))
    text = str(caught.value)
    assert text.startswith(f"{bench.name}: declared.task: live 'llm/v1/chat', declared 'llm/v1/embeddings'")
    assert f"set `task: llm/v1/chat` in models.yaml (models/{bench.name}/task)" in text
    assert "Nothing was deleted" in text


def test_task_that_the_model_has_deploys_and_leaves_no_diff(bench: Workbench) -> None:
    bench.make_endpoint()
    inputs = bench.inputs(declared=declaration(task="llm/v1/chat"))
    state = bench.create(inputs)
    assert is_unchanged(bench.diff(state, inputs))
    assert bench.refresh(state)["declared"] == inputs["declared"]


def test_task_that_the_model_does_not_have_shows_at_the_preview(bench: Workbench) -> None:
    bench.make_endpoint()
    state = bench.create(bench.inputs(declared=declaration(task="llm/v1/chat")))
    wanted = bench.inputs(declared=declaration(task="llm/v1/embeddings"))
    assert set(bench.diff(state, wanted).detailed_diff) == {"declared.task"}
    assert any("no request can change it" in warning for warning in bench.warnings)
    with pytest.raises(ProviderError, match="no request can change it"):
        bench.update(state, wanted)
    # and as drift, when the state has the task that the endpoint lost
    assert set(bench.diff({**state, **wanted}, wanted).detailed_diff) == {"declared.task"}
    assert bench.refresh({**state, **wanted})["declared"]["task"] == "llm/v1/chat"


def test_task_and_model_that_change_together_are_no_wrong_task(bench: Workbench) -> None:
    bench.make_endpoint()
    state = bench.create(bench.inputs(declared=declaration(task="llm/v1/chat")))
    gte = served(entityName="system.ai.gte_large_en_v1_5")  # chunk 980, as the model before
    wanted = bench.inputs(declared=declaration(servedEntities=[gte], task="llm/v1/embeddings"))
    assert "declared.task" in bench.diff(state, wanted).detailed_diff
    assert bench.warnings == []
    assert is_unchanged(bench.diff(bench.update(state, wanted), wanted))


def test_an_update_still_under_way_is_a_change_and_the_next_up_goes_on_waiting(bench: Workbench) -> None:
    bench.make_endpoint()
    bench.put_config(servedEntities=MORE, settled=False)
    wanted = bench.inputs(declared=declaration(servedEntities=MORE))
    state = {**wanted, "configVersion": 1, "ready": True}
    assert set(bench.diff(state, wanted).detailed_diff) == {"ready"}
    assert bench.update(state, wanted)["configVersion"] == 2


def test_someone_elses_update_is_waited_for_before_ours_is_sent(bench: Workbench) -> None:
    bench.make_endpoint()
    bench.put_config(servedEntities=[served(maxProvisionedThroughput=1960)], settled=False)
    outputs = bench.update(bench.inputs(), bench.inputs(declared=declaration(servedEntities=MORE)))
    assert outputs["configVersion"] == 3
    live = bench.live()
    assert live.config is not None and live.config.entities[0].settings["max_provisioned_throughput"] == 3920


def units(count: int, **more: Any) -> dict[str, Any]:
    entity = {"name": "m-1", "entityName": "system.ai.llama-4-maverick", "entityVersion": "1"}
    return {"servedEntities": [{**entity, "provisionedModelUnits": count, **more}]}


@pytest.fixture
def hidden(bench: Workbench) -> Iterator[None]:
    """The workspace does not give back whether an endpoint may burst, as the platform."""
    bench.client.patch("/stub/behaviour", {"shows_burst_scaling": False})
    yield
    bench.client.patch("/stub/behaviour", {"shows_burst_scaling": True})


def burst_of(bench: Workbench) -> Any:
    """What the workspace holds, which its API may not show."""
    (entity,) = bench.client.get(f"/stub/endpoints/{bench.name}")["config"]["entities"]
    return entity["settings"].get("burst_scaling_enabled")


OFF = {"burstScalingEnabled": False}


def test_s11_burst_false_reaches_the_platform_once(bench: Workbench, hidden: None) -> None:
    """The published provider drops the false, so that the endpoint is created with bursting on."""
    bench.make_endpoint(pt=True, declared=units(50))
    wanted = bench.inputs(api="pt", declared=units(50, **OFF))
    state = bench.create(wanted)
    assert burst_of(bench) is False
    assert any("burstScalingEnabled cannot be verified" in line for line in bench.lines)
    assert is_unchanged(bench.diff(state, wanted))
    again = bench.update(state, {**wanted, "declared": {**wanted["declared"], "tags": [{"key": "a", "value": "b"}]}})
    assert again["configVersion"] == state["configVersion"]  # nothing but the tags was sent


def test_burst_false_is_sent_after_every_change_of_the_config(bench: Workbench, hidden: None) -> None:
    bench.make_endpoint(pt=True, declared=units(50))
    state = bench.create(bench.inputs(api="pt", declared=units(50, **OFF)))
    more = bench.inputs(api="pt", declared=units(100, **OFF))
    # The provider of the endpoint's own resource sends the new config first, without the false.
    bench.put_config(api="pt", **units(100))
    assert burst_of(bench) is None
    state = bench.update(state, more)
    assert burst_of(bench) is False
    assert is_unchanged(bench.diff(state, more))


def test_burst_false_is_sent_again_after_a_change_by_hand_also_where_it_was_refreshed(
    bench: Workbench, hidden: None
) -> None:
    bench.make_endpoint(pt=True, declared=units(50))
    wanted = bench.inputs(api="pt", declared=units(50, **OFF))
    state = bench.create(wanted)
    bench.put_config(api="pt", **units(50))
    refreshed = {**state, **bench.refresh(state)}
    for known in (state, refreshed):
        found = bench.diff(known, wanted)
        assert set(found.detailed_diff) == {"declared.servedEntities[0].burstScalingEnabled"}
    assert any("`burst: false` is sent again" in warning for warning in bench.warnings)
    state = bench.update(refreshed, wanted)
    assert burst_of(bench) is False
    assert is_unchanged(bench.diff(state, wanted))


def test_burst_false_that_is_taken_out_is_taken_back(bench: Workbench, hidden: None) -> None:
    bench.make_endpoint(pt=True, declared=units(50))
    state = bench.create(bench.inputs(api="pt", declared=units(50, **OFF)))
    wanted = bench.inputs(api="pt", declared=units(50))
    state = bench.update(state, wanted)
    assert burst_of(bench) is None
    assert is_unchanged(bench.diff(state, wanted))


@pytest.mark.parametrize(("stated", "live"), [(False, True), (True, False)])
def test_burst_is_compared_where_the_workspace_gives_it_back(bench: Workbench, stated: bool, live: bool) -> None:
    bench.make_endpoint(pt=True, declared=units(50, burstScalingEnabled=live))
    wanted = bench.inputs(api="pt", declared=units(50, burstScalingEnabled=stated))
    found = bench.diff(state_of(bench, api="pt", declared=wanted["declared"]), wanted)
    assert set(found.detailed_diff) == {"declared.servedEntities[0].burstScalingEnabled"}
    assert is_unchanged(bench.diff(bench.create(wanted), wanted))
    assert burst_of(bench) is stated


def test_model_units_are_sent_through_their_own_family(bench: Workbench, hidden: None) -> None:
    bench.make_endpoint(pt=True, declared=units(50, burstScalingEnabled=True))
    wanted = bench.inputs(api="pt", declared=units(100, burstScalingEnabled=True))
    outputs = bench.update(bench.inputs(api="pt", declared=units(50, burstScalingEnabled=True)), wanted)
    live = bench.live()
    assert live.config is not None and live.config.entities[0].settings["provisioned_model_units"] == 100
    assert any("burstScalingEnabled cannot be verified" in line for line in bench.lines)
    assert is_unchanged(bench.diff(outputs, wanted))


def test_other_api_is_refused_at_preview_while_the_endpoint_has_the_name(bench: Workbench) -> None:
    before = state_of(bench, servingEndpointId=bench.make_endpoint())
    wanted = bench.inputs(api="pt", servingEndpointId=UNKNOWN)
    with pytest.raises(ProviderError, match=r"as an endpoint of bands.* as one of model units.* two resource types"):
        bench.diff(before, wanted)
    bench.client.delete(f"/api/2.0/serving-endpoints/{bench.name}")
    assert "api" in bench.diff(before, wanted).detailed_diff


def test_other_api_is_accepted_once_the_endpoint_of_that_api_is_made(bench: Workbench) -> None:
    before = state_of(bench, servingEndpointId="of the one before")
    wanted = bench.inputs(api="pt", servingEndpointId=bench.make_endpoint())
    assert "api" in bench.diff(before, wanted).detailed_diff


def test_what_the_published_provider_never_sends_is_sent(bench: Workbench) -> None:
    bench.make_endpoint()
    before = bench.create(bench.inputs())
    wanted = bench.inputs(
        declared=declaration(
            emailNotifications={"onUpdateFailures": ["a@x.example"], "onUpdateSuccesses": []},
            rateLimits=[{"calls": 5, "key": "user", "renewalPeriod": "minute"}],
        )
    )
    found = bench.diff(before, wanted)
    assert set(found.detailed_diff) >= {"declared.emailNotifications", "declared.rateLimits"}
    outputs = bench.update(before, wanted)
    assert bench.live().email_notifications["on_update_failure"] == ("a@x.example",)
    assert is_unchanged(bench.diff(outputs, wanted))
    # and taken away again
    outputs = bench.update(outputs, bench.inputs())
    assert not any(bench.live().email_notifications.values())
    assert is_unchanged(bench.diff(outputs, bench.inputs()))


def test_a_description_that_was_taken_away_is_said_to_stay(bench: Workbench) -> None:
    bench.make_endpoint(description="old")
    before = bench.create(bench.inputs(declared=declaration(description="old")))
    found = bench.diff(before, bench.inputs(declared=declaration()))
    assert set(found.detailed_diff) == {"declared.description"} and not found.replaces
    assert [warning for warning in bench.warnings if "removes an endpoint's description" in warning]
    outputs = bench.update(before, bench.inputs(declared=declaration()))
    assert bench.live().description == "old"
    assert is_unchanged(bench.diff(outputs, bench.inputs(declared=declaration())))


def test_a_description_that_was_changed_is_warned_about_and_is_no_lasting_diff(bench: Workbench) -> None:
    bench.make_endpoint(description="old")
    before = bench.create(bench.inputs(declared=declaration(description="old")))
    wanted = bench.inputs(declared=declaration(description="new"))
    found = bench.diff(before, wanted)
    assert set(found.detailed_diff) == {"declared.description"} and not found.replaces
    outputs = bench.update(before, wanted)
    assert bench.live().description == "old"
    assert any("no call that changes an endpoint's description" in warning for warning in bench.warnings)
    # The endpoint's own resource still plans it: each preview, by a newly started provider, says why.
    later = Workbench(bench.client, bench.name)
    assert is_unchanged(later.diff(outputs, wanted))
    assert any("no call that changes an endpoint's description" in warning for warning in later.warnings)


def test_a_budget_policy_that_was_changed_is_warned_about_as_no_call_changes_it(bench: Workbench) -> None:
    bench.make_endpoint(budget_policy_id="first")
    before = bench.create(bench.inputs(declared=declaration(budgetPolicyId="first")))
    assert not bench.warnings
    wanted = bench.inputs(declared=declaration(budgetPolicyId="second"))
    previewing = Workbench(bench.client, bench.name)
    assert set(previewing.diff(before, wanted).detailed_diff) == {"declared.budgetPolicyId"}
    outputs = bench.update(before, wanted)
    for warnings in (previewing.warnings, bench.warnings):
        assert [line for line in warnings if "no call that changes an endpoint's budget policy" in line]
    assert is_unchanged(bench.diff(outputs, wanted))


def test_a_rate_limit_of_zero_is_sent_though_the_endpoint_was_created_without_its_amount(bench: Workbench) -> None:
    # What the published provider makes of `calls: 0`: it drops the zero.
    bench.make_endpoint(ai_gateway={"rate_limits": [{"key": "endpoint", "renewal_period": "minute"}]})
    blocked = {"rateLimits": [{"calls": 0, "key": "endpoint", "renewalPeriod": "minute"}]}
    outputs = bench.create(bench.inputs(declared=declaration(aiGateway=blocked)))
    assert bench.live().ai_gateway["rate_limits"][0]["calls"] == 0
    assert is_unchanged(bench.diff(outputs, bench.inputs(declared=declaration(aiGateway=blocked))))


def test_a_planned_change_is_not_listed_a_second_time_for_the_live_endpoint_being_without_it(bench: Workbench) -> None:
    bench.make_endpoint()
    words = declaration(aiGateway={"guardrails": {"input": {"invalidKeywords": ["a", "b"]}}})
    before = bench.update(bench.create(bench.inputs()), bench.inputs(declared=words))
    fewer = declaration(aiGateway={"guardrails": {"input": {"invalidKeywords": ["b"]}}})
    place = "declared.aiGateway.guardrails.input.invalidKeywords"
    found = bench.diff(before, bench.inputs(declared=fewer))
    assert set(found.detailed_diff) == {f"{place}[0]", f"{place}[1]"}  # not the whole list beside its parts


def test_a_change_of_the_program_says_what_the_published_provider_would_leave_out_of_the_config(
    bench: Workbench,
) -> None:
    bench.make_endpoint()
    inputs = bench.inputs()
    state = bench.create(inputs)
    log = {"catalog_name": "m", "schema_name": "d", "table_name_prefix": bench.name, "enabled": True}
    running = bench.client.get(f"/api/2.0/serving-endpoints/{bench.name}")["config"]
    (entity,) = running["served_entities"]
    by_hand = {key: value for key, value in entity.items() if key not in ("state", "creator", "creation_timestamp")}
    body = {"served_entities": [{**by_hand, "environment_vars": {"A": "b"}}], "auto_capture_config": log}
    bench.endpoints.update_config(bench.name, "classic", body)
    while bench.live().is_updating:
        pass

    bench.diff(state, inputs)
    assert not any("may be lost" in line for line in bench.warnings)
    bench.diff(state, bench.inputs(declared=declaration(servedEntities=MORE)))

    (said,) = [line for line in bench.warnings if "may be lost" in line]
    assert "entities/llama-1/environment_vars, auto_capture_config" in said and "set them again after `up`" in said


def test_a_refresh_takes_over_parts_that_somebody_set_so_that_the_next_up_clears_them(bench: Workbench) -> None:
    bench.make_endpoint()
    inputs = bench.inputs()
    state = bench.create(inputs)
    bench.endpoints.put_ai_gateway(bench.name, {"usage_tracking_config": {"enabled": True}})
    bench.endpoints.patch_notifications(bench.name, {"on_update_success": ["a@x.com"]})
    assert is_unchanged(bench.diff(state, inputs))

    refreshed = bench.refresh(state)

    assert refreshed["declared"]["aiGateway"] == {"usageTrackingConfig": {"enabled": True}}
    assert refreshed["declared"]["emailNotifications"] == {"onUpdateSuccesses": ["a@x.com"]}
    bench.update(refreshed, inputs)
    assert not bench.live().ai_gateway and not any(bench.live().email_notifications.values())


def test_an_endpoint_that_is_gone_is_a_change_whose_update_says_to_refresh(bench: Workbench) -> None:
    state = state_of(bench)
    assert set(bench.diff(state, bench.inputs()).detailed_diff) == {"ready"}
    with pytest.raises(ProviderError, match=r"does not exist.*refresh"):
        bench.update(state, bench.inputs())


def test_an_endpoint_that_was_recreated_by_hand_is_noticed(bench: Workbench) -> None:
    bench.make_endpoint()
    inputs = bench.inputs(servingEndpointId="f" * 32)
    assert set(bench.diff(state_of(bench, servingEndpointId="f" * 32), inputs).detailed_diff) == {"servingEndpointId"}
    with pytest.raises(ProviderError, match=r"recreated by someone else.*refresh"):
        bench.update(state_of(bench), inputs)


def test_a_timeout_says_that_nothing_was_deleted_and_that_the_next_up_goes_on(bench: Workbench, stub: Any) -> None:
    """A workspace that never settles within the second that the entry allows."""
    bench.make_endpoint(settled=False)

    class Stuck(WorkspaceClient):
        """Shows the endpoint as it was at first, however often one looks."""

        def get(self, path: str) -> dict[str, Any]:
            return first

    first = bench.client.get(f"/api/2.0/serving-endpoints/{bench.name}")
    bench.client = Stuck(stub.host, stub.token)
    bench.provider = BandplanProvider(client_factory=lambda: bench.client)
    with pytest.raises(ProviderError) as caught:
        bench.create(bench.inputs(timeoutSeconds=1))
    text = str(caught.value)
    assert "not ready after 1 s: update in progress" in text
    assert "Nothing was deleted" in text and "the next `up` continues waiting" in text


def test_a_cancelled_deploy_stops_waiting(bench: Workbench, stub: Any) -> None:
    bench.make_endpoint(settled=False)
    first = bench.client.get(f"/api/2.0/serving-endpoints/{bench.name}")

    class Stuck(WorkspaceClient):
        def get(self, path: str) -> dict[str, Any]:
            return first

    provider = BandplanProvider(client_factory=lambda: Stuck(stub.host, stub.token))
    bench.provider = provider
    threading.Timer(0.2, lambda: complete(provider.cancel())).start()
    with pytest.raises(ProviderError, match="cancelled"):
        bench.create(bench.inputs())


def test_name_that_another_endpoint_has_is_said_at_the_preview(bench: Workbench) -> None:
    bench.create(bench.inputs(servingEndpointId=UNKNOWN), preview=True)
    assert bench.warnings == []
    identity = bench.make_endpoint()
    bench.create(bench.inputs(servingEndpointId=identity), preview=True)
    assert bench.warnings == []  # the stack's own
    bench.create(bench.inputs(servingEndpointId=UNKNOWN), preview=True)
    (warning,) = bench.warnings
    assert f"`bandplan adopt {bench.name}`" in warning


def test_a_preview_needs_no_workspace_and_leaves_the_version_unknown() -> None:
    def unreachable() -> WorkspaceClient:
        asked.append(1)
        raise NotConfigured("no workspace")  # a preview must not need one

    asked: list[int] = []

    bench = Workbench(WorkspaceClient("http://127.0.0.1:1", "t"), "planned")
    bench.provider = BandplanProvider(client_factory=unreachable)
    created = bench.create(bench.inputs(servingEndpointId=UNKNOWN), preview=True)
    assert created["configVersion"] is UNKNOWN and created["id"] == "planned"
    assert bench.create(bench.inputs(servingEndpointId=UNKNOWN), preview=True)["id"] == "planned"
    assert asked == [1] and bench.warnings == []  # one that is silent is asked once
    assert bench.create(bench.inputs(endpoint=UNKNOWN), preview=True)["id"] == ""
    assert bench.update(bench.inputs(), bench.inputs(), preview=True)["configVersion"] is UNKNOWN
    found = bench.diff(state_of(bench, servingEndpointId="0" * 32), bench.inputs(servingEndpointId=UNKNOWN))
    assert found.changes is True and set(found.detailed_diff) == {"servingEndpointId"} and not found.replaces
    half_known = bench.inputs(declared=declaration(servedEntities=[served(entityVersion=UNKNOWN)]))
    assert set(bench.diff(state_of(bench), half_known).detailed_diff) == {"declared.servedEntities[0].entityVersion"}


def test_another_endpoint_name_is_a_replacement(bench: Workbench) -> None:
    found = bench.diff(state_of(bench), bench.inputs(endpoint="another"))
    assert found.changes is True and found.replaces == ["endpoint"]


def test_no_workspace_listening_is_said_with_host_and_port() -> None:
    bench = Workbench(WorkspaceClient("http://127.0.0.1:1", "t"), "x")
    with pytest.raises(ProviderError, match=r"x: no workspace listens at 127.0.0.1 port 1 .*bandplan stub start"):
        bench.diff(state_of(bench), bench.inputs())


def test_a_missing_configuration_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DATABRICKS_HOST", raising=False)
    monkeypatch.delenv("DATABRICKS_TOKEN", raising=False)
    bench = Workbench(WorkspaceClient("http://127.0.0.1:1", "t"), "x")
    bench.provider = BandplanProvider()
    with pytest.raises(ProviderError, match="set DATABRICKS_HOST and DATABRICKS_TOKEN"):
        bench.create(bench.inputs())


def test_read_shows_what_runs(bench: Workbench) -> None:
    bench.make_endpoint()
    state = bench.create(bench.inputs())
    same = bench.read(state)
    assert same.resource_id == bench.name
    assert plain(same.inputs)["declared"] == declaration()
    bench.put_config(servedEntities=[served(maxProvisionedThroughput=1960)])
    drifted = bench.refresh(state)
    assert drifted["declared"]["servedEntities"][0]["maxProvisionedThroughput"] == 1960
    assert drifted["configVersion"] == 2


def test_read_of_a_missing_endpoint_has_no_id(bench: Workbench) -> None:
    assert bench.read(state_of(bench)).resource_id == ""


def test_delete_leaves_the_endpoint_alone(bench: Workbench) -> None:
    bench.make_endpoint()
    complete(bench.provider.delete(sdk.DeleteRequest(bench.urn, bench.name, {}, 0)))
    assert bench.live().ready == "READY"


def test_check_refuses_with_property_and_reason_and_passes_inputs_on(bench: Workbench) -> None:
    assert not bench.check(bench.inputs()).failures
    failures = bench.check(bench.inputs(api="other", declared={})).failures
    assert [failure.property for failure in failures or []] == ["api", "declared"]


def test_the_schema_names_the_resource_and_its_properties(bench: Workbench) -> None:
    schema = json.loads(complete(bench.provider.get_schema(sdk.GetSchemaRequest(0))).schema or "")
    resource = schema["resources"][ENDPOINT_READY]
    inputs = {"endpoint", "servingEndpointId", "api", "declared", "accepted", "timeoutSeconds"}
    assert set(resource["inputProperties"]) == inputs
    assert set(resource["properties"]) == {*inputs, "configVersion", "ready", "shortfall"}


def test_another_resource_type_is_refused(bench: Workbench) -> None:
    bench.urn = "urn:pulumi:test::bandplan::bandplan:index:Other::x"
    with pytest.raises(ProviderError, match="is not a resource of this package"):
        bench.check(bench.inputs())


def test_a_fleet_that_registers_nothing_loads_nothing_that_registering_needs() -> None:
    script = (
        "import sys, bandplan.provider.native\n"
        "print(sorted({'pydantic', 'mlflow', 'bandplan.serving.registration', 'bandplan.provider.model_version'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
