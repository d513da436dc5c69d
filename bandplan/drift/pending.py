"""Differences between models.yaml and what was deployed: pending changes, not drift. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.drift.finding import Pending
from bandplan.drift.naming import flattened
from bandplan.drift.recorded import RecordedEndpoint


@dataclass(frozen=True)
class WantedEndpoint:
    """One endpoint of models.yaml for the stack: `declared` as in its guard's input, `access` in Pulumi's names.

    `declared` is None if a deployment has yet to register its version: then nothing can be compared.
    """

    name: str
    declared: Mapping[str, Any] | None
    access: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)


def pending_changes(recorded: RecordedEndpoint, wanted: WantedEndpoint) -> tuple[Pending, ...]:
    """Return each field that differs, fields of models.yaml in its order first. Encrypted parts are left out."""
    if wanted.declared is None:
        return ()
    stated = {part: value for part, value in wanted.declared.items() if part not in recorded.hidden}
    before = flattened(recorded.declared, recorded.access)
    after = flattened(stated, wanted.access)
    if "task" not in recorded.declared:
        # Without a guard in the state, the endpoint's first deployment did not finish.
        after.pop("task", None)
    names = [*after, *(name for name in before if name not in after)]
    return tuple(
        Pending(name, before.get(name), after.get(name)) for name in names if _text(before, name) != _text(after, name)
    )


def _text(fields: Mapping[str, Any], name: str) -> Any:
    """Convert numbers to text: a state may hold a version as either."""
    value = fields.get(name)
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else value
