"""Apply defaults and overrides to entries, before any validation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bandplan.serving.spec.throughput import kind_of

Raw = Mapping[str, Any]

_ONE_MODEL = ("model", "version", "register", "throughput", "workload")
# A key of an override that replaces other keys.
_REPLACES = {
    "entities": _ONE_MODEL,
    "model": ("register", "entities"),
    "version": ("register", "entities"),
    "register": ("model", "version", "entities"),
    "throughput": ("workload", "entities"),
    "workload": ("throughput", "entities"),
}


def with_defaults(entry: Raw, defaults: Raw) -> Raw:
    """Add the defaults that the entry does not state. Mappings are merged; the entry's lists and values win."""
    if not defaults:
        return entry
    return {
        **entry,
        **{
            key: _merged(value, entry[key], null_removes=False) if key in entry else value
            for key, value in defaults.items()
        },
    }


def with_override(entry: Raw, override: Raw) -> Raw:
    """Apply a stack's override to the entry. Mappings are merged, lists and values replaced, null removes the key.

    Throughput of another kind replaces the entry's as a whole, and so does another way to name the model.
    """
    dropped = {
        gone
        for key, value in override.items()
        if value is not None
        for gone in _REPLACES.get(key, ())
        if gone not in override
    }
    base = {key: value for key, value in entry.items() if key not in dropped}
    return _merged(base, override, null_removes=True)  # type: ignore[no-any-return]


def _merged(base: Any, over: Any, null_removes: bool, key: str = "") -> Any:
    if not isinstance(base, dict) or not isinstance(over, dict):
        return over
    if key == "throughput" and kind_of(over) is not None and kind_of(over) != kind_of(base):
        return over
    whole = dict(base)
    for name, value in over.items():
        if value is None and null_removes:
            whole.pop(name, None)
        elif name in whole:
            whole[name] = _merged(whole[name], value, null_removes, name)
        else:
            whole[name] = _merged({}, value, null_removes, name)
    return whole
