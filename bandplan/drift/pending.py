"""What models.yaml wants otherwise than it was deployed: changes that wait for an `up`, and no drift. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.drift.finding import Pending
from bandplan.drift.naming import flattened
from bandplan.drift.recorded import RecordedEndpoint


@dataclass(frozen=True)
class WantedEndpoint:
    """One endpoint of models.yaml for the stack: `declared` as its guard's input has it; `access` in Pulumi's names.

    `declared` is None for one whose version is registered by a deploy that has not been: nothing can be compared then.
    """

    name: str
    declared: Mapping[str, Any] | None
    access: tuple[Mapping[str, Any], ...] = field(default_factory=tuple)


def pending_changes(recorded: RecordedEndpoint, wanted: WantedEndpoint) -> tuple[Pending, ...]:
    """Each field that differs, fields of models.yaml in its order first. Encrypted parts are left out."""
    if wanted.declared is None:
        return ()
    stated = {part: value for part, value in wanted.declared.items() if part not in recorded.hidden}
    before = flattened(recorded.declared, recorded.access)
    after = flattened(stated, wanted.access)
    if "task" not in recorded.declared:
        # The guard is not in the state: an endpoint whose first deployment did not end.
        after.pop("task", None)
    names = [*after, *(name for name in before if name not in after)]
    return tuple(
        Pending(name, before.get(name), after.get(name)) for name in names if _text(before, name) != _text(after, name)
    )


def _text(fields: Mapping[str, Any], name: str) -> Any:
    """Numbers and their text are one: a state may hold a version as either."""
    value = fields.get(name)
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else value
