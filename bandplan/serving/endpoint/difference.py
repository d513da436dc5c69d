"""One property of an endpoint that is not as declared, and where it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PathStep = str | int


@dataclass(frozen=True)
class Difference:
    """One property that is not as declared: `path` from the resource's root, the declared and the live value."""

    path: tuple[PathStep, ...]
    declared: Any
    live: Any

    @property
    def property_path(self) -> str:
        """As Pulumi writes it: `declared.servedEntities[0].maxProvisionedThroughput`."""
        return property_path(self.path)

    @property
    def part(self) -> PathStep:
        """Which part of `declared` it belongs to, such as `servedEntities` or `tags`."""
        return self.path[1]

    def __str__(self) -> str:
        return f"{self.property_path}: live {_shown(self.live)}, declared {_shown(self.declared)}"


def property_path(path: Sequence[PathStep]) -> str:
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif step.replace("_", "a").isalnum():
            text += f".{step}" if text else step
        else:
            quoted = step.replace('"', '\\"')
            text += f'["{quoted}"]'
    return text


def _shown(value: Any) -> str:
    return "absent" if value is None else repr(value) if isinstance(value, str) else str(value)
