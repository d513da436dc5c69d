"""Values out of a resource's properties as they come from an engine: plain JSON, in which some may be unknown."""

from collections.abc import Mapping
from datetime import date
from typing import Any

from bandplan.wire.sentinels import UNKNOWN


def text(properties: Mapping[str, Any], key: str) -> str:
    """Empty when there is none, or it is not known."""
    value = properties.get(key)
    return value if isinstance(value, str) and value != UNKNOWN else ""


def number(properties: Mapping[str, Any], key: str) -> float | None:
    """None when there is none, or it is not known."""
    value = properties.get(key)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def whole(properties: Mapping[str, Any], key: str) -> int | None:
    """None when there is none, or it is not known; on the wire whole numbers are doubles."""
    value = number(properties, key)
    return None if value is None else int(value)


def flag(properties: Mapping[str, Any], key: str) -> bool:
    """False when it is absent."""
    return properties.get(key) is True


def records(properties: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list."""
    value = properties.get(key)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, (list, tuple)) else []


def record(properties: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """An object; empty when there is none."""
    value = properties.get(key)
    return value if isinstance(value, Mapping) else {}


def texts(properties: Mapping[str, Any], key: str) -> dict[str, str]:
    """An object's texts."""
    return {name: value for name, value in record(properties, key).items() if isinstance(value, str)}


def day(value: Any) -> date | None:
    """The day of an ISO date; None for anything else."""
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None
