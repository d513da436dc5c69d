"""The provider of the `databricks` package for the local stack."""

import os
import threading
from collections.abc import Mapping
from typing import Any, Protocol

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.urn import resource_type
from bandplan.plugin.values import UNKNOWN, plain
from bandplan.stub.provider.checking import failures, generated_name
from bandplan.stub.provider.client import Client
from bandplan.stub.provider.diffing import Difference, Kind, differences
from bandplan.stub.provider.errors import NotSettled
from bandplan.stub.provider.field import Change, ResourceFields
from bandplan.stub.provider.fields import (
    GRANTS,
    MODEL_SERVING,
    PERMISSIONS,
    PROVISIONED_THROUGHPUT,
    REGISTERED_MODEL,
    RESOURCES,
)
from bandplan.stub.provider.grants import Grants
from bandplan.stub.provider.ignoring import top_level, unignored, with_ignored_kept
from bandplan.stub.provider.permissions import Permissions
from bandplan.stub.provider.registered_model import RegisteredModel
from bandplan.stub.provider.secrecy import sealed
from bandplan.stub.provider.serving_endpoint import ServingEndpoint
from bandplan.stub.provider.state import carried, planned, refreshed, with_defaults
from bandplan.stub.provider.workspace import Workspace

# Defaults of the published provider, from its schema (45 min, provisioned throughput 10 min).
ENDPOINT_TIMEOUT_SECONDS = 45 * 60.0
PROVISIONED_THROUGHPUT_TIMEOUT_SECONDS = 10 * 60.0
# The engine's bridge marks properties that were generated; a generated name may be replaced before the old is deleted.
DEFAULTS = "__defaults"


class Handler(Protocol):
    """CRUD operations of one resource type, on plain dicts by Pulumi name."""

    @property
    def resource(self) -> ResourceFields: ...
    @property
    def default_timeout_seconds(self) -> float: ...
    def create(
        self, workspace: Workspace, inputs: dict[str, Any], timeout_seconds: float
    ) -> tuple[str, dict[str, Any]]: ...
    def read(self, workspace: Workspace, identity: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]] | None: ...
    def update(
        self, workspace: Workspace, identity: str, olds: dict[str, Any], news: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]: ...
    def delete(self, workspace: Workspace, identity: str, state: dict[str, Any]) -> None: ...


HANDLERS: dict[str, Handler] = {
    handler.resource.token: handler
    for handler in (
        ServingEndpoint(MODEL_SERVING, "", ENDPOINT_TIMEOUT_SECONDS),
        ServingEndpoint(PROVISIONED_THROUGHPUT, "pt", PROVISIONED_THROUGHPUT_TIMEOUT_SECONDS),
        Permissions(PERMISSIONS, ENDPOINT_TIMEOUT_SECONDS),
        Grants(GRANTS, ENDPOINT_TIMEOUT_SECONDS),
        RegisteredModel(REGISTERED_MODEL, ENDPOINT_TIMEOUT_SECONDS),
    )
}


