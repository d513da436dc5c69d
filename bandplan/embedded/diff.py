"""How one set of properties differs from another, in the terms of the provider protocol. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bandplan.embedded.values import same_value
from bandplan.wire.property_path import below, parse


@dataclass(frozen=True, slots=True)
class PropertyDiff:
    """How one property changes: add, delete or update, with `-replace` if the change forces a new resource."""

    kind: str
    input_diff: bool


@dataclass(frozen=True, slots=True)
class Diff:
    """What a provider, or the engine in its place, reports about a change."""

    changes: bool
    replace_keys: list[str]
    diffs: list[str]
    delete_before_replace: bool
    detailed: dict[str, PropertyDiff] | None


def replacement_because(key: str) -> Diff:
    """Return the diff of a replacement that the engine itself requires, without asking a provider."""
    return Diff(changes=True, replace_keys=[key], diffs=[], delete_before_replace=False, detailed=None)


def top_level(path: str) -> str:
    """Return the input that a property path starts at: `config` for `config.servedEntities[0].name`."""
    return str(parse(path)[0])


def input_diff(old: Mapping[str, Any], new: Mapping[str, Any]) -> Diff:
    """Compare two sets of inputs, for a provider that leaves the comparison to the engine."""
    detailed: dict[str, PropertyDiff] = {}
    _compare("", old, new, detailed)
    changed = [key for key in sorted(old.keys() | new.keys()) if not _is_same_at(key, old, new)]
    return Diff(bool(detailed), [], changed, False, detailed)


def _is_same_at(key: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    return key in old and key in new and same_value(old[key], new[key])


def _compare(path: str, old: Any, new: Any, found: dict[str, PropertyDiff]) -> None:
    if same_value(old, new):
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        olds, news = ({below(path, key): item for key, item in side.items()} for side in (old, new))
    elif isinstance(old, list) and isinstance(new, list):
        olds, news = ({f"{path}[{place}]": item for place, item in enumerate(side)} for side in (old, new))
    else:
        found[path] = PropertyDiff("add" if old is None else "delete" if new is None else "update", True)
        return
    for key in sorted(olds.keys() | news.keys()):
        if key in olds and key in news:
            _compare(key, olds[key], news[key], found)
        else:
            found[key] = PropertyDiff("add" if key in news else "delete", True)


def inverted(diff: Diff) -> Diff:
    """Return the same difference seen from the other side: what was added is deleted."""
    if diff.detailed is None:
        return diff
    kinds = {"add": "delete", "delete": "add", "add-replace": "delete-replace", "delete-replace": "add-replace"}
    detailed = {
        key: PropertyDiff(kinds.get(change.kind, change.kind), change.input_diff)
        for key, change in diff.detailed.items()
    }
    return replace(diff, detailed=detailed)
