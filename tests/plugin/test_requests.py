"""What a provider learns of the state: the inputs that the protocol sends, and the outputs."""

from typing import Any

from google.protobuf import struct_pb2
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.pulumi_internals import proto
from bandplan.plugin.requests import recorded
from bandplan.plugin.servicer import Calls
from bandplan.plugin.values import plain, property_values


class Listening(sdk.Provider):
    """Keeps what each request says about the state."""

    def __init__(self) -> None:
        self.heard: list[dict[str, Any]] = []

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        self.heard.append(plain(recorded(request)))
        return sdk.DiffResponse(changes=False)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        self.heard.append(plain(recorded(request)))
        return sdk.UpdateResponse({})

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        self.heard.append(plain(recorded(request)))
        return sdk.ReadResponse("")


def struct(**values: Any) -> struct_pb2.Struct:
    made = struct_pb2.Struct()
    made.update(values)
    return made


def test_recorded_inputs_reach_the_provider_and_outputs_take_precedence() -> None:
    provider = Listening()
    calls = Calls(provider, "1.0.0")
    inputs, outputs = struct(band=2, name="chat"), struct(band=3, ready=True)
    calls.Diff(proto.DiffRequest(urn="u", id="i", olds=outputs, old_inputs=inputs))
    calls.Update(proto.UpdateRequest(urn="u", id="i", olds=outputs, old_inputs=inputs))
    calls.Read(proto.ReadRequest(urn="u", id="i", properties=outputs, inputs=inputs))
    assert provider.heard == [{"band": 3, "name": "chat", "ready": True}] * 3


def test_request_of_a_caller_that_knows_no_inputs_has_the_outputs() -> None:
    outputs = property_values({"band": 3})
    assert recorded(sdk.DiffRequest("u", "i", outputs, {}, [])) == outputs
    assert recorded(sdk.UpdateRequest("u", "i", outputs, {}, 0, [], False)) == outputs
