"""Inputs of a resource as they come from a program: of the right kind, known or not yet. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.serving.endpoint.difference import PathStep, property_path

_WORDS: Mapping[type, str] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}


@dataclass(frozen=True)
class InputProblem:
    """What is wrong with one input, and where."""

    property_path: str
    reason: str


def is_known(value: Any) -> bool:
    """Whether no part of a plain value is unknown until the deploy."""
    if isinstance(value, Mapping):
        return all(is_known(item) for item in value.values())
    if isinstance(value, list):
        return all(is_known(item) for item in value)
    return value is not UNKNOWN


def unknown_names(
    path: tuple[PathStep, ...], value: Mapping[str, Any], known: tuple[str, ...]
) -> Iterator[InputProblem]:
    """Names that are none of `known`; those of the engine's own, such as __defaults, pass."""
    for name in value:
        if name not in known and not name.startswith("__"):
            yield InputProblem(
                property_path((*path, name)),
                f"is not a property; the properties are {', '.join(known)}",
            )


def of_kind(path: tuple[PathStep, ...], value: Any, kind: type, *, required: bool = False) -> Iterator[InputProblem]:
    """What is wrong with one value; absent passes unless required, and what is not known yet passes."""
    if value is None:
        if required:
            yield InputProblem(property_path(path), f"is missing; it has to be {_WORDS[kind]}")
        return
    if value is UNKNOWN:
        return
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        yield InputProblem(property_path(path), f"has to be {_WORDS[kind]}")
    elif required and kind is str and not value:
        yield InputProblem(property_path(path), "is empty")
