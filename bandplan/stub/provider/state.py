"""The properties of a resource: planned, after a write, and as read back."""

from collections.abc import Iterable, Mapping
from typing import Any

from bandplan.plugin.values import UNKNOWN
from bandplan.stub.provider.diffing import are_equal
from bandplan.stub.provider.field import Absence, Field, Shape, is_void, is_zero
from bandplan.stub.provider.pairing import pairs


def with_defaults(fields: Iterable[Field], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return `inputs` with the defaults of the published provider, and without the marks of the engine's bridge."""
    out = {name: value for name, value in inputs.items() if not name.startswith("__")}
    for field in fields:
        value = out.get(field.name, field.default)
        if field.shape is Shape.BLOCK and isinstance(value, dict):
            value = with_defaults(field.fields, value)
        elif field.fields and isinstance(value, list):
            value = [with_defaults(field.fields, item) if isinstance(item, dict) else item for item in value]
        if value is not None:
            out[field.name] = value
    return out


def planned(fields: Iterable[Field], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a resource to be created: `inputs`, and UNKNOWN for what the workspace will fill in."""
    out: dict[str, Any] = {}
    for field in fields:
        value = inputs.get(field.name)
        if value is not None:
            out[field.name] = _planned_value(field, value)
        elif field.is_output or field.absence is Absence.SERVER_FILLS:
            out[field.name] = UNKNOWN
    return out


def _planned_value(field: Field, value: Any) -> Any:
    if field.shape is Shape.BLOCK and isinstance(value, dict):
        return planned(field.fields, value)
    if field.fields and isinstance(value, list):
        return [planned(field.fields, item) if isinstance(item, dict) else item for item in value]
    return value


def carried(fields: Iterable[Field], state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return the target properties of an update: `inputs`, and what the workspace filled in where they are silent."""
    out: dict[str, Any] = {}
    for field in fields:
        old, new = state.get(field.name), inputs.get(field.name)
        if new is not None:
            out[field.name] = _carried_value(field, old, new)
        elif old is not None and (field.is_output or field.absence is not Absence.REMOVES):
            out[field.name] = old
    return out


def _carried_value(field: Field, old: Any, new: Any) -> Any:
    if field.shape is Shape.BLOCK and isinstance(new, dict):
        return carried(field.fields, old or {}, new)
    if field.fields and isinstance(new, list):
        olds = old or []
        sources = {after: before for before, after in pairs(field, olds, new) if after is not None}
        return [
            carried(field.fields, olds[before] if (before := sources[after]) is not None else {}, item)
            if isinstance(item, dict)
            else item
            for after, item in enumerate(new)
        ]
    return new


def observed(fields: Iterable[Field], known: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties as the workspace has them; `known` is what was last written or read.

    `known` decides where the API is silent (values never returned, zeros left out of the request), the order of lists,
    and the spelling of equal values.
    """
    out: dict[str, Any] = {}
    for field in fields:
        value = _observed_value(field, known.get(field.name), live.get(field.name))
        if value is not None:
            out[field.name] = value
    return out


def _observed_value(field: Field, known: Any, live: Any) -> Any:
    if not field.is_echoed:
        return known
    if field.shape is Shape.BLOCK:
        if live is None:
            return known if is_void(known) else None
        return observed(field.fields, known or {}, live)
    if is_zero(live):
        return known if is_zero(known) else None
    if field.fields:
        return _observed_rows(field, known or [], live)
    return known if known is not None and known is not UNKNOWN and are_equal(field, known, live) else live


def _observed_rows(field: Field, known: list[Any], live: list[Any]) -> list[Any]:
    """Return the elements of `live`, the known ones first and in the known order."""
    rows = []
    for now, before in pairs(field, live, known):
        if now is not None:
            rows.append(observed(field.fields, known[before] if before is not None else {}, live[now]))
    return rows


def refreshed(fields: Iterable[Field], inputs: Mapping[str, Any], state: Mapping[str, Any]) -> dict[str, Any]:
    """Return the inputs after a read: those set before, with the values of `state`; all of them if there were none.

    Properties starting with `__` (marks of the engine's bridge) stay.
    """
    out = {name: value for name, value in inputs.items() if name.startswith("__")}
    is_import = not inputs
    for field in fields:
        value = state.get(field.name)
        if field.is_output or value is None:
            continue
        if field.name in inputs or (is_import and field.absence is not Absence.SERVER_FILLS):
            out[field.name] = _refreshed_value(field, inputs.get(field.name), value, is_import)
    return out


def _refreshed_value(field: Field, before: Any, now: Any, is_import: bool) -> Any:
    if field.shape is Shape.BLOCK and isinstance(before, dict | None):
        return _stated(field, before or {}, now, is_import)
    if field.fields and isinstance(now, list):
        befores = before or []
        found = {after: old for old, after in pairs(field, befores, now)}
        return [
            _stated(field, befores[old] if (old := found[index]) is not None else {}, item, is_import or old is None)
            for index, item in enumerate(now)
        ]
    return now


def _stated(field: Field, before: Mapping[str, Any], now: Mapping[str, Any], is_import: bool) -> dict[str, Any]:
    """Return the members of `now` that were set before, or that somebody else has set since."""
    return {
        inner.name: _refreshed_value(inner, before.get(inner.name), now[inner.name], is_import)
        for inner in field.fields
        if now.get(inner.name) is not None
        and not inner.is_output
        and (inner.name in before or (inner.absence is Absence.REMOVES and inner.default is None))
    }
