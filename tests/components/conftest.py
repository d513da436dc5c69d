"""An engine's side of the conversation that only writes down what a program declares."""

import asyncio
import contextvars
import gc
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import pulumi
import pytest
from google.protobuf import empty_pb2, json_format
from pulumi.runtime import mocks, rpc, settings, stack
from pulumi.runtime.proto import resource_pb2

from bandplan.components.program import planned
from bandplan.serving.planning.deployment import deployment_request
from bandplan.serving.planning.plan import Plan
from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import OptimizationInfo
from bandplan.serving.throughput.sizing import EndpointSizing, size


def plan_stack(
    root: Path,
    configured: str | None,
    stack: str,
    environ: dict[str, str],
    today: date,
    *,
    now_ms: int = 0,
    is_preview: bool = True,
) -> Plan:
    """The plan that the program follows. Errors: RunError."""
    return planned(deployment_request(root, configured, stack, environ, today, now_ms=now_ms, is_preview=is_preview))


@dataclass(frozen=True)
class Declared:
    """One resource as it arrived at the engine; `inputs` are the wire's, with outputs of others already resolved."""

    urn: str
    type: str
    name: str
    parent: str
    inputs: dict[str, Any]
    version: str
    timeouts: dict[str, str]
    dependencies: frozenset[str]
    import_id: str = ""
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()


@dataclass
class Recording:
    """What one run of a program declared, in order of arrival, what it exported and logged.

    `registered` are the outputs of every ModelVersion, None for versions that are not made yet.
    """

    resources: list[Declared] = field(default_factory=list)
    exports: dict[str, Any] = field(default_factory=dict)
    component_outputs: dict[str, dict[str, Any]] = field(default_factory=dict)
    logged: list[str] = field(default_factory=list)
    registered: dict[str, Any] | None = None

    def named(self, name: str, kind: str) -> Declared:
        """The one resource of that logical name whose type token ends with `kind`."""
        (found,) = [item for item in self.resources if item.name == name and item.type.endswith(f":{kind}")]
        return found


class _NoCalls(mocks.Mocks):
    def call(self, args: mocks.MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]] | None]:
        raise AssertionError(f"the program called {args.token}")

    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        raise AssertionError("resources are answered by the monitor")


class _Monitor(mocks.MockMonitor):
    """Answers as an engine does: ids and computed outputs at a deploy, none of them at a preview of a new resource."""

    def __init__(self, recording: Recording, preview: bool) -> None:
        super().__init__(_NoCalls())
        self._recording = recording
        self._preview = preview

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type != "pulumi:pulumi:Stack":
            self._recording.resources.append(
                Declared(
                    urn,
                    request.type,
                    request.name,
                    request.parent,
                    rpc.deserialize_properties(request.object),
                    request.version,
                    json_format.MessageToDict(request.customTimeouts),
                    frozenset(request.dependencies),
                    request.importId,
                    request.retainOnDelete,
                    tuple(request.ignoreChanges),
                )
            )
        answer = resource_pb2.RegisterResourceResponse(urn=urn, object=request.object)
        if request.type == "bandplan:index:ModelVersion" and self._recording.registered is not None:
            for name, value in self._recording.registered.items():
                answer.object[name] = value
        if request.custom and not self._preview:
            answer.id = request.name
            answer.object["servingEndpointId"] = f"id-of-{request.name}"
            answer.object["endpointUrl"] = f"https://{request.name}.route.example.com/invocations"
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        outputs = rpc.deserialize_properties(request.outputs)
        if "pulumi:pulumi:Stack" in request.urn.split("::")[2].split("$")[-1]:
            self._recording.exports.update(outputs)
        else:
            self._recording.component_outputs[request.urn] = outputs
        return empty_pb2.Empty()


class _Engine:
    def __init__(self, recording: Recording) -> None:
        self._recording = recording

    def Log(self, request: Any) -> Any:
        if request.severity > 0:  # all but what is for debugging
            self._recording.logged.append(request.message)
        return empty_pb2.Empty()


Record = Callable[..., Recording]


@pytest.fixture(autouse=True)
def usual_garbage_collection() -> Iterator[None]:
    """A program under test sets the collector for a process of its own."""
    usual = gc.get_threshold()
    yield
    gc.set_threshold(*usual)


@pytest.fixture
def record() -> Record:
    """Runs a program as `record(program, stack=..., preview=..., root=..., config=...)`; its errors come out as they are.

    What it had declared by then is in the recording given as `into`.
    """

    def run(
        program: Callable[[], None],
        *,
        stack_name: str = "local",
        preview: bool = False,
        root: Path = Path("."),
        config: dict[str, str] | None = None,
        into: Recording | None = None,
    ) -> Recording:
        recording = into or Recording()

        def inside() -> None:
            settings.configure(
                settings.Settings(
                    project="bandplan",
                    stack=stack_name,
                    dry_run=preview,
                    monitor=_Monitor(recording, preview),
                    engine=_Engine(recording),
                    root_directory=str(root),
                )
            )
            settings.set_root_resource(None)  # type: ignore[arg-type]
            pulumi.runtime.set_all_config(config or {})
            loop = asyncio.new_event_loop()
            asyncio.set_event_loop(loop)
            try:
                loop.run_until_complete(stack.run_in_stack(program))
            finally:
                asyncio.set_event_loop(None)
                loop.close()

        contextvars.copy_context().run(inside)
        return recording

    return run


@pytest.fixture
def sizing_of() -> Callable[..., EndpointSizing]:
    """The sizing of one entry: a valid one with `changes` made to it; a change to None takes the key away.

    Every model answers with `chunk` (None: sold in model units), as a workspace would.
    """

    def build(chunk: int | None = 980, **changes: Any) -> EndpointSizing:
        entry = {
            "name": "chat",
            "task": "llm/v1/chat",
            "model": "ml.prod.assistant_llama",
            "version": "3",
            "throughput": {"bands": {"min": 2, "max": 3}},
            **changes,
        }
        stated = {key: value for key, value in entry.items() if value is not None}
        loaded = load_text(json.dumps({"version": 1, "allow_legacy": True, "models": [stated]}), "models.yaml", None)
        assert loaded.fleet is not None, loaded.problems
        answers = {version: OptimizationInfo(True, "llama", chunk) for version in model_versions(loaded.fleet)}
        sized = size(loaded.fleet, answers, loaded.source)
        assert not [problem for problem in sized.problems if problem.severity == "error"], sized.problems
        (endpoint,) = sized.endpoints
        return endpoint

    return build


@pytest.fixture
def every_setting() -> dict[str, Any]:
    """Every optional setting of an entry, as it is written in models.yaml."""
    return {
        "description": "Answers customers",
        "tags": {"team": "ml", "area": "support"},
        "budget_policy_id": "b1f0c2d4-0000-4000-8000-000000000001",
        "route_optimized": True,
        "notifications": {"on_update_failure": ["oncall@example.com"]},
        "rate_limits": [{"calls": 100, "key": "user"}],
        "ai_gateway": {
            "usage_tracking_config": {"enabled": False},
            "inference_table_config": {"enabled": True, "catalog_name": "ml", "schema_name": "logs"},
            "guardrails": {"input": {"pii": {"behavior": "MASK"}, "invalid_keywords": ["secret_word"]}},
            "rate_limits": [{"calls": 10, "key": "user"}],
        },
    }


@pytest.fixture
def recording() -> Recording:
    """An empty recording, for a program that is to fail."""
    return Recording()
