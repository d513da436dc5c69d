"""The name that an engine gives a resource: `urn:pulumi:<stack>::<project>::<types>::<name>`.

`types` are the types of its parents and the resource's own, joined by `$`, its own last.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Urn:
    """Parts of a URN; `type` is the resource's own, without those of its parents."""

    stack: str
    project: str
    type: str
    name: str


def parse_urn(text: str) -> Urn | None:
    """Return the parts of a URN, or None if `text` is not one."""
    parts = text.split("::", 3)
    if len(parts) != 4 or not parts[0].startswith("urn:pulumi:"):
        return None
    stack, project, types, name = parts
    return Urn(stack.removeprefix("urn:pulumi:"), project, types.rsplit("$", 1)[-1], name)


def write_urn(stack: str, project: str, types: tuple[str, ...], name: str) -> str:
    """Return the URN of a resource; `types` are those of its parents, outermost first, then its own."""
    return f"urn:pulumi:{stack}::{project}::{'$'.join(types)}::{name}"


def type_of(urn: str) -> str:
    """Return the resource's own type token. `urn` must be a URN."""
    return urn.split("::")[2].rsplit("$", 1)[-1]


def name_of(urn: str) -> str:
    """Return the resource's logical name. `urn` must be a URN."""
    return urn.split("::", 3)[-1]
