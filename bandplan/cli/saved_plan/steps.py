"""The steps of a preview as a plan keeps them: operation, resource, and fingerprints of the values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from bandplan.cli.saved_plan.fingerprint import fingerprints

OPS: Final = frozenset(
    {"create", "update", "replace", "delete", "import", "read", "discard", "refresh", "remove-pending-replace"}
)
"""Operations of `pulumi preview --json` that a plan may hold.

Source: `OpType` in sdk/go/common/apitype of github.com/pulumi/pulumi (read 2026-11).
"""

_NOT_PLANNED: Final = frozenset({"same", "create-replacement", "delete-replaced", "import-replacement"})
"""Operations that do nothing, or belong to a `replace`."""


@dataclass(frozen=True)
class PlannedStep:
    """One step. `inputs`: path -> fingerprint after it; `changes`: path -> kind of change, in the provider's words."""

    urn: str
    op: str
    inputs: Mapping[str, str] = field(default_factory=dict)
    changes: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return title_of(self.urn)


def title_of(urn: str) -> str:
    """Return `ModelServing support-chat`: the last word of the type, and the name."""
    parts = urn.split("::", 3)
    return f"{parts[2].rsplit(':', 1)[-1]} {parts[3]}" if len(parts) == 4 else urn


def planned_steps(document: Mapping[str, Any]) -> dict[str, PlannedStep]:
    """Map URN to step for a document in the shape of `pulumi preview --json`, without unchanged resources."""
    steps = (step for step in document.get("steps") or () if step["op"] not in _NOT_PLANNED)
    return {step["urn"]: planned(step) for step in steps}


def planned(step: Mapping[str, Any]) -> PlannedStep:
    """Convert one step of the document."""
    inputs = (step.get("newState") or {}).get("inputs") or {}
    changes = {path: str(change.get("kind", "")) for path, change in (step.get("detailedDiff") or {}).items()}
    return PlannedStep(step["urn"], step["op"], fingerprints(inputs), changes)
