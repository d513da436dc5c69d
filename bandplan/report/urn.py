"""The name that an engine gives a resource: `urn:pulumi:<stack>::<project>::<types>::<name>`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Urn:
    """Parts of a URN; `type` is the resource's own, without those of its parents."""

    stack: str
    project: str
    type: str
    name: str


def parse_urn(text: str) -> Urn | None:
    """None for what is no URN."""
    parts = text.split("::", 3)
    if len(parts) != 4 or not parts[0].startswith("urn:pulumi:"):
        return None
    stack, project, types, name = parts
    return Urn(stack.removeprefix("urn:pulumi:"), project, types.rsplit("$", 1)[-1], name)
