"""Requests with the inputs that the last deployment recorded: the protocol sends them, the SDK's own classes drop them.

Checked against pulumi 3.272: `DiffRequest` and `UpdateRequest` of `pulumi.provider.experimental.provider` hold only the
recorded outputs. With the inputs, a provider need not repeat them in its outputs.
"""

from collections.abc import Mapping
from types import MappingProxyType

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

Properties = Mapping[str, PropertyValue]


class DiffRequest(sdk.DiffRequest):
    """A request to compare the recorded state with new inputs."""

    old_inputs: Properties = MappingProxyType({})


class UpdateRequest(sdk.UpdateRequest):
    """A request to update a resource, or to foresee the update."""

    old_inputs: Properties = MappingProxyType({})


def recorded(request: sdk.DiffRequest | sdk.UpdateRequest | sdk.ReadRequest) -> dict[str, PropertyValue]:
    """Return what the state says about the resource: its inputs, and its outputs, which take precedence.

    They have precedence because an update that ended before the resource was usable leaves the inputs from before it
    beside the outputs of what it sent. A request from a caller that knows no recorded inputs has the outputs alone.
    """
    match request:
        case sdk.ReadRequest():
            return {**request.inputs, **request.properties}
        case DiffRequest():
            return {**request.old_inputs, **request.old_state}
        case UpdateRequest():
            return {**request.old_inputs, **request.olds}
        case sdk.DiffRequest():
            return request.old_state
    return request.olds
