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
_BANDS = ("bands", "tokens_per_second")
# The same within a band: a ceiling, or a wanted and an accepted one.
_REPLACES_IN_BANDS = {"max": ("want", "accept"), "want": ("max",), "accept": ("max",)}


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

    Throughput of another kind replaces the entry's as a whole, and so does another way to name the model, or another
    form of ceiling.
    """
    base = _without_replaced(entry, override, _REPLACES)
    return _merged(base, override, null_removes=True)  # type: ignore[no-any-return]


def _without_replaced(base: Raw, over: Raw, replaces: Mapping[str, tuple[str, ...]]) -> Raw:
    """Return `base` without the keys that keys of `over` replace."""
    dropped = {gone for key, value in over.items() if value is not None for gone in replaces.get(key, ())}
    return {key: value for key, value in base.items() if key not in dropped or key in over}


def _merged(base: Any, over: Any, null_removes: bool, key: str = "") -> Any:
    if not isinstance(over, dict) or not (isinstance(base, dict) or null_removes):
        return over
    if not isinstance(base, dict):
        base = {}  # a null removes nothing then, and is no value either
    if key == "throughput":
        stated = {name: value for name, value in over.items() if value is not None} if null_removes else over
        if kind_of(stated) is not None and kind_of(stated) != kind_of(base):
            base = {}
    whole = dict(_without_replaced(base, over, _REPLACES_IN_BANDS) if key in _BANDS else base)
    for name, value in over.items():
        if value is None and null_removes:
            whole.pop(name, None)
        elif name in whole:
            whole[name] = _merged(whole[name], value, null_removes, name)
        else:
            whole[name] = _merged({}, value, null_removes, name)
    return whole
