"""The columns of the table in `fields.py`: what a row can say about a property."""

import re
from dataclasses import dataclass
from enum import Enum
from functools import cached_property


class Change(Enum):
    """The effect of a changed value."""

    IN_PLACE = "in place"
    REPLACE = "replace"
    NEVER_SENT = "never sent"  # planned as an update, sent on create only


class Absence(Enum):
    """The effect of a property that the program does not set."""

    REMOVES = "removes"  # a value in the state is removed
    KEEPS = "keeps"  # nothing happens
    SERVER_FILLS = "server fills"  # nothing happens; unknown until created


class Shape(Enum):
    """The shape of a value. VALUE: a scalar; LIST: scalars if it has no fields; MAP: keys chosen by the user."""

    VALUE = "value"
    BLOCK = "block"
    LIST = "list"
    MAP = "map"


@dataclass(frozen=True)
class Field:
    """One property: `name` in Pulumi, `wire` in the REST API, and the effect of a change.

    `fields` are those of a block or of each list element. `keys` identify a list element, whose order then does not
    matter; with `pairs_rest`, elements without a match are paired by order (a renamed served entity), otherwise they
    count as removed and added. `is_echoed` is False for what the API never returns: the state keeps what was written.
    `is_always_sent` values are sent even if zero or false; others are dropped then, as the published provider does.
    """

    name: str
    reason: str
    change: Change = Change.IN_PLACE
    absence: Absence = Absence.REMOVES
    shape: Shape = Shape.VALUE
    fields: tuple["Field", ...] = ()
    keys: tuple[str, ...] = ()
    pairs_rest: bool = False
    is_required: bool = False
    is_output: bool = False
    is_secret: bool = False
    is_echoed: bool = True
    is_always_sent: bool = False
    ignores_case: bool = False
    ignores_order: bool = False
    is_supported: bool = True
    default: bool | None = None
    wire_name: str = ""

    @cached_property
    def wire(self) -> str:
        return self.wire_name or snake_case(self.name)

    @cached_property
    def by_name(self) -> dict[str, "Field"]:
        return {field.name: field for field in self.fields}

    def has_replacing(self, value: object) -> bool:
        """Whether a change of this property, or of one set inside `value`, replaces the resource."""
        if self.change is Change.REPLACE:
            return True
        items = value if isinstance(value, list) else [value]
        return any(
            field.has_replacing(item[field.name])
            for item in items
            if isinstance(item, dict)
            for field in self.fields
            if not is_zero(item.get(field.name))
        )


@dataclass(frozen=True)
class ResourceFields:
    """The properties of a resource type.

    `named`: an absent `name` is generated. `one_of`: exactly one of these must be set.
    """

    token: str
    fields: tuple[Field, ...]
    named: bool = False
    one_of: tuple[str, ...] = ()

    @cached_property
    def by_name(self) -> dict[str, Field]:
        return {field.name: field for field in self.fields}


def snake_case(name: str) -> str:
    return re.sub(r"[A-Z]", lambda upper: "_" + upper[0].lower(), name)


def is_zero(value: object) -> bool:
    """Whether the published provider takes `value` for "not set": nothing, "", 0, false, an empty list or map."""
    return value is None or value is False or value in ("", 0) or value == [] or value == {}


def is_void(value: object) -> bool:
    """Whether `value` contains nothing but zero values."""
    if isinstance(value, dict):
        return all(is_void(inner) for inner in value.values())
    return is_zero(value)
