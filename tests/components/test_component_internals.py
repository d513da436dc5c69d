"""What the components rely on in the SDK beyond its public API: a release that lacks it stops before it sends anything."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from pulumi import resource as sdk_resource

from bandplan.components import resources
from bandplan.components.endpoint import Endpoint
from bandplan.components.pulumi_internals import properties_to_state, state_inputs
from bandplan.embedded.program_values import plain_properties
from tests.components.conftest import Recording

COPIES = r"^pulumi \S+ copies a resource's properties before its inputs are set: .* install pulumi 3\.\d+\.\d+"

TYPES: dict[str, Callable[[], Any]] = {
    "ModelServing": lambda: resources.ModelServing("one", {"name": "one"}),
    "ModelServingProvisionedThroughput": lambda: resources.ModelServingProvisionedThroughput("one", {"name": "one"}),
    "Permissions": lambda: resources.Permissions("one", {"servingEndpointId": "1"}),
    "RegisteredModel": lambda: resources.RegisteredModel("one", {"name": "one"}),
    "Grants": lambda: resources.Grants("one", {"model": "one"}),
    "EndpointReady": lambda: resources.EndpointReady("one", {"endpoint": "one"}),
    "ModelVersion": lambda: resources.ModelVersion("one", {"name": "one"}),
    "ModelAlias": lambda: resources.ModelAlias("one", {"name": "one"}),
}


@pytest.fixture
def copying_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    """An SDK that takes its own copy of the properties when a resource is constructed."""
    register = sdk_resource.register_resource

    def copying(*arguments: Any) -> None:
        register(*arguments[:6], dict(arguments[6]), *arguments[7:])

    monkeypatch.setattr(sdk_resource, "register_resource", copying)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.usefixtures("copying_sdk")
def test_sdk_that_copies_properties_stops_each_type_before_it_is_sent(kind: str, record: Any) -> None:
    recording = Recording()

    with pytest.raises(pulumi.RunError, match=COPIES):
        record(TYPES[kind], into=recording)

    assert recording.resources == []


@pytest.mark.usefixtures("copying_sdk")
def test_sdk_that_copies_properties_stops_an_endpoint_with_all_its_resources(record: Any, sizing_of: Any) -> None:
    recording = Recording()

    with pytest.raises(pulumi.RunError, match=COPIES):
        record(lambda: Endpoint(sizing_of()), into=recording)

    assert recording.resources == []


@pytest.mark.parametrize("kind", TYPES)
def test_sdk_in_use_is_sent_every_input_and_nothing_else(kind: str, record: Any) -> None:
    (sent,) = record(TYPES[kind]).resources

    assert list(sent.inputs.values()) in (["one"], ["1"])


def test_embedded_engine_refuses_properties_whose_inputs_were_not_stated() -> None:
    async def properties() -> dict[str, Any]:
        return await plain_properties(properties_to_state(["url"]), {}, None, "place")

    with pytest.raises(pulumi.RunError, match=COPIES):
        asyncio.run(properties())


def test_inputs_may_be_stated_in_several_steps() -> None:
    properties = properties_to_state(["url"])
    state_inputs(properties, {"a": 1})
    state_inputs(properties, {"b": 2})

    assert properties == {"url": None, "a": 1, "b": 2}
