"""The shape of a forge's answers: anything may answer in its place, such as a proxy or another server."""

from collections.abc import Mapping
from typing import Any

from bandplan.forge.errors import Malformed


def records(value: Any, place: str, what: str, *numbers: str) -> list[dict[str, Any]]:
    """Return the value as a list of `what`, objects with the given integers; Malformed otherwise."""
    if isinstance(value, list) and all(isinstance(item, dict) and all(map(_has(item), numbers)) for item in value):
        return value
    raise Malformed(f"{place}: the answer is not a list of {what}; is this the REST API's address?")


def record(value: Any, place: str, what: str) -> dict[str, Any]:
    """Return the value as an object; Malformed otherwise."""
    if isinstance(value, dict):
        return value
    raise Malformed(f"{place}: the answer is not {what}; is this the REST API's address?")


def part(item: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return the object under `key`; empty if there is none."""
    value = item.get(key)
    return value if isinstance(value, dict) else {}


def text(item: Mapping[str, Any], key: str) -> str:
    """Return the text under `key`; empty if there is none."""
    value = item.get(key)
    return value if isinstance(value, str) else ""


def _has(item: Mapping[str, Any]) -> Any:
    return lambda key: isinstance(item.get(key), int) and not isinstance(item[key], bool) and item[key] >= 0
