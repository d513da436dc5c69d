"""Registered models of Unity Catalog over the REST API."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bandplan.stub.provider.client import segment
from bandplan.stub.provider.diffing import differences
from bandplan.stub.provider.errors import NotFound
from bandplan.stub.provider.field import ResourceFields
from bandplan.stub.provider.state import carried, observed
from bandplan.stub.provider.translation import from_response, to_request
from bandplan.stub.provider.workspace import Workspace, sent

PATH = "/api/2.1/unity-catalog/models"
# What a PATCH may change; the published provider also repeats the read-only members, which a workspace ignores.
CHANGEABLE = ("comment", "owner")


@dataclass(frozen=True)
class RegisteredModel:
    """The `RegisteredModel` resource; its id is the full name."""

    resource: ResourceFields
    default_timeout_seconds: float

    def create(
        self, workspace: Workspace, inputs: dict[str, Any], timeout_seconds: float
    ) -> tuple[str, dict[str, Any]]:
        model = workspace.client.post(PATH, to_request(sent(self.resource.fields), inputs))
        full_name = str(model.get("full_name") or f"{inputs['catalogName']}.{inputs['schemaName']}.{inputs['name']}")
        if inputs.get("owner"):
            workspace.client.patch(f"{PATH}/{segment(full_name)}", {"owner": inputs["owner"]})
        return full_name, self._state(workspace, full_name, inputs)

    def read(self, workspace: Workspace, full_name: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        try:
            return full_name, self._state(workspace, full_name, known)
        except NotFound:
            return None

    def update(
        self, workspace: Workspace, full_name: str, olds: dict[str, Any], news: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]:
        changed = {diff.path for diff in differences(self.resource.fields, olds, news)}
        # The owner first and by itself: a change of owner can take away the right to change the rest.
        for name in sorted(changed.intersection(CHANGEABLE), reverse=True):
            workspace.client.patch(f"{PATH}/{segment(full_name)}", {name: news.get(name) or ""})
        return self._state(workspace, full_name, carried(self.resource.fields, olds, news))

    def delete(self, workspace: Workspace, full_name: str, state: dict[str, Any]) -> None:
        with suppress(NotFound):
            workspace.client.delete(f"{PATH}/{segment(full_name)}")

    def _state(self, workspace: Workspace, full_name: str, known: dict[str, Any]) -> dict[str, Any]:
        live = from_response(self.resource.fields, workspace.client.get(f"{PATH}/{segment(full_name)}"))
        return workspace.located(observed(self.resource.fields, known, live))
