"""Kind checks on a resource's inputs as a program passes them, known or not yet. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.wire.property_path import PathStep, property_path

_WORDS: Mapping[type, str] = {
    str: "a string",
    int: "an integer",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class InputProblem:
    """A problem with one input, and its path."""

    property_path: str
    reason: str


def is_known(value: Any) -> bool:
    """Report whether a plain value is fully known before the deployment."""
    if isinstance(value, Mapping):
        return all(is_known(item) for item in value.values())
    if isinstance(value, list):
        return all(is_known(item) for item in value)
    return value is not UNKNOWN


def unknown_names(
    path: tuple[PathStep, ...], value: Mapping[str, Any], known: tuple[str, ...]
) -> Iterator[InputProblem]:
    """Yield names that are not in `known`; the engine's own, such as __defaults, pass."""
    for name in value:
        if name not in known and not name.startswith("__"):
            yield InputProblem(
                property_path((*path, name)),
                f"is not a property; the properties are {', '.join(known)}",
            )


def of_kind(path: tuple[PathStep, ...], value: Any, kind: type, *, required: bool = False) -> Iterator[InputProblem]:
    """Yield what is wrong with one value; an absent value passes unless required, and an unknown one passes."""
    if value is None:
        if required:
            yield InputProblem(property_path(path), f"is missing; it must be {_WORDS[kind]}")
        return
    if value is UNKNOWN:
        return
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield InputProblem(property_path(path), f"must be {_WORDS[kind]}")
    elif required and kind is str and not value:
        yield InputProblem(property_path(path), "is empty")
