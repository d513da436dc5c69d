"""Properties that a program may not state, or has to."""

import pytest
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.complete import complete
from bandplan.plugin.values import UNKNOWN, plain, property_values
from bandplan.stub.provider.checking import failures, generated_name
from bandplan.stub.provider.databricks import DatabricksProvider
from bandplan.stub.provider.fields import GRANTS, MODEL_SERVING, PERMISSIONS, PROVISIONED_THROUGHPUT, REGISTERED_MODEL

ENTITY = {"entityName": "m", "entityVersion": "1", "provisionedModelUnits": 50}
PT_CONFIG = {"servedEntities": [ENTITY]}
CONTROLS = [{"groupName": "users", "permissionLevel": "CAN_QUERY"}]

CASES = [
    (MODEL_SERVING, {"tagz": []}, "tagz", "did you mean tags?"),
    (MODEL_SERVING, {"servingEndpointId": "x"}, "servingEndpointId", "is an output"),
    (
        MODEL_SERVING,
        {"config": {"servedEntities": [{"entityname": "m"}]}},
        "config.servedEntities[0].entityname",
        "did you mean entityName?",
    ),
    (MODEL_SERVING, {"tags": [{"value": "x"}]}, "tags[0].key", "is required"),
    (MODEL_SERVING, {"tags": {"key": "x"}}, "tags", "is an object; use a list"),
    (MODEL_SERVING, {"config": []}, "config", "is a list; use an object"),
    (MODEL_SERVING, {"description": {}}, "description", "is an object; use a single value"),
    (MODEL_SERVING, {"tags": ["x"]}, "tags[0]", "is a single value; use an object"),
    (PROVISIONED_THROUGHPUT, {}, "config", "is required"),
    (PROVISIONED_THROUGHPUT, {"config": PT_CONFIG, "description": "x"}, "description", "no such property"),
    (PERMISSIONS, {"accessControls": CONTROLS}, "servingEndpointId", "none is set"),
    (
        PERMISSIONS,
        {"accessControls": CONTROLS, "servingEndpointId": "1", "registeredModelId": "2"},
        "servingEndpointId",
        "servingEndpointId and registeredModelId are set",
    ),
    (PERMISSIONS, {"accessControls": CONTROLS, "jobId": "1"}, "jobId", "is not supported"),
    (GRANTS, {"model": "a.b.c"}, "grants", "is required"),
    (REGISTERED_MODEL, {"schemaName": "s"}, "catalogName", "is required"),
]


@pytest.mark.parametrize(("resource", "inputs", "path", "reason"), CASES)
def test_problem_is_told_with_its_path(resource, inputs, path, reason) -> None:  # type: ignore[no-untyped-def]
    (failure,) = failures(resource, inputs)
    assert failure.path == path
    assert reason in failure.reason


def test_every_problem_is_told_at_once() -> None:
    assert {failure.path for failure in failures(MODEL_SERVING, {"a": 1, "tags": [{}], "config": {"b": 1}})} == {
        "a",
        "tags[0].key",
        "config.b",
    }


def test_unknown_values_and_marks_of_the_bridge_pass() -> None:
    inputs = {"config": {"servedEntities": [UNKNOWN], "__defaults": []}, "tags": UNKNOWN, "__defaults": ["name"]}
    assert failures(MODEL_SERVING, inputs) == []
    assert failures(PERMISSIONS, {"accessControls": CONTROLS, "servingEndpointId": UNKNOWN}) == []


def test_generated_name_is_logical_name_and_seven_hex_digits_and_repeats_for_a_seed() -> None:
    first, second = (generated_name("chat", "urn", b"seed") for _ in range(2))
    assert first == second
    head, _, digits = first.rpartition("-")
    assert head == "chat"
    assert len(digits) == 7
    assert int(digits, 16) >= 0
    assert generated_name("chat", "urn", b"other") != first


def test_check_keeps_secrets_and_the_generated_name() -> None:
    urn = f"urn:pulumi:local::bandplan::{MODEL_SERVING.token}::chat"
    secret = property_values({"description": "x"})["description"].with_secret(True)
    olds = property_values({"name": "chat-0123456", "__defaults": ["name"]})
    request = sdk.CheckRequest(urn, olds, {"description": secret}, b"seed")
    answer = complete(DatabricksProvider({}).check(request))
    assert answer.inputs is not None
    assert answer.inputs["description"].is_secret
    assert plain(answer.inputs)["name"] == "chat-0123456"
