"""Compare the state with the wanted inputs, property by property, according to the table."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.stub.provider.field import Absence, Change, Field, Shape, is_zero
from bandplan.stub.provider.pairing import pairs


class Kind(Enum):
    ADD = "add"
    DELETE = "delete"
    UPDATE = "update"


@dataclass(frozen=True)
class Difference:
    """One difference; `path` is like `config.servedEntities[0].maxProvisionedThroughput`."""

    path: str
    kind: Kind
    replaces: bool


def differences(
    fields: Iterable[Field], state: Mapping[str, Any], inputs: Mapping[str, Any], prefix: str = ""
) -> list[Difference]:
    """Return what `inputs` would change in `state`; zero and absent values are equal."""
    found: list[Difference] = []
    for field in fields:
        if not field.is_output:
            found += _of_value(field, state.get(field.name), inputs.get(field.name), prefix + field.name)
    return found


def _of_value(field: Field, old: Any, new: Any, path: str) -> list[Difference]:
    if new is UNKNOWN:
        return [Difference(path, Kind.ADD if is_zero(old) else Kind.UPDATE, field.has_replacing(old))]
    if new is None and field.absence is not Absence.REMOVES:
        return []
    # An empty block means something to the workspace ("usage tracking, off"), unlike an empty list or a zero.
    is_block = field.shape is Shape.BLOCK
    old_is_absent, new_is_absent = (value is None if is_block else is_zero(value) for value in (old, new))
    if old_is_absent and new_is_absent:
        return []
    if old_is_absent:
        return [Difference(path, Kind.ADD, field.has_replacing(new))]
    if new_is_absent:
        return [Difference(path, Kind.DELETE, field.has_replacing(old))]
    if field.shape is Shape.BLOCK:
        return differences(field.fields, old, new, path + ".")
    if field.shape is Shape.LIST and not field.ignores_order:
        return _of_lists(field, old, new, path)
    if field.shape is Shape.MAP:
        return _of_maps(field, old, new, path)
    return [] if are_equal(field, old, new) else [Difference(path, Kind.UPDATE, field.change is Change.REPLACE)]


def _of_lists(field: Field, olds: list[Any], news: list[Any], path: str) -> list[Difference]:
    found: list[Difference] = []
    for old, new in pairs(field, olds, news):
        if old is None:
            found.append(Difference(f"{path}[{new}]", Kind.ADD, field.has_replacing([news[new or 0]])))
        elif new is None:
            found.append(Difference(f"{path}[{old}]", Kind.DELETE, field.has_replacing([olds[old]])))
        elif field.fields and isinstance(news[new], dict):
            found += differences(field.fields, olds[old], news[new], f"{path}[{new}].")
        elif news[new] is UNKNOWN or not are_equal(field, olds[old], news[new]):
            found.append(Difference(f"{path}[{new}]", Kind.UPDATE, field.change is Change.REPLACE))
    return found


def _of_maps(field: Field, old: dict[str, Any], new: dict[str, Any], path: str) -> list[Difference]:
    replaces = field.change is Change.REPLACE
    found = [Difference(f"{path}.{key}", Kind.DELETE, replaces) for key in old if key not in new]
    for key, value in new.items():
        if key not in old:
            found.append(Difference(f"{path}.{key}", Kind.ADD, replaces))
        elif value is UNKNOWN or value != old[key]:
            found.append(Difference(f"{path}.{key}", Kind.UPDATE, replaces))
    return found


def are_equal(field: Field, old: Any, new: Any) -> bool:
    """Whether the published provider takes two values for equal.

    Some names ignore case, some lists ignore order, and a number may be text.
    """
    return bool(_canonical(field, old) == _canonical(field, new))


def _canonical(field: Field, value: Any) -> Any:
    if isinstance(value, list) and field.ignores_order:
        return sorted(str(_canonical(field, item)) for item in value)
    if isinstance(value, str):
        return value.casefold() if field.ignores_case else value
    # A program may set a number where the schema has a string (a model version), and vice versa.
    return str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
