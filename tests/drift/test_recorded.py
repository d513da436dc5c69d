from typing import Any

from bandplan.drift.recorded import recorded
from bandplan.wire.sentinels import SIGNATURE
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
