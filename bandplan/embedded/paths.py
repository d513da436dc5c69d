"""Property paths with `*` for any name or index: what they contain, and inputs that keep their old values there. Pure.

Source: sdk/go/common/resource/properties_path.go in github.com/pulumi/pulumi (read 2026-11).
"""

import copy
from collections.abc import Mapping
from typing import Any

from bandplan.wire.property_path import PathStep, parse

Path = tuple[PathStep, ...]


def contains(path: Path, other: Path) -> bool:
    """Report whether `other` is at the path or below it."""
    if len(other) < len(path):
        return False
    return all(part in ("*", there) for part, there in zip(path, other, strict=False))


def keep_old(inputs: Mapping[str, Any], olds: Mapping[str, Any], paths: list[str]) -> tuple[dict[str, Any], list[str]]:
    """Restore the old values at these paths; return the inputs, and the paths at which that is impossible.

    Values at a path that did not exist before are removed. A path that cannot be parsed is skipped, as in Pulumi.
    """
    result: dict[str, Any] = copy.deepcopy(dict(inputs)) if paths else dict(inputs)
    failed = []
    for text in paths:
        try:
            path = parse(text)
        except ValueError:
            continue
        if not _reset(path, olds, result):
            failed.append(text)
    return result, failed


def _reset(path: Path, old: Any, new: Any) -> bool:
    if not path:
        return False
    part, rest = path[0], path[1:]
    if isinstance(part, int):
        return _reset_item(part, rest, old, new)
    if part == "*":
        return _reset_every(rest, old, new)
    if not rest:
        return _reset_key(part, old, new)
    if not isinstance(old, Mapping) or not isinstance(new, dict):
        return not isinstance(old, Mapping) and not isinstance(new, dict)
    if part not in new:
        return part not in old
    return _reset(rest, old.get(part), new[part])


def _reset_key(key: str, old: Any, new: Any) -> bool:
    if isinstance(old, Mapping) and key in old:
        if not isinstance(new, dict):
            return False
        new[key] = old[key]
    elif isinstance(new, dict):
        new.pop(key, None)
    return True


def _reset_item(index: int, rest: Path, old: Any, new: Any) -> bool:
    if not isinstance(old, list) or not isinstance(new, list):
        return not isinstance(old, list) and not isinstance(new, list)
    if not rest and index >= max(len(old), len(new)):
        return True
    if index >= min(len(old), len(new)):
        return False
    if rest:
        return _reset(rest, old[index], new[index])
    new[index] = old[index]
    return True


def _reset_every(rest: Path, old: Any, new: Any) -> bool:
    if isinstance(new, dict):
        if not isinstance(old, Mapping):
            return not rest
        if rest:
            return all(key in new and _reset(rest, value, new[key]) for key, value in old.items())
        new.clear()
        new.update(old)
        return True
    if isinstance(new, list):
        if not isinstance(old, list):
            return not rest
        for index, value in enumerate(old[: len(new)]):
            if rest and not _reset(rest, value, new[index]):
                return False
            if not rest:
                new[index] = value
        return len(old) == len(new)
    return False
