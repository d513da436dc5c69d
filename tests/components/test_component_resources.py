"""The thin types against the installed pulumi_databricks; the only place that imports it."""

from collections.abc import Mapping, Sequence
from typing import Any, get_args

import pulumi
import pulumi_databricks
import pytest
from pulumi import _types

from bandplan.components.request import endpoint_request
from bandplan.components.resources import (
    EndpointReady,
    Grants,
    ModelAlias,
    ModelServing,
    ModelServingProvisionedThroughput,
    ModelVersion,
    Permissions,
    RegisteredModel,
    databricks_plugin_version,
)
from bandplan.provider.schema import package_schema

PUBLISHED: dict[Any, tuple[Any, Any]] = {
    ModelServing: (pulumi_databricks.ModelServing, pulumi_databricks.ModelServingArgs),
    ModelServingProvisionedThroughput: (
        pulumi_databricks.ModelServingProvisionedThroughput,
        pulumi_databricks.ModelServingProvisionedThroughputArgs,
    ),
    Permissions: (pulumi_databricks.Permissions, pulumi_databricks.PermissionsArgs),
    RegisteredModel: (pulumi_databricks.RegisteredModel, pulumi_databricks.RegisteredModelArgs),
    Grants: (pulumi_databricks.Grants, pulumi_databricks.GrantsArgs),
}


@pytest.mark.parametrize("thin", PUBLISHED)
def test_type_token_is_the_published_one(thin: Any) -> None:
    assert PUBLISHED[thin][0].pulumi_type == thin.TYPE


def test_plugin_version_is_the_one_that_the_published_package_asks_for() -> None:
    published: Any = pulumi_databricks._utilities
    assert databricks_plugin_version() == published.get_version()


@pytest.mark.parametrize("thin", [ModelServing, ModelServingProvisionedThroughput, RegisteredModel])
def test_every_published_input_and_no_other_is_accepted(thin: Any) -> None:
    assert set(_types.input_type_types(PUBLISHED[thin][1])) == thin.INPUTS


@pytest.mark.parametrize("thin", [Permissions, Grants])
def test_permissions_and_grants_take_the_inputs_of_one_kind_of_object(thin: Any) -> None:
    """The published ones have an input per kind; ours are for serving endpoints and for models only."""
    assert set(_types.input_type_types(PUBLISHED[thin][1])) > thin.INPUTS


@pytest.mark.parametrize("own", [EndpointReady, ModelVersion, ModelAlias])
def test_our_own_types_have_the_properties_of_our_provider(own: Any) -> None:
    described = package_schema()["resources"][own.TYPE]
    worked_out = {"digest"} & set(own.OUTPUTS)  # added to the inputs by the provider itself
    assert set(described["inputProperties"]) == own.INPUTS | worked_out
    assert set(described["properties"]) == own.INPUTS | set(own.OUTPUTS)


@pytest.mark.parametrize("thin", PUBLISHED)
def test_outputs_are_published_properties_that_are_no_inputs(thin: Any) -> None:
    resource, arguments = PUBLISHED[thin]
    only_outputs = set(_types.resource_types(resource)) - set(_types.input_type_types(arguments))
    assert set(thin.OUTPUTS) <= only_outputs | {"objectType"}
    assert set(thin.OUTPUTS) <= set(_types.resource_types(resource))


def test_unknown_input_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="databricks:index/modelServing:ModelServing has no input named servedEntities"):
        ModelServing("chat", {"servedEntities": []})


def test_inputs_reach_the_engine_with_their_names_untouched(record: Any) -> None:
    inputs = {
        "name": "chat",
        "config": {"servedEntities": [{"entityName": "a.b.c", "minProvisionedThroughput": 0}]},
        "tags": [{"key": "snake_case key", "value": "x"}],
    }

    def program() -> None:
        chat = ModelServing("chat", inputs)
        EndpointReady("chat-ready", {"endpoint": "chat", "servingEndpointId": chat.serving_endpoint_id})

    recording = record(program)
    assert recording.named("chat", "ModelServing").inputs == inputs
    assert recording.named("chat", "ModelServing").version == databricks_plugin_version()
    ready = recording.named("chat-ready", "EndpointReady")
    assert ready.inputs == {"endpoint": "chat", "servingEndpointId": "id-of-chat"}
    assert ready.dependencies == {recording.named("chat", "ModelServing").urn}
    assert ready.version == ""


def test_a_chosen_plugin_version_is_kept(record: Any) -> None:
    recording = record(lambda: ModelServing("chat", {"name": "chat"}, pulumi.ResourceOptions(version="1.117.0")))
    assert recording.named("chat", "ModelServing").version == "1.117.0"


def unknown_names(value: Any, published: Any, place: str) -> list[str]:
    """Places in `value` whose key the published input type does not have."""
    published = _types.unwrap_type(published)
    if isinstance(value, Mapping):
        fields = _types.input_type_types(published)
        wrong = [f"{place}.{key}" for key in value if key not in fields]
        return wrong + [
            name
            for key, item in value.items()
            if key in fields
            for name in unknown_names(item, fields[key], f"{place}.{key}")
        ]
    if isinstance(value, Sequence) and not isinstance(value, str):
        element = get_args(published)[0]
        return [
            name
            for item in value
            for name in unknown_names(item, get_args(element)[0] if get_args(element) else element, place)
        ]
    return []


@pytest.mark.parametrize(
    ("chunk", "capacity"),
    [
        (980, {}),
        (None, {"throughput": {"model_units": 50, "burst": True}}),
        (
            980,
            {"task": "llm/v1/completions", "throughput": None, "workload": {"size": "Small", "parameters_billion": 7}},
        ),
    ],
    ids=["bands", "model units", "legacy"],
)
def test_every_nested_name_is_one_that_the_published_package_has(
    sizing_of: Any, every_setting: dict[str, Any], chunk: int | None, capacity: dict[str, Any]
) -> None:
    only_classic = ("description", "route_optimized", "rate_limits")
    pt_settings = {key: value for key, value in every_setting.items() if key not in only_classic}
    request = endpoint_request(sizing_of(chunk=chunk, **(every_setting if chunk else pt_settings), **capacity))
    thin = ModelServing if request.api == "classic" else ModelServingProvisionedThroughput
    assert unknown_names(request.endpoint, PUBLISHED[thin][1], thin.__name__) == []


def test_permission_names_are_those_of_the_published_package(sizing_of: Any) -> None:
    principals = {
        "user_name": "ana@example.com",
        "group_name": "analysts",
        "service_principal_name": "6f1b7c9e-0000-4000-8000-00000000000a",
    }
    permissions = [{kind: name, "permission_level": "CAN_QUERY"} for kind, name in principals.items()]
    inputs = {"accessControls": list(endpoint_request(sizing_of(permissions=permissions)).access_controls)}
    assert unknown_names(inputs, pulumi_databricks.PermissionsArgs, "Permissions") == []


def test_grant_names_are_those_of_the_published_package() -> None:
    inputs = {"model": "ml.own.m", "grants": [{"principal": "apps", "privileges": ["EXECUTE"]}]}
    assert unknown_names(inputs, pulumi_databricks.GrantsArgs, "Grants") == []


def test_a_wrong_nested_name_would_be_found() -> None:
    inputs = {"config": {"servedEntities": [{"entity_name": "a.b.c"}], "trafficConfig": {"routes": []}}}
    wrong = unknown_names(inputs, pulumi_databricks.ModelServingArgs, "ModelServing")
    assert wrong == ["ModelServing.config.servedEntities.entity_name"]
