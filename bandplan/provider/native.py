"""The provider itself: dispatches each call to its resource type.

Methods are `async def` by interface and synchronous inside; the caller gives each call a thread.
"""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.errors import ProviderError
from bandplan.plugin.urn import resource_type, stack_of
from bandplan.provider import schema
from bandplan.provider.context import Context, Say
from bandplan.provider.endpoint_guard import EndpointGuard
from bandplan.serving.workspace.client import WorkspaceClient, from_environment
from bandplan.serving.workspace.stack_login import environment_of_stack
from bandplan.wire import types

if TYPE_CHECKING:
    from bandplan.provider.version_making import Make


class Resource(Protocol):
    """The calls on the resources of one type."""

    def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse: ...
    def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse: ...
    def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse: ...
    def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse: ...
    def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse: ...
    def delete(self, request: sdk.DeleteRequest) -> None: ...


class BandplanProvider(sdk.Provider):
    """Package `bandplan`. The workspace is that of the environment, or of the stack's file.

    `client_factory` replaces it.
    `progress` receives lines that the next one may replace, `warn` (default: the same) lines to keep; `root` is the
    project's folder, by default the one that holds the working directory; `make` makes a model version, by default
    through MLflow.
    """

    def __init__(
        self,
        client_factory: Callable[[], WorkspaceClient] | None = None,
        progress: Say | None = None,
        warn: Say | None = None,
        root: Path | None = None,
        make: "Make | None" = None,
    ) -> None:
        say: Say = progress or (lambda urn, text: None)
        self._context = Context(client_factory or self._workspace, say, warn or say, root)
        self._make = make
        self._stack = ""
        self._lock = threading.Lock()
        self._resources: dict[str, Resource] = {types.ENDPOINT_READY: EndpointGuard(self._context)}

    async def get_schema(self, request: sdk.GetSchemaRequest) -> sdk.GetSchemaResponse:
        return sdk.GetSchemaResponse(schema=json.dumps(schema.package_schema()))

    async def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        return self._resource(request.urn).check(request)

    async def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        return self._resource(request.urn).diff(request)

    async def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        return self._resource(request.urn).create(request)

    async def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        return self._resource(request.urn).update(request)

    async def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        return self._resource(request.urn).read(request)

    async def delete(self, request: sdk.DeleteRequest) -> None:
        self._resource(request.urn).delete(request)

    async def cancel(self) -> None:
        self._context.cancelled.set()

    def _resource(self, urn: str) -> Resource:
        kind = resource_type(urn)
        with self._lock:
            self._stack = stack_of(urn)
            if kind not in self._resources:
                self._resources[kind] = self._made(kind)
            return self._resources[kind]

    def _workspace(self) -> WorkspaceClient:
        """Return the workspace of the environment, or of the stack's file if `pulumi` was started by hand."""
        return from_environment(environment_of_stack(os.environ, lambda: self._context.root, self._stack))

    def _made(self, kind: str) -> Resource:
        """Return the handler of a model type. Most fleets use none, and their capacity rules take 0.1 s to load."""
        match kind:
            case types.MODEL_VERSION:
                from bandplan.provider.model_version import ModelVersions

                return ModelVersions(self._context, self._make)
            case types.MODEL_ALIAS:
                from bandplan.provider.model_alias import ModelAliases

                return ModelAliases(self._context)
        known = ", ".join((types.ENDPOINT_READY, types.MODEL_VERSION, types.MODEL_ALIAS))
        raise ProviderError(f"{kind} is not a resource of this package; it has {known}")
