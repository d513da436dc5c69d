"""Grants on a Unity Catalog object over the REST API."""

from dataclasses import dataclass
from typing import Any

from bandplan.plugin.errors import ProviderError
from bandplan.stub.provider.client import segment
from bandplan.stub.provider.errors import NotFound
from bandplan.stub.provider.field import ResourceFields
from bandplan.stub.provider.fields import SECURABLES
from bandplan.stub.provider.settling import FIRST_PAUSE_SECONDS
from bandplan.stub.provider.state import carried, observed
from bandplan.stub.provider.workspace import Workspace

# A model is a function to the permissions API; the other types have the same name.
SECURABLE_TYPES = {"model": "function"}
# Maximum number of reads until the grants are as written; a guess, the local workspace needs one.
SETTLE_READS = 20


@dataclass(frozen=True)
class Grants:
    """The `Grants` resource, all grants of one object; its id is `model/{full name}`."""

    resource: ResourceFields
    default_timeout_seconds: float

    def create(
        self, workspace: Workspace, inputs: dict[str, Any], timeout_seconds: float
    ) -> tuple[str, dict[str, Any]]:
        identity = next(f"{name}/{inputs[name]}" for name in SECURABLES if inputs.get(name))
        return identity, self._write(workspace, identity, inputs)

    def read(self, workspace: Workspace, identity: str, known: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
        try:
            held = _held(workspace, identity)
        except NotFound:
            return None
        if not held:
            return None
        return identity, self._state(workspace, identity, known, held)

    def update(
        self, workspace: Workspace, identity: str, olds: dict[str, Any], news: dict[str, Any], timeout_seconds: float
    ) -> dict[str, Any]:
        return self._write(workspace, identity, carried(self.resource.fields, olds, news))

    def delete(self, workspace: Workspace, identity: str, state: dict[str, Any]) -> None:
        try:
            _change(workspace, identity, _held(workspace, identity), {})
        except NotFound:
            return

    def _write(self, workspace: Workspace, identity: str, wanted: dict[str, Any]) -> dict[str, Any]:
        target = {str(row["principal"]): {_privilege(name) for name in row["privileges"]} for row in wanted["grants"]}
        _change(workspace, identity, _held(workspace, identity), target)
        for _ in range(SETTLE_READS):
            held = _held(workspace, identity)
            if held == target:
                return self._state(workspace, identity, wanted, held)
            workspace.client.pause(FIRST_PAUSE_SECONDS)
        raise ProviderError(f"grants of {identity}: the workspace did not store them as written")

    def _state(
        self, workspace: Workspace, identity: str, known: dict[str, Any], held: dict[str, set[str]]
    ) -> dict[str, Any]:
        name, full_name = identity.split("/", 1)
        rows = [{"principal": principal, "privileges": sorted(held[principal])} for principal in sorted(held)]
        return workspace.located(observed(self.resource.fields, known, {name: full_name, "grants": rows}))


def _privilege(name: str) -> str:
    return name.upper().replace(" ", "_")


def _path(identity: str) -> str:
    name, full_name = identity.split("/", 1)
    return f"/api/2.1/unity-catalog/permissions/{SECURABLE_TYPES.get(name, name)}/{segment(full_name)}"


def _held(workspace: Workspace, identity: str) -> dict[str, set[str]]:
    """Return the privileges by principal."""
    answer = workspace.client.get(_path(identity))
    return {
        row["principal"]: {_privilege(name) for name in row["privileges"]}
        for row in answer.get("privilege_assignments") or []
        if row.get("privileges")
    }


def _change(workspace: Workspace, identity: str, held: dict[str, set[str]], target: dict[str, set[str]]) -> None:
    changes = []
    for principal in sorted({*held, *target}):
        before, after = held.get(principal, set()), target.get(principal, set())
        change = {"add": sorted(after - before), "remove": sorted(before - after)}
        if any(change.values()):
            changes.append({"principal": principal, **{verb: names for verb, names in change.items() if names}})
    if changes:
        workspace.client.patch(_path(identity), {"changes": changes})
