from typing import Any

import pytest

from bandplan.drift.begun import begun
from bandplan.drift.naming import flattened
from bandplan.drift.record_form import BadRecord
from bandplan.drift.recorded import recorded
from bandplan.embedded.form import resource_problems
from bandplan.wire.sentinels import SIGNATURE
from tests.damage import damaged_documents
from tests.endpoint.builders import served

PREFIX = "urn:pulumi:dev::bandplan::"


def resource(kind: str, name: str, inputs: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {"urn": f"{PREFIX}{kind}::{name}", "type": kind, "custom": True, "inputs": inputs, "outputs": {}, **changes}


def endpoint(**inputs: Any) -> dict[str, Any]:
    whole = {"name": "chat", "config": {"servedEntities": [served()]}, **inputs}
    return resource(
        "databricks:index/modelServing:ModelServing", "chat", whole, id="chat", outputs={"servingEndpointId": "id-1"}
    )


def guard(**declared: Any) -> dict[str, Any]:
    inputs = {"endpoint": "chat", "api": "classic", "declared": {"servedEntities": [served()], **declared}}
    return resource("bandplan:index:EndpointReady", "chat-ready", inputs, id="chat")


def test_stack_that_was_never_deployed_is_empty() -> None:
    assert recorded({}).endpoints == ()


def test_endpoint_is_put_together_from_its_three_resources() -> None:
    controls = [{"groupName": "apps", "permissionLevel": "CAN_QUERY"}]
    access = resource(
        "databricks:index/permissions:Permissions",
        "chat-permissions",
        {"servingEndpointId": "id-1", "accessControls": controls},
    )
    state = [endpoint(tags=[{"key": "a", "value": "b"}]), access, guard(task="llm/v1/chat")]

    (found,) = recorded({"resources": state}).endpoints

    assert (found.name, found.id, found.api) == ("chat", "id-1", "classic")
    assert found.access == tuple(controls)
    assert found.declared == {
        "servedEntities": [served()],
        "tags": [{"key": "a", "value": "b"}],
        "task": "llm/v1/chat",
    }


def test_gateway_that_the_endpoint_ignores_since_it_was_taken_away_is_what_the_guard_says() -> None:
    gateway = {"usageTrackingConfig": {"enabled": True}}
    ignoring = {**endpoint(aiGateway=gateway), "ignoreChanges": ["emailNotifications", "aiGateway"]}
    (cleared,) = recorded({"resources": [ignoring, guard()]}).endpoints
    assert "aiGateway" not in cleared.declared
    (not_yet,) = recorded({"resources": [ignoring, guard(aiGateway=gateway)]}).endpoints
    assert not_yet.declared["aiGateway"] == gateway


@pytest.mark.parametrize(("created", "declared"), [(None, True), (True, None), (True, False), (False, True)])
def test_a_value_of_an_entity_that_the_endpoint_ignores_is_what_the_guard_says(
    created: bool | None, declared: bool | None
) -> None:
    """The endpoint's own resource keeps what it was created with, as the platform never returns it."""

    def of(burst: bool | None) -> list[dict[str, Any]]:
        return [served() | ({} if burst is None else {"burstScalingEnabled": burst})]

    ignoring = endpoint(config={"servedEntities": of(created)})
    ignoring["ignoreChanges"] = ["config.servedEntities[0].burstScalingEnabled", "config.servedEntities[7].x"]
    (found,) = recorded({"resources": [ignoring, guard(servedEntities=of(declared))]}).endpoints
    assert found.declared["servedEntities"] == of(declared)


def test_marks_of_the_published_provider_are_no_part_of_what_was_deployed() -> None:
    marked = endpoint(tags=[{"key": "a", "value": "b", "__defaults": []}], __defaults=[])
    (found,) = recorded({"resources": [marked]}).endpoints
    assert found.declared["tags"] == [{"key": "a", "value": "b"}]


def test_endpoint_that_waits_to_be_deleted_after_a_replacement_does_not_count() -> None:
    assert recorded({"resources": [{**endpoint(), "delete": True}]}).endpoints == ()


def test_encrypted_part_is_hidden_and_its_text_goes_nowhere() -> None:
    secret = {SIGNATURE: "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:geheim"}

    (found,) = recorded({"resources": [endpoint(description=secret)]}).endpoints

    assert found.hidden == ("description",)
    assert "geheim" not in repr(found)


def test_versions_and_aliases_of_the_stack_are_found() -> None:
    version = resource(
        "bandplan:index:ModelVersion", "ml.a.b@champion", {}, outputs={"name": "ml.a.b", "version": "3", "digest": "d"}
    )
    alias = resource(
        "bandplan:index:ModelAlias", "ml.a.b@champion", {"name": "ml.a.b", "alias": "champion", "version": "3"}
    )

    stack = recorded({"resources": [version, alias]})

    assert [(one.key, one.model, one.version) for one in stack.versions] == [("ml.a.b@champion", "ml.a.b", "3")]
    assert [(one.model, one.alias, one.version) for one in stack.aliases] == [("ml.a.b", "champion", "3")]


def test_s18_config_that_the_guard_alone_sends_is_read_from_the_guard_with_what_ran() -> None:
    """The endpoint's own resource still has what it was created with."""
    guarding = guard(servedEntities=[served(maxProvisionedThroughput=4900)])
    guarding["inputs"]["accepted"] = {"servedEntities": [served()]}
    state = [endpoint(), guarding]

    (reached,) = recorded({"resources": state}).endpoints
    assert reached.declared["servedEntities"][0]["maxProvisionedThroughput"] == 4900
    assert not reached.is_short_of_capacity

    guarding["outputs"] = {"shortfall": [{"servedName": "llama-1", "wanted": 4900, "accepted": 2940, "runs": 3920}]}
    (short,) = recorded({"resources": state}).endpoints
    assert short.declared["servedEntities"][0]["maxProvisionedThroughput"] == 3920
    assert short.is_short_of_capacity


def whole_stack() -> list[dict[str, Any]]:
    """An endpoint with everything that is read of one, and what stands beside it."""
    config = {"servedEntities": [served()], "trafficConfig": {"routes": [{"servedEntityName": "x"}]}}
    settings = {"tags": [{"key": "a", "value": "b"}], "aiGateway": {"usageTrackingConfig": {"enabled": True}}}
    mail = {"emailNotifications": {"onUpdateFailures": ["ann@example.com"]}}
    controls = [{"groupName": "apps", "permissionLevel": "CAN_QUERY"}]
    shortfall = [{"servedName": "x", "runs": 980}]
    return [
        {**endpoint(config=config, **settings), "ignoreChanges": ["tags"]},
        {**guard(task="llm/v1/chat", **settings, **mail), "outputs": {"shortfall": shortfall}},
        resource(
            "databricks:index/permissions:Permissions",
            "chat-permissions",
            {"servingEndpointId": "id-1", "accessControls": controls},
        ),
        resource("bandplan:index:ModelAlias", "a", {"name": "ml.a.b", "alias": "champion", "version": "1"}),
    ]


def test_damaged_state_is_compared_or_refused_by_place() -> None:
    ends = []
    for resources in damaged_documents(whole_stack(), seed=11, count=1200):
        if not all(isinstance(one, dict) and is_of_pulumis_form(one) for one in resources):
            continue  # the readers of a whole state refuse it
        deployment = {"resources": resources, "pending_operations": []}
        try:
            begun([deployment], "")
            for one in recorded(deployment).endpoints:
                flattened(one.declared, one.access)
        except BadRecord as error:
            assert str(error).startswith("  - ")
            ends.append(False)
        else:
            ends.append(True)
    assert ends.count(False) > 100 and ends.count(True) > 100, "both sides are tried"


def is_of_pulumis_form(entry: dict[str, Any]) -> bool:
    return not resource_problems(entry, "one", "bandplan", "dev")


def test_refusal_of_a_state_has_every_finding_and_no_value_of_it() -> None:
    state = [endpoint(tags="s3cret"), guard(trafficConfig=["s3cret"])]
    with pytest.raises(BadRecord) as refusal:
        recorded({"resources": state})
    assert str(refusal.value) == (
        "  - chat: inputs.tags must be a list\n  - chat-ready: inputs.declared.trafficConfig must be an object"
    )