class DatabricksProvider(sdk.Provider):
    """A stand-in for the published provider on a loopback workspace; methods block and await nothing."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        self._environ = os.environ if environ is None else environ
        self._cancelled = threading.Event()
        self._workspace: Workspace | None = None

    async def configure(self, request: sdk.ConfigureRequest) -> sdk.ConfigureResponse:
        """Connect to the workspace. Raises ProviderError if it is not local, not reachable, or not configured."""
        client = Client(self._setting(request, "host"), self._setting(request, "token"), self._cancelled)
        workspace = Workspace(client)
        _ = workspace.workspace_id
        self._workspace = workspace
        return sdk.ConfigureResponse(accept_secrets=True, supports_preview=True, accept_resources=True)

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        resource = _fields_of(resource_type(request.urn))
        found = failures(resource, plain(request.new_inputs))
        inputs = dict(request.new_inputs)
        if resource.named and "name" not in {*inputs, *(failure.path for failure in found)}:
            inputs.update(_generated(request))
        return sdk.CheckResponse(inputs, [sdk.CheckFailure(failure.path, failure.reason) for failure in found])

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        resource = _fields_of(resource_type(request.urn))
        state = plain(request.old_state)
        found = differences(resource.fields, state, with_defaults(resource.fields, plain(request.new_inputs)))
        found = [*unignored(found, request.ignore_changes), *self._moved(resource, state)]
        replaces = [difference.path for difference in found if difference.replaces]
        # Two endpoints cannot have the same name, so an explicit name is freed first, as in the published provider.
        keeps_name = resource.named and "name" not in plain(request.new_inputs).get(DEFAULTS, [])
        return sdk.DiffResponse(
            changes=bool(found),
            replaces=replaces,
            delete_before_replace=bool(replaces) and keeps_name,
            diffs=sorted({top_level(difference.path) for difference in found}),
            detailed_diff={difference.path: _property_diff(difference) for difference in found},
        )

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        handler = _handler_of(resource_type(request.urn))
        resource = handler.resource
        inputs = with_defaults(resource.fields, plain(request.properties))
        if request.preview:
            state = planned(resource.fields, inputs)
            if self._workspace is not None:
                state = self._workspace.located(state)
            return sdk.CreateResponse("", sealed(resource.by_name, state, request.properties))
        with _Reporting(resource, request.properties):
            timeout_seconds = request.timeout or handler.default_timeout_seconds
            identity, state = handler.create(self.workspace, inputs, timeout_seconds)
        return sdk.CreateResponse(identity, sealed(resource.by_name, state, request.properties))

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        handler = _handler_of(resource_type(request.urn))
        resource = handler.resource
        known = {**plain(request.inputs), **plain(request.properties)}
        found = handler.read(self.workspace, request.resource_id, with_defaults(resource.fields, known))
        if found is None:
            return sdk.ReadResponse("")
        identity, state = found
        secret_in = {**request.inputs, **request.properties}
        inputs = refreshed(resource.fields, plain(request.inputs), state)
        return sdk.ReadResponse(
            identity, sealed(resource.by_name, state, secret_in), sealed(resource.by_name, inputs, request.inputs)
        )

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        handler = _handler_of(resource_type(request.urn))
        resource = handler.resource
        olds = with_defaults(resource.fields, plain(request.olds))
        news = with_defaults(resource.fields, plain(request.news))
        if request.ignore_changes:
            news = with_ignored_kept(olds, news, differences(resource.fields, olds, news), request.ignore_changes)
        if request.preview:
            state = carried(resource.fields, olds, news)
            return sdk.UpdateResponse(sealed(resource.by_name, state, request.news))
        with _Reporting(resource, request.news):
            timeout_seconds = request.timeout or handler.default_timeout_seconds
            state = handler.update(self.workspace, request.resource_id, olds, news, timeout_seconds)
        return sdk.UpdateResponse(sealed(resource.by_name, state, request.news))

    async def delete(self, request: sdk.DeleteRequest) -> None:
        _handler_of(resource_type(request.urn)).delete(self.workspace, request.resource_id, plain(request.properties))

    async def cancel(self) -> None:
        """Stop waiting: created resources are reported as not initialised and so stay in the state."""
        self._cancelled.set()

    @property
    def workspace(self) -> Workspace:
        if self._workspace is None:
            raise ProviderError("databricks provider: used before it was configured")
        return self._workspace

    def _setting(self, request: sdk.ConfigureRequest, name: str) -> str:
        value = plain(request.args).get(name) or request.variables.get(f"databricks:config:{name}")
        if value is UNKNOWN:
            raise ProviderError(f"databricks provider: {name} is not known yet; set it to a plain value")
        value = value or self._environ.get(f"DATABRICKS_{name.upper()}")
        if not value:
            raise ProviderError(
                f"databricks provider: no {name}; set DATABRICKS_{name.upper()} in the environment, as "
                "`bandplan up` does for the local stack"
            )
        return str(value)

    def _moved(self, resource: ResourceFields, state: dict[str, Any]) -> list[Difference]:
        """Return the difference of a resource whose state was made with another workspace, if it was."""
        before = (state.get("providerConfig") or {}).get("workspaceId")
        if before in (None, UNKNOWN) or self._workspace is None or before == self._workspace.workspace_id:
            return []
        workspace_id = resource.by_name["providerConfig"].by_name["workspaceId"]
        return [Difference("providerConfig.workspaceId", Kind.UPDATE, workspace_id.change is Change.REPLACE)]


class _Reporting:
    """Turn NotSettled, for a resource that was written but is not ready, into the error that keeps it in the state."""

    def __init__(self, resource: ResourceFields, known: dict[str, PropertyValue]) -> None:
        self._resource = resource
        self._known = known

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NotSettled):
            properties = sealed(self._resource.by_name, error.state, self._known)
            raise InitFailed(error.resource_id, properties, error.reasons) from error


def _fields_of(token: str) -> ResourceFields:
    if token not in RESOURCES:
        raise ProviderError(
            f"databricks provider: the local stack does not support {token}, only {', '.join(sorted(RESOURCES))}; "
            "use a real workspace for other types"
        )
    return RESOURCES[token]


def _handler_of(token: str) -> Handler:
    return HANDLERS[_fields_of(token).token]


def _generated(request: sdk.CheckRequest) -> dict[str, PropertyValue]:
    """Return the name of a resource that sets none, kept or newly generated, and the mark that it was generated."""
    mark = PropertyValue([PropertyValue("name")])
    name = request.old_inputs.get("name")
    if name is None or not isinstance(name.value, str):
        name = PropertyValue(generated_name(request.name, request.urn, request.random_seed))
    return {"name": name, DEFAULTS: mark}


_KINDS = {
    (Kind.ADD, False): sdk.PropertyDiffKind.ADD,
    (Kind.ADD, True): sdk.PropertyDiffKind.ADD_REPLACE,
    (Kind.DELETE, False): sdk.PropertyDiffKind.DELETE,
    (Kind.DELETE, True): sdk.PropertyDiffKind.DELETE_REPLACE,
    (Kind.UPDATE, False): sdk.PropertyDiffKind.UPDATE,
    (Kind.UPDATE, True): sdk.PropertyDiffKind.UPDATE_REPLACE,
}


def _property_diff(difference: Difference) -> sdk.PropertyDiff:
    # Compares the state with the inputs, not inputs with inputs.
    return sdk.PropertyDiff(_KINDS[difference.kind, difference.replaces], input_diff=False)
