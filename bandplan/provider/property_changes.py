"""Which properties differ between two sets of plain inputs. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from bandplan.wire.property_path import PathStep, property_path

Kind = Literal["add", "delete", "update"]


def property_changes(old: Mapping[str, Any], new: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, Kind]:
    """Map each changed property path to its kind of change, for the top-level `names`; unknown means update."""
    found: dict[str, Kind] = {}
    for name in names:
        found.update(_changes((name,), old.get(name), new.get(name)))
    return found


def _changes(path: tuple[PathStep, ...], old: Any, new: Any) -> Iterator[tuple[str, Kind]]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for name in (*old, *(name for name in new if name not in old)):
            yield from _changes((*path, name), old.get(name), new.get(name))
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            yield from _changes((*path, index), _item(old, index), _item(new, index))
    elif old is None and new is not None:
        yield property_path(path), "add"
    elif old is not None and new is None:
        yield property_path(path), "delete"
    elif old != new:
        yield property_path(path), "update"


def _item(values: list[Any], index: int) -> Any:
    return values[index] if index < len(values) else None
