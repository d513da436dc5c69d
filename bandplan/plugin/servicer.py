"""The provider protocol for an experimental `Provider`: one method per call, from message to message."""

from typing import Any

from google.protobuf import empty_pb2
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.complete import complete
from bandplan.plugin.pulumi_internals import proto
from bandplan.plugin.requests import DiffRequest, UpdateRequest
from bandplan.plugin.wire import from_struct, to_struct

_KINDS = {
    sdk.PropertyDiffKind.ADD: proto.PropertyDiff.ADD,
    sdk.PropertyDiffKind.ADD_REPLACE: proto.PropertyDiff.ADD_REPLACE,
    sdk.PropertyDiffKind.DELETE: proto.PropertyDiff.DELETE,
    sdk.PropertyDiffKind.DELETE_REPLACE: proto.PropertyDiff.DELETE_REPLACE,
    sdk.PropertyDiffKind.UPDATE: proto.PropertyDiff.UPDATE,
    sdk.PropertyDiffKind.UPDATE_REPLACE: proto.PropertyDiff.UPDATE_REPLACE,
}


class Calls:
    """Synchronous handlers; the method names are those of the protocol, so that the server can find them by name.

    Written from scratch rather than taken from the SDK's `ProviderServicer`, whose `DiffConfig` fails on any detailed
    diff and whose value conversion fails on unknown values (see `bandplan.plugin.wire`).
    """

    def __init__(self, provider: sdk.Provider, version: str) -> None:
        self._provider = provider
        self._version = version

    def GetPluginInfo(self, request: empty_pb2.Empty) -> proto.PluginInfo:
        return proto.PluginInfo(version=self._version)

    def Cancel(self, request: empty_pb2.Empty) -> empty_pb2.Empty:
        complete(self._provider.cancel())
        return empty_pb2.Empty()

    def GetSchema(self, request: proto.GetSchemaRequest) -> proto.GetSchemaResponse:
        asked = sdk.GetSchemaRequest(
            request.version, request.subpackage_name or None, request.subpackage_version or None
        )
        return proto.GetSchemaResponse(schema=complete(self._provider.get_schema(asked)).schema or "")

    def Invoke(self, request: proto.InvokeRequest) -> proto.InvokeResponse:
        answer = complete(self._provider.invoke(sdk.InvokeRequest(request.tok, from_struct(request.args))))
        fields: dict[str, Any] = {"return": to_struct(answer.return_value), "failures": _failures(answer.failures)}
        return proto.InvokeResponse(**fields)

    def CheckConfig(self, request: proto.CheckRequest) -> proto.CheckResponse:
        return _check_response(complete(self._provider.check_config(_check_request(request))))

    def DiffConfig(self, request: proto.DiffRequest) -> proto.DiffResponse:
        return _diff_response(complete(self._provider.diff_config(_diff_request(request))))

    def Configure(self, request: proto.ConfigureRequest) -> proto.ConfigureResponse:
        asked = sdk.ConfigureRequest(
            dict(request.variables), from_struct(request.args), request.acceptSecrets, request.acceptResources
        )
        answer = complete(self._provider.configure(asked))
        return proto.ConfigureResponse(
            acceptSecrets=answer.accept_secrets,
            acceptResources=answer.accept_resources,
            acceptOutputs=answer.accept_outputs,
            supportsPreview=answer.supports_preview,
        )

    def Check(self, request: proto.CheckRequest) -> proto.CheckResponse:
        return _check_response(complete(self._provider.check(_check_request(request))))

    def Diff(self, request: proto.DiffRequest) -> proto.DiffResponse:
        return _diff_response(complete(self._provider.diff(_diff_request(request))))

    def Create(self, request: proto.CreateRequest) -> proto.CreateResponse:
        asked = sdk.CreateRequest(request.urn, from_struct(request.properties), request.timeout, request.preview)
        answer = complete(self._provider.create(asked))
        return proto.CreateResponse(id=answer.resource_id or "", properties=to_struct(answer.properties))

    def Read(self, request: proto.ReadRequest) -> proto.ReadResponse:
        asked = sdk.ReadRequest(request.urn, request.id, from_struct(request.properties), from_struct(request.inputs))
        answer = complete(self._provider.read(asked))
        if not answer.resource_id:
            # An empty struct would mean a resource without properties, and an import of it would succeed.
            return proto.ReadResponse()
        return proto.ReadResponse(
            id=answer.resource_id, properties=to_struct(answer.properties), inputs=to_struct(answer.inputs)
        )

    def Update(self, request: proto.UpdateRequest) -> proto.UpdateResponse:
        asked = UpdateRequest(
            request.urn,
            request.id,
            from_struct(request.olds),
            from_struct(request.news),
            request.timeout,
            list(request.ignoreChanges),
            request.preview,
        )
        asked.old_inputs = from_struct(request.old_inputs)
        return proto.UpdateResponse(properties=to_struct(complete(self._provider.update(asked)).properties))

    def Delete(self, request: proto.DeleteRequest) -> empty_pb2.Empty:
        asked = sdk.DeleteRequest(request.urn, request.id, from_struct(request.properties), request.timeout)
        complete(self._provider.delete(asked))
        return empty_pb2.Empty()


def _check_request(request: proto.CheckRequest) -> sdk.CheckRequest:
    return sdk.CheckRequest(request.urn, from_struct(request.olds), from_struct(request.news), request.randomSeed)


def _check_response(answer: sdk.CheckResponse) -> proto.CheckResponse:
    return proto.CheckResponse(inputs=to_struct(answer.inputs), failures=_failures(answer.failures))


def _failures(failures: list[sdk.CheckFailure] | None) -> list[proto.CheckFailure]:
    return [proto.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures or []]


def _diff_request(request: proto.DiffRequest) -> DiffRequest:
    asked = DiffRequest(
        request.urn, request.id, from_struct(request.olds), from_struct(request.news), list(request.ignoreChanges)
    )
    asked.old_inputs = from_struct(request.old_inputs)
    return asked


def _diff_response(answer: sdk.DiffResponse) -> proto.DiffResponse:
    changes = proto.DiffResponse.DIFF_UNKNOWN
    if answer.changes is not None:
        changes = proto.DiffResponse.DIFF_SOME if answer.changes else proto.DiffResponse.DIFF_NONE
    return proto.DiffResponse(
        replaces=answer.replaces,
        stables=answer.stables,
        deleteBeforeReplace=answer.delete_before_replace,
        changes=changes,
        diffs=answer.diffs,
        detailedDiff={
            path: proto.PropertyDiff(kind=_KINDS[diff.kind], inputDiff=diff.input_diff)
            for path, diff in answer.detailed_diff.items()
        },
        hasDetailedDiff=answer.changes is not None,
    )
