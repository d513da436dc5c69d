"""Values from a resource's properties as an engine sends them: plain JSON in which some values may be unknown."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from bandplan.wire.sentinels import UNKNOWN


def text(properties: Mapping[str, Any], key: str) -> str:
    """Return a string; empty if it is absent or unknown."""
    value = properties.get(key)
    return value if isinstance(value, str) and value != UNKNOWN else ""


def number(properties: Mapping[str, Any], key: str) -> float | None:
    """Return a number; None if it is absent or unknown."""
    value = properties.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(properties: Mapping[str, Any], key: str) -> int | None:
    """Return an integer, which is a double on the wire; None if it is absent or unknown."""
    value = number(properties, key)
    return None if value is None else int(value)


def flag(properties: Mapping[str, Any], key: str) -> bool:
    """Return a boolean; False if it is absent."""
    return properties.get(key) is True


def records(properties: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """Return the objects of a list."""
    value = properties.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def record(properties: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """Return an object; empty if it is absent."""
    value = properties.get(key)
    return value if isinstance(value, Mapping) else {}


def texts(properties: Mapping[str, Any], key: str) -> dict[str, str]:
    """Return the strings in an object."""
    return {name: value for name, value in record(properties, key).items() if isinstance(value, str)}


def day(value: Any) -> date | None:
    """Return the day of an ISO date; None for anything else."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
