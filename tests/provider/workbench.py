"""Calls a BandplanProvider as an engine does, against a workspace, and looks at that workspace from outside."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pulumi.provider.experimental import provider as sdk
from pulumi.provider.experimental.property_value import PropertyValue

from bandplan.plugin.complete import complete
from bandplan.plugin.requests import DiffRequest, UpdateRequest
from bandplan.plugin.values import plain, property_values
from bandplan.provider.native import BandplanProvider
from bandplan.provider.schema import ENDPOINT_READY
from bandplan.serving.endpoint.config_body import config_body
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoints import Endpoints
from bandplan.wire.guard import OUTPUTS
from tests.endpoint.builders import declaration

ROOT = "/api/2.0/serving-endpoints"


@dataclass
class Workbench:
    client: WorkspaceClient
    name: str
    lines: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.endpoints = Endpoints(self.client)
        self.provider = BandplanProvider(
            client_factory=lambda: self.client,
            progress=lambda urn, text: self.lines.append(text),
            warn=lambda urn, text: self.warnings.append(text),
        )
        self.urn = f"urn:pulumi:test::bandplan::{ENDPOINT_READY}::{self.name}-ready"

    def make_endpoint(self, *, settled: bool = True, pt: bool = False, **changes: Any) -> str:
        """As the databricks provider does: POST, then look until it has settled. The answer is its id."""
        body = {
            "name": self.name,
            "config": config_body(Declared.from_inputs(declaration(**changes.pop("declared", {}))), None),
            **changes,
        }
        answer = self.client.post(f"{ROOT}/pt" if pt else ROOT, body)
        while settled and self.live().is_updating:
            pass
        return str(answer["id"])

    def put_config(self, *, settled: bool = True, api: Literal["classic", "pt"] = "classic", **changes: Any) -> None:
        """An update of the config behind the engine's back."""
        body = config_body(Declared.from_inputs(declaration(**changes)), None)
        self.endpoints.update_config(self.name, api, body)
        while settled and self.live().is_updating:
            pass

    def fail_next_update(self, reason: str) -> None:
        self.client.post("/stub/faults", {"endpoint": self.name, "reason": reason, "operation": "update"})

    def live(self) -> LiveEndpoint:
        return self.endpoints.get(self.name)

    def inputs(self, **changes: Any) -> dict[str, Any]:
        values = {"endpoint": self.name, "api": "classic", "declared": declaration(), "timeoutSeconds": 60, **changes}
        return {key: value for key, value in values.items() if value is not None}

    def create(self, inputs: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        request = sdk.CreateRequest(self.urn, property_values(inputs), 0, preview)
        response = complete(self.provider.create(request))
        return {"id": response.resource_id, **inputs, **plain(response.properties)}

    def update(self, olds: dict[str, Any], news: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        """What the state records afterwards; `olds` is what it records before."""
        inputs, outputs = _sides(olds)
        request = UpdateRequest(self.urn, self.name, outputs, property_values(news), 0, [], preview)
        request.old_inputs = inputs
        return {**news, **plain(complete(self.provider.update(request)).properties)}

    def diff(self, olds: dict[str, Any], news: dict[str, Any]) -> sdk.DiffResponse:
        inputs, outputs = _sides(olds)
        request = DiffRequest(self.urn, self.name, outputs, property_values(news), [])
        request.old_inputs = inputs
        return complete(self.provider.diff(request))

    def read(self, state: dict[str, Any]) -> sdk.ReadResponse:
        inputs, outputs = _sides(state)
        return complete(self.provider.read(sdk.ReadRequest(self.urn, self.name, outputs, inputs)))

    def refresh(self, state: dict[str, Any]) -> dict[str, Any]:
        """What the state records after a refresh."""
        found = self.read(state)
        return {**plain(found.inputs), **plain(found.properties)}

    def check(self, inputs: dict[str, Any]) -> sdk.CheckResponse:
        return complete(self.provider.check(sdk.CheckRequest(self.urn, {}, property_values(inputs), b"")))


def _sides(state: dict[str, Any]) -> tuple[dict[str, PropertyValue], dict[str, PropertyValue]]:
    """The inputs and the outputs of what a state records."""
    values = property_values({name: value for name, value in state.items() if name != "id"})
    outputs = {name: value for name, value in values.items() if name in OUTPUTS}
    return {name: value for name, value in values.items() if name not in OUTPUTS}, outputs
