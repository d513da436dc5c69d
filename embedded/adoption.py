"""Resources that a killed run was making: what is there already is taken over instead of made twice.

A kill between a provider's request and the journal's line leaves a resource that the state only knows as an operation
under way. It is taken over when the provider finds it under the id that it was to have, and it is what was asked for.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from embedded.checkpoint import Snapshot
from embedded.default_providers import DefaultProviders
from embedded.diff import Diff
from embedded.errors import EngineError
from embedded.ordering import in_dependency_order
from embedded.providers import Providers
from embedded.resource import ResourceState
from plugin.errors import ProviderError

IdOf = Callable[[str, Mapping[str, Any]], str | None]
"""Takes a type token and inputs; gives the id that such a resource gets.

Empty when making it again does no harm; None when only its provider can tell.
"""


def no_id(_type: str, _inputs: Mapping[str, Any]) -> None:
    """Nothing can be told of any type."""


class Adoption:
    """The creations that the last run left open."""

    def __init__(self, snapshot: Snapshot, providers: Providers, defaults: DefaultProviders, id_of: IdOf) -> None:
        """`snapshot` as this run found it."""
        self._snapshot = snapshot
        self._providers = providers
        self._defaults = defaults
        self._id_of = id_of
        self._open = {
            operation["resource"]["urn"]: operation["resource"]
            for operation in snapshot.pending_operations
            if operation.get("type") == "creating"
        }

    def settled(self, now: str) -> tuple[Snapshot, list[ResourceState]]:
        """The snapshot with what had been made after all, and a list of that. `now` is RFC 3339.

        A creation stays open when nobody can tell what came of it, and when what is there is not what was being made.
        """
        resources = list(self._snapshot.resources)
        taken, over = [], set()
        for urn, entry in self._open.items():
            begun = ResourceState.from_json(entry)
            try:
                self._defaults.ensure(begun)
            except (EngineError, ProviderError):
                break  # no workspace: the run tells that as soon as it needs one
            try:
                found, is_known = self._find(begun, begun.inputs)
            except (EngineError, ProviderError):
                continue
            if not is_known or (found is not None and found[2].changes):
                continue
            over.add(urn)
            if found is None:
                continue
            made = begun.changed(id=found[0], outputs=found[1], created=begun.created or now, modified=now)
            taken.append(made)
            # Of a replacement, the old one: deleted already to make room, or still to be deleted.
            olds = [one for one in resources if not (one.urn == urn and one.pending_replacement)]
            resources = [*(one.changed(delete=True) if one.urn == urn else one for one in olds), made]
        left = [one for one in self._snapshot.pending_operations if one["resource"]["urn"] not in over]
        return replace(self._snapshot, resources=in_dependency_order(resources), pending_operations=left), taken

    def find(self, new: ResourceState) -> tuple[str, dict[str, Any]] | None:
        """(id, outputs) of what the killed run had made of this resource; None when it had not, or nobody can tell.

        EngineError when something is there under its id that is not what is asked for: it may be somebody else's.
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
                f"{new.name}: was being made when the last run was killed, and {found_id} is there now but differs in "
                f"{', '.join(diff.diffs)}; delete it, or make the program say the same, then run again"
            )
        return found_id, outputs

    def _find(
        self, begun: ResourceState, wanted: Mapping[str, Any]
    ) -> tuple[tuple[str, dict[str, Any], Diff] | None, bool]:
        """(id, outputs, how it differs from what is wanted), or None; and whether that is known for sure."""
        expected_id = self._id_of(begun.type, begun.inputs)
        if not expected_id:
            return None, expected_id is not None
        found_id, outputs, _ = self._providers.read(begun.changed(id=expected_id, outputs=begun.inputs))
        if not found_id:
            return None, True
        return (found_id, outputs, self._providers.diff(begun.changed(id=found_id, outputs=outputs), wanted, [])), True
