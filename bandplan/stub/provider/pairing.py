"""Match the elements of one list with those of another."""

from collections.abc import Sequence
from typing import Any

from bandplan.stub.provider.field import Field

Pair = tuple[int | None, int | None]


def pairs(field: Field, olds: Sequence[Any], news: Sequence[Any]) -> list[Pair]:
    """Return the index in `olds` and in `news` of every element, in the order of `news`, then the removed ones.

    An index is None if the element is only in the other list. Lists without keys are paired by position. Others are
    paired by what identifies an element, and the rest by position if the field says so.
    """
    if not field.keys or not all(isinstance(item, dict) for item in (*olds, *news)):
        return [
            (index if index < len(olds) else None, index if index < len(news) else None)
            for index in range(max(len(olds), len(news)))
        ]
    unpaired = list(range(len(olds)))
    found: dict[int, int] = {}
    for new, item in enumerate(news):
        same = next((old for old in unpaired if _identity(field, item) and _are_same(field, olds[old], item)), None)
        if same is not None:
            unpaired.remove(same)
            found[new] = same
    if field.pairs_rest:
        for new in range(len(news)):
            if new not in found and unpaired:
                found[new] = unpaired.pop(0)
    return [(found.get(new), new) for new in range(len(news))] + [(old, None) for old in unpaired]


def _are_same(field: Field, old: dict[str, Any], new: dict[str, Any]) -> bool:
    return _identity(field, old) == _identity(field, new)


def _identity(field: Field, item: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple((key, _folded(field, key, str(item[key]))) for key in field.keys if item.get(key))


def _folded(field: Field, key: str, value: str) -> str:
    return value.casefold() if any(part.name == key and part.ignores_case for part in field.fields) else value
