"""Resources that a killed run was making: what is there already is taken over instead of made twice.

A kill between a provider's request and the journal's line leaves a resource that the state only knows as an operation
under way. It is taken over when the provider finds it under the id that it was to have, and it is what is asked for.
"""

from collections.abc import Callable, Mapping
from typing import Any

from embedded.checkpoint import Snapshot
from embedded.errors import EngineError
from embedded.providers import Providers
from embedded.resource import ResourceState

IdOf = Callable[[str, Mapping[str, Any]], str | None]
"""Takes a type token and inputs; gives the id that such a resource gets, or None when only its provider can tell."""


def no_id(_type: str, _inputs: Mapping[str, Any]) -> None:
    """Nothing can be told of any type."""


class Adoption:
    """The creations that the last run left open."""

    def __init__(self, snapshot: Snapshot, providers: Providers, id_of: IdOf) -> None:
        """`snapshot` as this run found it."""
        self._providers = providers
        self._id_of = id_of
        self._open = {
            operation["resource"]["urn"]: operation["resource"]
            for operation in snapshot.pending_operations
            if operation.get("type") == "creating"
        }

    def find(self, new: ResourceState) -> tuple[str, dict[str, Any]] | None:
        """(id, outputs) of what the killed run had made of this resource; None when it had not, or nobody can tell.

        EngineError when something is there under its id that is not what is asked for: it may be somebody else's.
        """
        entry = self._open.get(new.urn)
        if entry is None:
            return None
        begun = ResourceState.from_json(entry)
        expected_id = self._id_of(begun.type, begun.inputs)
        if not expected_id:
            return None
        found_id, outputs, _ = self._providers.read(begun.changed(id=expected_id, outputs=begun.inputs))
        if not found_id:
            return None
        diff = self._providers.diff(begun.changed(id=found_id, outputs=outputs), new.inputs, [])
        if diff.changes:
            raise EngineError(
                f"{new.name}: was being made when the last run was killed, and {found_id} is there now but differs in "
                f"{', '.join(diff.diffs)}; delete it, or make the program say the same, then run again"
            )
        return found_id, outputs
