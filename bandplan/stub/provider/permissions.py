"""Permissions of a serving endpoint or a registered model over the REST API."""

from dataclasses import dataclass
from typing import Any

from bandplan.plugin.errors import ProviderError
from bandplan.stub.provider.client import segment
from bandplan.stub.provider.errors import NotFound
from bandplan.stub.provider.field import ResourceFields
from bandplan.stub.provider.state import carried, observed
from bandplan.stub.provider.translation import to_request
from bandplan.stub.provider.workspace import Workspace

# The property with the id of the object, and the object's path segment.
OBJECTS = {"servingEndpointId": "serving-endpoints", "registeredModelId": "registered-models"}
PRINCIPALS = {"userName": "user_name", "groupName": "group_name", "servicePrincipalName": "service_principal_name"}
# The published provider leaves the direct rights of this group alone.
ADMINS = "admins"


@dataclass(frozen=True)
class Permissions:
    """The `Permissions` resource; its id is the object id, such as `/serving-endpoints/{endpoint id}`.

    As in the published provider, a write adds the caller as CAN_MANAGE, and a read leaves out inherited entries,
    `admins`, and the caller unless the program sets it.
    """

    resource: ResourceFields
    default_timeout_seconds: float

    def create(
        self, workspace: Workspace, inputs: dict[str, Any], timeout_seconds: float
    ) -> tuple[str, dict[str, Any]]:
        object_id = next(f"/{path}/{inputs[name]}" for name, path in OBJECTS.items() if inputs.get(name))
        self._put(workspace, object_id, inputs.get("accessControls") or [])
        return object_id, self._written(workspace, object_id, inputs)

    def read(self, workspace: Workspace, object_id: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        try:
            answer = workspace.client.get(_path(object_id))
        except NotFound:
            return None
        entries = _direct_entries(answer, workspace.me, known)
        if not entries:
            return None
        live = {"accessControls": entries, "objectType": answer.get("object_type"), **_identity(object_id)}
        return object_id, workspace.located(observed(self.resource.fields, known, live))

    def update(
        self, workspace: Workspace, object_id: str, olds: dict[str, Any], news: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]:
        self._put(workspace, object_id, news.get("accessControls") or [])
        return self._written(workspace, object_id, carried(self.resource.fields, olds, news))

    def delete(self, workspace: Workspace, object_id: str, state: dict[str, Any]) -> None:
        try:
            answer = workspace.client.get(_path(object_id))
            admins = [
                entry
                for entry in _direct_entries(answer, "", {}, keeps_admins=True)
                if entry.get("groupName") == ADMINS
            ]
            self._put(workspace, object_id, admins)
        except NotFound:
            return

    def _written(self, workspace: Workspace, object_id: str, wanted: dict[str, Any]) -> dict[str, Any]:
        found = self.read(workspace, object_id, wanted)
        if found is None:
            raise ProviderError(f"permissions of {object_id}: the workspace returned none after the write")
        return found[1]

    def _put(self, workspace: Workspace, object_id: str, entries: list[dict[str, Any]]) -> None:
        controls = self.resource.by_name["accessControls"]
        body = [to_request(controls.fields, entry) for entry in entries]
        if not any(str(entry.get("userName")).lower() == workspace.me.lower() for entry in entries):
            body.append({"user_name": workspace.me, "permission_level": "CAN_MANAGE"})
        workspace.client.put(_path(object_id), {"access_control_list": body})


def _path(object_id: str) -> str:
    _, kind, identity = object_id.split("/", 2)
    return f"/api/2.0/permissions/{kind}/{segment(identity)}"


def _identity(object_id: str) -> dict[str, str]:
    _, kind, identity = object_id.split("/", 2)
    return {name: identity for name, path in OBJECTS.items() if path == kind}


def _direct_entries(
    answer: dict[str, Any], caller: str, known: dict[str, Any], keeps_admins: bool = False
) -> list[dict[str, Any]]:
    # User names are compared without case and read into the state in lower case (terraform-provider-databricks 5757).
    stated = {str(entry.get("userName")).lower() for entry in known.get("accessControls") or []}
    entries = []
    for entry in answer.get("access_control_list") or []:
        principal = {name: entry[wire] for name, wire in PRINCIPALS.items() if entry.get(wire)}
        if principal.get("groupName") == ADMINS and not keeps_admins:
            continue
        name = str(principal.get("userName")).lower()
        if caller and name == caller.lower() and name not in stated:
            continue
        for permission in entry.get("all_permissions") or []:
            if not permission.get("inherited"):
                entries.append({**principal, "permissionLevel": permission["permission_level"]})
    return entries
