"""Recovery of a killed run: what it created is taken over instead of created twice, what it deleted leaves the state.

A kill between a provider's request and the journal's line leaves a resource that the state knows only as a pending
operation. It is taken over if the provider finds it under its expected id and it is what was requested. A kill between
a deletion's request and its line leaves an entry in the state whose resource may be gone: it is looked up too.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bandplan.embedded.checkpoint import Snapshot
from bandplan.embedded.default_providers import DefaultProviders
from bandplan.embedded.diff import Diff
from bandplan.embedded.errors import EngineError
from bandplan.embedded.ordering import in_dependency_order, in_order
from bandplan.embedded.providers import Providers
from bandplan.embedded.refreshing import found_now, without_loose_ends
from bandplan.embedded.resource import ResourceState
from bandplan.plugin.errors import ProviderError

IdOf = Callable[[str, Mapping[str, Any]], str | None]
"""Takes a type token and inputs; returns the id that such a resource will have.

Empty if creating the resource again does no harm; None if only its provider knows the id.
"""


def _is_same_entry(one: ResourceState, begun: ResourceState) -> bool:
    return (one.urn, one.id, one.delete) == (begun.urn, begun.id, begun.delete)


def no_id(_type: str, _inputs: Mapping[str, Any]) -> None:
    """Return None: the id is unknown for every type."""


class Recovery:
    """The operations that the last run left open."""

    def __init__(self, snapshot: Snapshot, providers: Providers, defaults: DefaultProviders, id_of: IdOf) -> None:
        """Start from `snapshot`, the state as this run found it."""
        self._snapshot = snapshot
        self._providers = providers
        self._defaults = defaults
        self._id_of = id_of
        self._open = {
            operation["resource"]["urn"]: operation["resource"]
            for operation in snapshot.pending_operations
            if operation.get("type") == "creating"
        }

    def settled(self, now: str) -> tuple[Snapshot, list[tuple[str, str]]]:
        """Return the snapshot with the results of the pending operations, and (URN, finding) of each that had one.

        A create or a delete stays open while its result is unknown, and a create also if what exists is not what was
        being created. An update is never open: the next run compares and sends it again, so what exists now is taken
        over as it is. `now` is RFC 3339.
        """
        resources = self._snapshot.resources
        found: list[tuple[str, str]] = []
        left = []
        for number, operation in enumerate(self._snapshot.pending_operations):
            begun = ResourceState.from_json(operation["resource"])
            if not begun.custom or begun.is_provider:
                continue  # it has no effect outside the state
            try:
                self._defaults.ensure(begun)
            except (EngineError, ProviderError):
                # Without a workspace there is nothing to ask; the run reports that once it needs one.
                left += self._snapshot.pending_operations[number:]
                break
            match operation["type"]:
                case "creating":
                    after, text = self._after_creation(begun, resources, now)
                case "deleting" | "updating":
                    after, text = self._after_change(begun, resources, now, operation["type"])
                case _:
                    after, text = resources, ""
            if after is None:
                left.append(operation)
                continue
            resources = after
            if text:
                found.append((begun.urn, text))
        return replace(self._snapshot, resources=in_order(list(resources)), pending_operations=left), found

    def _after_creation(
        self, begun: ResourceState, resources: list[ResourceState], now: str
    ) -> tuple[list[ResourceState] | None, str]:
        """Return the resources with the one that was being created, if it exists; None while that is unknown."""
        try:
            found, is_known = self._find(begun, begun.inputs)
        except (EngineError, ProviderError):
            return None, ""
        if not is_known or (found is not None and found[2].changes):
            return None, ""
        if found is None or any(
            (one.urn, one.id) == (begun.urn, found[0]) and not one.pending_replacement for one in resources
        ):
            return resources, ""  # already in the state: Pulumi keeps a create open that a later run has completed
        made = begun.changed(id=found[0], outputs=found[1], created=begun.created or now, modified=now)
        # In a replacement, this is the old one: already deleted to make room, or still to be deleted.
        olds = [one for one in resources if not (one.urn == begun.urn and one.pending_replacement)]
        marked = [one.changed(delete=True) if one.urn == begun.urn else one for one in olds]
        return in_dependency_order([*marked, made]), "taken over: the killed run had created it"

    def _after_change(
        self, begun: ResourceState, resources: list[ResourceState], now: str, act: str
    ) -> tuple[list[ResourceState] | None, str]:
        """Return the resources after a pending delete or update; None while its result is unknown."""
        old = next((one for one in resources if _is_same_entry(one, begun)), None)
        if old is None or not old.custom or old.is_provider or old.external or old.pending_replacement:
            return resources, ""
        try:
            new, _ = found_now(self._providers, old)
        except (EngineError, ProviderError):
            return (None if act == "deleting" else resources), ""
        if new is not None and act == "deleting":
            return resources, ""  # the next run deletes it, or keeps it if the program declares it again
        if new is None:
            text = "no longer exists: the killed run had deleted it" if act == "deleting" else "no longer exists"
        else:
            new = new if new == old else new.changed(modified=now)
            text = ""
        return without_loose_ends(resources, [new if one is old else one for one in resources]), text

    def find(self, new: ResourceState) -> tuple[str, dict[str, Any]] | None:
        """Return (id, outputs) of this resource if the killed run had created it; None if not, or if unknown.

        EngineError if something else exists under its id: it may belong to someone else.
        """
        entry = self._open.get(new.urn)
        if entry is None:
            return None
        found, _ = self._find(ResourceState.from_json(entry), new.inputs)
        if found is None:
            return None
        found_id, outputs, diff = found
        if diff.changes:
            raise EngineError(
                f"{new.name}: was being created when the last run was killed; {found_id} exists now but differs in "
                f"{', '.join(diff.diffs)}; delete it or change the program to match, then run again"
            )
        return found_id, outputs

    def _find(
        self, begun: ResourceState, wanted: Mapping[str, Any]
    ) -> tuple[tuple[str, dict[str, Any], Diff] | None, bool]:
        """Return (id, outputs, difference from what is wanted), or None; and whether that is certain."""
        expected_id = self._id_of(begun.type, begun.inputs)
        if not expected_id:
            return None, expected_id is not None
        found_id, outputs, _ = self._providers.read(begun.changed(id=expected_id, outputs=begun.inputs))
        if not found_id:
            return None, True
        return (found_id, outputs, self._providers.diff(begun.changed(id=found_id, outputs=outputs), wanted, [])), True
