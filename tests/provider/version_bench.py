"""Calls a BandplanProvider about model versions and aliases as an engine does, against the stand-in workspace.

Versions are made over plain HTTP, without MLflow; what MLflow does has tests of its own (tests/registration).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.complete import complete
from bandplan.plugin.values import plain, property_values
from bandplan.provider.context import Context
from bandplan.provider.model_version_inputs import WantedVersion
from bandplan.provider.native import BandplanProvider
from bandplan.provider.schema import MODEL_ALIAS, MODEL_VERSION
from bandplan.serving.registration.request import Registered
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from tests.checkpoints import write_logged
from tests.stub.registering import created, finalized, mlmodel, place, put
from tests.stub.stub_client import ENDPOINTS, StubClient

MLFLOW_MODEL = mlmodel(
    flavors={
        "transformers": {
            "task": "text-generation",
            "inference_task": "llm/v1/chat",
            "model_binary": "model",
            "pipeline_model_type": "LlamaForCausalLM",
        },
        "python_function": {"loader_module": "mlflow.transformers"},
    }
)


@dataclass
class VersionBench:
    """`name` is a model of this test alone; `made` counts versions that were made."""

    client: WorkspaceClient
    stub: StubClient
    root: Path
    name: str
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    made: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.registry = Registry(self.client)
        self.make: Callable[[Context, WantedVersion, Any], Registered] = self.make_plainly
        self.provider = BandplanProvider(
            client_factory=lambda: self.client,
            progress=lambda urn, text: self.lines.append(text),
            warn=lambda urn, text: self.warnings.append(text),
            root=self.root,
            make=lambda context, wanted, progress: self.make(context, wanted, progress),
        )
        self.write_model()

    # ------------------------------------------------------------------ the project and the workspace

    def write_model(self, content: bytes = MLFLOW_MODEL, folder: str = "model") -> None:
        """An MLflow model in the project's folder."""
        if (self.root / folder).exists():
            (self.root / folder / "MLmodel").write_bytes(content)
        else:
            write_logged(self.root / folder, content)

    def make_plainly(self, context: Context, wanted: WantedVersion, progress: Any) -> Registered:
        """A version with the folder's MLmodel file; sets its tags, and no description, as MLflow's client does."""
        tags = {**wanted.tags, SOURCE_DIGEST: wanted.digest}
        rows = [{"key": key, "value": value} for key, value in tags.items()]
        number = created(self.stub, wanted.name, tags=rows)
        put(self.stub, f"{place(wanted.name, number)}/MLmodel", (self.root / wanted.source / "MLmodel").read_bytes())
        finalized(self.stub, wanted.name, number)
        self.made.append(str(number))
        return Registered(str(number))

    def serve(self, version: str, endpoint: str) -> None:
        entity = {
            "entity_name": self.name,
            "entity_version": version,
            "min_provisioned_throughput": 980,
            "max_provisioned_throughput": 980,
        }
        self.stub.create(endpoint, entity)

    def stop_serving(self, endpoint: str) -> None:
        self.stub.ok("DELETE", f"{ENDPOINTS}/{endpoint}")

    # ------------------------------------------------------------------ the engine's calls

    def inputs(self, **changes: Any) -> dict[str, Any]:
        values = {
            "name": self.name,
            "source": "model",
            "task": "llm/v1/chat",
            "throughput": [asked()],
            **changes,
        }
        return {key: value for key, value in values.items() if value is not None}

    def check(self, inputs: dict[str, Any], kind: str = MODEL_VERSION) -> tuple[dict[str, Any], list[str]]:
        """(checked inputs, `property: reason` of each failure)."""
        answer = complete(self.provider.check(sdk.CheckRequest(self._urn(kind), {}, property_values(inputs), b"")))
        assert answer.inputs is not None
        return plain(answer.inputs), [f"{f.property}: {f.reason}" for f in answer.failures or ()]

    def checked(self, **changes: Any) -> dict[str, Any]:
        inputs, failures = self.check(self.inputs(**changes))
        assert failures == []
        return inputs

    def create(self, inputs: dict[str, Any], *, preview: bool = False, kind: str = MODEL_VERSION) -> dict[str, Any]:
        request = sdk.CreateRequest(self._urn(kind), property_values(inputs), 0, preview)
        response = complete(self.provider.create(request))
        return {"id": response.resource_id, **plain(response.properties)}

    def up(self, **changes: Any) -> dict[str, Any]:
        """Checked and created: the state, with its id."""
        return self.create(self.checked(**changes))

    def diff(self, state: dict[str, Any], news: dict[str, Any], kind: str = MODEL_VERSION) -> sdk.DiffResponse:
        olds = {key: value for key, value in state.items() if key != "id"}
        request = sdk.DiffRequest(self._urn(kind), state["id"], property_values(olds), property_values(news), [])
        return complete(self.provider.diff(request))

    def update(
        self, state: dict[str, Any], news: dict[str, Any], *, preview: bool = False, kind: str = MODEL_VERSION
    ) -> dict[str, Any]:
        olds = {key: value for key, value in state.items() if key != "id"}
        request = sdk.UpdateRequest(
            self._urn(kind), state["id"], property_values(olds), property_values(news), 0, [], preview
        )
        return {"id": state["id"], **plain(complete(self.provider.update(request)).properties)}

    def read(self, state: dict[str, Any], kind: str = MODEL_VERSION) -> sdk.ReadResponse:
        properties = property_values({key: value for key, value in state.items() if key != "id"})
        return complete(self.provider.read(sdk.ReadRequest(self._urn(kind), state["id"], properties, properties)))

    def delete(self, state: dict[str, Any], kind: str = MODEL_VERSION) -> None:
        properties = property_values({key: value for key, value in state.items() if key != "id"})
        complete(self.provider.delete(sdk.DeleteRequest(self._urn(kind), state["id"], properties, 0)))

    def point(self, version: str, alias: str = "champion") -> dict[str, Any]:
        """An alias as a resource: its state."""
        return self.create({"name": self.name, "alias": alias, "version": version}, kind=MODEL_ALIAS)

    def _urn(self, kind: str) -> str:
        return f"urn:pulumi:test::bandplan::{kind}::{self.name}"


def asked(**changes: Any) -> dict[str, Any]:
    """Two to three chunks for the endpoint chat."""
    item = {
        "endpoint": "chat",
        "task": "llm/v1/chat",
        "trafficPercent": 100,
        "throughput": {"bands": {"min": 2, "max": 3}},
        **changes,
    }
    return {key: value for key, value in item.items() if value is not None}
