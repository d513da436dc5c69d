"""The resource ModelAlias: an alias of a registered model that points to one version."""

from collections.abc import Mapping
from typing import Any

from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.errors import ProviderError
from bandplan.plugin.values import UNKNOWN, plain, property_values
from bandplan.provider.context import Context, told_to_user
from bandplan.provider.detailed_diff import property_diffs, top_level_names
from bandplan.provider.input_kinds import InputProblem, is_known, of_kind, unknown_names
from bandplan.provider.property_changes import property_changes
from bandplan.serving.workspace.registry import Registry

INPUTS = ("name", "alias", "version")
_REPLACING = ("name", "alias")


class ModelAliases:
    """The calls on ModelAlias resources; synchronous. The id is `<name>@<alias>`."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def check(self, request: sdk.CheckRequest) -> sdk.CheckResponse:
        failures = [sdk.CheckFailure(f.property_path, f.reason) for f in _findings(plain(request.new_inputs))]
        return sdk.CheckResponse(inputs=request.new_inputs, failures=failures)

    def diff(self, request: sdk.DiffRequest) -> sdk.DiffResponse:
        old, new = plain(request.old_state), plain(request.new_inputs)
        detailed = property_diffs(property_changes(old, new, INPUTS), _REPLACING)
        replaces = [name for name in _REPLACING if name in detailed]
        if not replaces and is_known(new):
            live = self._live(new)
            if live != str(old["version"]):
                self._warn_of_drift(request.urn, old, live)
            if live != new["version"]:
                detailed.setdefault("version", sdk.PropertyDiff(sdk.PropertyDiffKind.UPDATE, False))
        return sdk.DiffResponse(
            changes=bool(detailed),
            replaces=replaces,
            detailed_diff=detailed,
            diffs=top_level_names(detailed),
            stables=list(_REPLACING),
        )

    def create(self, request: sdk.CreateRequest) -> sdk.CreateResponse:
        wanted = plain(request.properties)
        if any(wanted[name] is UNKNOWN for name in _REPLACING):
            return sdk.CreateResponse("", request.properties)
        if not request.preview:
            self._set(wanted)
        return sdk.CreateResponse(_identity(wanted), request.properties)

    def update(self, request: sdk.UpdateRequest) -> sdk.UpdateResponse:
        if not request.preview:
            self._set(plain(request.news))
        return sdk.UpdateResponse(request.news)

    def read(self, request: sdk.ReadRequest) -> sdk.ReadResponse:
        """Read which version the alias points to now."""
        name, _, alias = request.resource_id.rpartition("@")
        if not name or not alias:
            raise ProviderError(f"{request.resource_id}: the id of an alias is <catalog.schema.model>@<alias>")
        found = {"name": name, "alias": alias}
        live = self._live(found)
        if live is None:
            return sdk.ReadResponse(resource_id="")
        known = property_values({**found, "version": live})
        return sdk.ReadResponse(request.resource_id, known, known)

    def delete(self, request: sdk.DeleteRequest) -> None:
        """Remove the alias if it still points to this resource's version; leave it alone if it has been moved."""
        state = plain(request.properties)
        live = self._live(state)
        if live is None:
            return
        if live != str(state["version"]):
            self._context.warn(request.urn, f"{_identity(state)} points to version {live} now, so it is left unchanged")
            return
        with told_to_user(_identity(state)):
            Registry(self._context.client).delete_alias(state["name"], state["alias"])

    def _live(self, known: Mapping[str, Any]) -> str | None:
        with told_to_user(_identity(known)):
            return Registry(self._context.client).aliased(known["name"], known["alias"])

    def _set(self, wanted: Mapping[str, Any]) -> None:
        with told_to_user(_identity(wanted)):
            Registry(self._context.client).set_alias(wanted["name"], wanted["alias"], str(wanted["version"]))

    def _warn_of_drift(self, urn: str, old: Mapping[str, Any], live: str | None) -> None:
        now = "is gone" if live is None else f"points to version {live}"
        self._context.warn(urn, f"{_identity(old)} {now}; the state has version {old['version']}: `up` sets it again")


def _identity(known: Mapping[str, Any]) -> str:
    return f"{known['name']}@{known['alias']}"


def _findings(inputs: Mapping[str, Any]) -> list[InputProblem]:
    found = [*unknown_names((), inputs, INPUTS)]
    for name in INPUTS:
        found += of_kind((name,), inputs.get(name), str, required=True)
    version = inputs.get("version")
    if isinstance(version, str) and version and not (version.isascii() and version.isdigit()):
        found.append(InputProblem("version", f"is {version!r}; it must be a version number"))
    return found
