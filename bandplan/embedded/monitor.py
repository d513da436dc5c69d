"""The resource monitor that the Pulumi SDK talks to, in process; unsupported requests are refused.

The SDK accepts any object in place of its gRPC stubs (`pulumi.runtime.settings.Settings`, the hook that its own test
mocks use). Its calls arrive on worker threads.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from google.protobuf import empty_pb2

from bandplan.embedded.deployment import Deployment
from bandplan.embedded.errors import Unsupported
from bandplan.embedded.events import Diagnosed, Event
from bandplan.embedded.goal import from_request
from bandplan.embedded.pulumi_internals import engine_pb2, resource_pb2
from bandplan.embedded.values import from_struct, to_struct
from bandplan.wire.types import STACK


class Monitor:
    """Answers the SDK's resource monitor calls from a `Deployment`."""

    def __init__(self, deployment: Deployment, project: str, stack: str, root: Path) -> None:
        """Set what responses need; source positions are reported relative to `root`, the project's folder."""
        self._deployment = deployment
        self._project = project
        self._stack = stack
        self._root = root

    def RegisterResource(self, request: resource_pb2.RegisterResourceRequest) -> resource_pb2.RegisterResourceResponse:
        """Register one resource; blocks until it is done."""
        urn = self.urn_of(request.parent, request.type, request.name)
        state = self._deployment.register(from_request(request, urn, self.position))
        return resource_pb2.RegisterResourceResponse(urn=urn, id=state.id, object=to_struct(state.outputs))

    def RegisterResourceOutputs(self, request: resource_pb2.RegisterResourceOutputsRequest) -> empty_pb2.Empty:
        """Record the outputs of a component or of the stack."""
        self._deployment.register_outputs(request.urn, from_struct(request.outputs, request.urn))
        return empty_pb2.Empty()

    def GetDeploymentInfo(self, _request: Any) -> resource_pb2.DeploymentInfo:
        """List the features of this monitor, including those that it refuses, so that the refusal is ours and clear."""
        return resource_pb2.DeploymentInfo(
            supportedFeatures=[
                resource_pb2.RESOURCE_MONITOR_FEATURE_SECRETS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_REFERENCES,
                resource_pb2.RESOURCE_MONITOR_FEATURE_ALIAS_SPECS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_DELETED_WITH,
                resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACE_WITH,
                resource_pb2.RESOURCE_MONITOR_FEATURE_REPLACEMENT_TRIGGER,
                resource_pb2.RESOURCE_MONITOR_FEATURE_TRANSFORMS,
                resource_pb2.RESOURCE_MONITOR_FEATURE_INVOKE_TRANSFORMS,
            ]
        )

    def SupportsFeature(self, request: resource_pb2.SupportsFeatureRequest) -> resource_pb2.SupportsFeatureResponse:
        """Answer the older form of `GetDeploymentInfo`."""
        known = {"secrets", "resourceReferences", "aliasSpecs", "deletedWith"}
        return resource_pb2.SupportsFeatureResponse(hasSupport=request.id in known)

    def SignalAndWaitForShutdown(self, _request: Any) -> empty_pb2.Empty:
        """Return immediately: delete hooks are refused, so there is nothing to wait for."""
        return empty_pb2.Empty()

    def Invoke(self, request: resource_pb2.ResourceInvokeRequest) -> Any:
        """Refuse a provider function: the programs that this engine serves call none."""
        raise Unsupported(f"the provider function {request.tok}", self._project)

    def ReadResource(self, request: resource_pb2.ReadResourceRequest) -> Any:
        """Refuse to read a resource that another program manages."""
        raise Unsupported(f"reading an existing resource ({request.type} {request.id})", request.name)

    def Call(self, request: resource_pb2.ResourceCallRequest) -> Any:
        """Refuse a method of a remote component."""
        raise Unsupported(f"the method {request.tok}", self._project)

    def RegisterStackTransform(self, _request: Any) -> Any:
        """Refuse a stack transform."""
        raise Unsupported("a stack transform", self._project)

    def RegisterStackInvokeTransform(self, _request: Any) -> Any:
        """Refuse an invoke transform."""
        raise Unsupported("an invoke transform", self._project)

    def RegisterResourceHook(self, _request: Any) -> Any:
        """Refuse a resource hook."""
        raise Unsupported("a resource hook", self._project)

    def RegisterErrorHook(self, _request: Any) -> Any:
        """Refuse an error hook."""
        raise Unsupported("an error hook", self._project)

    def RegisterPackage(self, request: resource_pb2.RegisterPackageRequest) -> Any:
        """Refuse a parameterized package."""
        raise Unsupported(f"the parameterized package {request.name}", self._project)

    def urn_of(self, parent: str, type_: str, name: str) -> str:
        """Return a resource's URN in this stack; `parent` is its parent's URN, or empty."""
        return urn_of(self._stack, self._project, parent, type_, name)

    def position(self, uri: str, line: int) -> str:
        """Format a place in the program as the state records it; empty if unknown."""
        if not uri:
            return ""
        return f"{uri.replace(f'file://{self._root}/', 'project:///', 1)}#{line}"


class EngineLog:
    """The engine's side of the SDK's log: turns every message into an event."""

    _SEVERITIES: ClassVar = {
        engine_pb2.INFO: "info",
        engine_pb2.WARNING: "warning",
        engine_pb2.ERROR: "error",
    }

    def __init__(self, emit: Callable[[Event], None]) -> None:
        """Set the listener; debug messages are dropped."""
        self._emit = emit

    def Log(self, request: engine_pb2.LogRequest) -> empty_pb2.Empty:
        """Forward one message."""
        severity = self._SEVERITIES.get(request.severity)
        if severity is not None:
            self._emit(Diagnosed(severity, request.message, request.urn))
        return empty_pb2.Empty()


def urn_of(stack: str, project: str, parent: str, type_: str, name: str) -> str:
    """Return a resource's URN, which contains the types of its parents except the stack's."""
    qualified = type_
    if parent:
        parent_type = parent.split("::")[2]
        if parent_type != STACK:
            qualified = f"{parent_type}${type_}"
    return f"urn:pulumi:{stack}::{project}::{qualified}::{name}"
