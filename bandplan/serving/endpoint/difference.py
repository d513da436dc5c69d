"""One property of an endpoint that differs from its declaration, and its place."""

from dataclasses import dataclass
from typing import Any

from bandplan.wire.property_path import PathStep, property_path

_LONGEST_SHOWN = 500
"""Characters of a value in a message; a workspace may answer with any number of them."""


@dataclass(frozen=True)
class Difference:
    """A property that differs: `path` from the resource's root, the declared and the live value."""

    path: tuple[PathStep, ...]
    declared: Any
    live: Any

    @property
    def property_path(self) -> str:
        """The path as Pulumi writes it: `declared.servedEntities[0].maxProvisionedThroughput`."""
        return property_path(self.path)

    @property
    def part(self) -> PathStep:
        """The part of `declared` that it belongs to, such as `servedEntities` or `tags`."""
        return self.path[1]

    def __str__(self) -> str:
        return f"{self.property_path}: live {_shown(self.live)}, declared {_shown(self.declared)}"


def _shown(value: Any) -> str:
    if value is None:
        return "absent"
    # Cut before it is escaped, and again because escaping makes it longer.
    text = repr(value[: _LONGEST_SHOWN + 1]) if isinstance(value, str) else str(value)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}..."
