"""The plugin as its own process, called over gRPC as an engine calls it."""

import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime import proto, rpc
from pulumi.runtime.proto import provider_pb2_grpc, status_pb2

PLUGIN = textwrap.dedent(
    """
    import sys, threading
    from pulumi.provider.experimental import provider as sdk
    from bandplan.plugin.errors import InitFailed, ProviderError
    from bandplan.plugin.server import serve
    from bandplan.plugin.values import UNKNOWN, plain, property_values

    class Sample(sdk.Provider):
        cancelled = threading.Event()
        waiting = threading.Semaphore(0)
        async def create(self, request):
            match plain(request.properties).get("do"):
                case "refuse":
                    raise ProviderError("quota exceeded; ask for more")
                case "half":
                    raise InitFailed("half-1", property_values({"a": 1}), ["not ready"], property_values({"a": 2}))
                case "bug":
                    raise KeyError("secret detail")
                case "wait":
                    self.cancelled.wait(300)
                    raise ProviderError("cancelled")
            return sdk.CreateResponse("id-1", property_values({"out": UNKNOWN, "n": 3}))
        async def diff_config(self, request):
            kind = sdk.PropertyDiffKind.UPDATE_REPLACE
            return sdk.DiffResponse(changes=True, replaces=["host"], detailed_diff={"host": sdk.PropertyDiff(kind, True)})
        async def check(self, request):
            if "bad" in request.new_inputs:
                return sdk.CheckResponse(failures=[sdk.CheckFailure("bad", "no such property")])
            return sdk.CheckResponse(request.new_inputs)
        async def read(self, request):
            if request.resource_id == "gone":
                return sdk.ReadResponse("")
            return sdk.ReadResponse(request.resource_id, {}, {})
        async def cancel(self):
            self.cancelled.set()

    serve(Sample(), "1.2.3", sys.argv[1:])
    """
)


class Plugin:
    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PLUGIN, "127.0.0.1:1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def stop(self) -> tuple[int, str]:
        self.process.terminate()
        _, log = self.process.communicate(timeout=60)
        return self.process.returncode, log


@pytest.fixture
def plugin() -> Iterator[Plugin]:
    running = Plugin()
    yield running
    running.channel.close()
    running.stop()


def create(plugin: Plugin, **properties: object) -> proto.CreateResponse:
    struct = struct_pb2.Struct()
    struct.update(properties)
    return plugin.stub.Create(proto.CreateRequest(urn="urn:pulumi:s::p::t:i:T::n", properties=struct))


def error_of(plugin: Plugin, **properties: object) -> grpc.RpcError:
    with pytest.raises(grpc.RpcError) as raised:
        create(plugin, **properties)
    return raised.value


def test_version_is_told(plugin: Plugin) -> None:
    assert plugin.stub.GetPluginInfo(empty_pb2.Empty()).version == "1.2.3"


def test_computed_output_is_sent_as_the_unknown_sentinel(plugin: Plugin) -> None:
    answer = create(plugin)
    assert answer.id == "id-1"
    assert dict(answer.properties) == {"out": rpc.UNKNOWN, "n": 3.0}


def test_resource_that_is_gone_has_no_properties_at_all(plugin: Plugin) -> None:
    def read(identity: str) -> proto.ReadResponse:
        return plugin.stub.Read(proto.ReadRequest(urn="urn:pulumi:s::p::t:i:T::n", id=identity))

    assert not read("gone").HasField("properties")
    assert read("there").HasField("properties") and read("there").HasField("inputs")


def test_expected_error_is_the_message_alone(plugin: Plugin) -> None:
    assert error_of(plugin, do="refuse").details() == "quota exceeded; ask for more"


def test_init_failure_carries_id_properties_inputs_and_reasons(plugin: Plugin) -> None:
    error = error_of(plugin, do="half")
    metadata = dict(error.trailing_metadata())
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    detail = proto.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert (detail.id, list(detail.reasons)) == ("half-1", ["not ready"])
    assert (dict(detail.properties), dict(detail.inputs)) == ({"a": 1.0}, {"a": 2.0})


def test_unexpected_error_names_the_call_and_only_the_log_has_the_traceback(plugin: Plugin) -> None:
    message = error_of(plugin, do="bug").details()
    assert "Create: unexpected KeyError" in message
    assert "Traceback" not in message
    _, log = plugin.stop()
    assert "Traceback" in log


def test_method_that_the_provider_lacks_is_unimplemented(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        plugin.stub.Invoke(proto.InvokeRequest(tok="a:b:c"))
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_diff_config_sends_a_detailed_diff(plugin: Plugin) -> None:
    answer = plugin.stub.DiffConfig(proto.DiffRequest(urn="u", id="i"))
    assert answer.changes == proto.DiffResponse.DIFF_SOME
    assert answer.detailedDiff["host"].kind == proto.PropertyDiff.UPDATE_REPLACE


def test_default_diff_leaves_the_verdict_to_the_engine(plugin: Plugin) -> None:
    answer = plugin.stub.Diff(proto.DiffRequest(urn="u", id="i"))
    assert answer.changes == proto.DiffResponse.DIFF_UNKNOWN
    assert not answer.hasDetailedDiff


def test_check_failures_are_sent(plugin: Plugin) -> None:
    news = struct_pb2.Struct()
    news.update({"bad": 1})
    answer = plugin.stub.Check(proto.CheckRequest(urn="u", news=news))
    assert [(failure.property, failure.reason) for failure in answer.failures] == [("bad", "no such property")]


def test_cancel_passes_when_every_worker_is_busy(plugin: Plugin) -> None:
    calls = [threading.Thread(target=error_of, args=(plugin,), kwargs={"do": "wait"}) for _ in range(140)]
    for call in calls:
        call.start()
    plugin.stub.Cancel(empty_pb2.Empty(), timeout=60)
    for call in calls:
        call.join(timeout=60)
    assert not any(call.is_alive() for call in calls)


def test_process_ends_when_told_although_a_call_is_running(plugin: Plugin) -> None:
    threading.Thread(target=error_of, args=(plugin,), kwargs={"do": "wait"}, daemon=True).start()
    code, _ = plugin.stop()
    assert code == 0


def test_call_that_is_not_served_is_unimplemented_and_logs_nothing(plugin: Plugin) -> None:
    with pytest.raises(grpc.RpcError) as raised:
        plugin.stub.Handshake(proto.ProviderHandshakeRequest())
    assert raised.value.code() == grpc.StatusCode.UNIMPLEMENTED
    assert plugin.stop() == (0, "")
