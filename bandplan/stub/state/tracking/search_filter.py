"""Filters of MLflow's searches, such as `name = 'ml.search.gte' AND tags.team = 'search'`; pure.

Conditions joined by AND, each with one of `= != < <= > >= LIKE ILIKE`. Anything else is refused, never ignored.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bandplan.stub.state.refusals import Invalid

CONDITION = re.compile(
    r"""\s*(?:(?P<kind>\w+)\.)?(?P<key>`[^`]+`|"[^"]+"|[\w./-]+)"""
    r"""\s*(?P<operator>!=|<=|>=|=|<|>|ILIKE\b|LIKE\b)\s*(?P<value>'[^']*'|"[^"]*"|-?\d+(?:\.\d+)?)\s*""",
    re.IGNORECASE,
)
AND = re.compile(r"AND\b", re.IGNORECASE)
MAX_CHARACTERS = 10_000

KINDS = {
    "attribute": "attributes",
    "attributes": "attributes",
    "attr": "attributes",
    "run": "attributes",
    "tag": "tags",
    "tags": "tags",
    "param": "params",
    "params": "params",
    "parameter": "params",
    "parameters": "params",
    "metric": "metrics",
    "metrics": "metrics",
}

Subject = Mapping[str, Mapping[str, Any]]
"""The object to match, by kind (`attributes`, `tags`, `params`, `metrics`) and key."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison; `value` is a string or a number, as written."""

    kind: str
    key: str
    operator: str
    value: str | float


def parse(text: str | None, attributes: frozenset[str]) -> tuple[Condition, ...]:
    """Return the conditions of a filter, none for an empty one. Raises Invalid, also for an unknown attribute."""
    if not text or not text.strip():
        return ()
    if len(text) > MAX_CHARACTERS:
        raise Invalid(f"filter: is longer than {MAX_CHARACTERS} characters.")
    conditions, position = [], 0
    while True:
        found = CONDITION.match(text, position)
        if found is None:
            raise Invalid(f"filter: cannot be parsed at '{text[position : position + 40]}'; use key = 'value' AND ...")
        conditions.append(_condition(found, attributes))
        position = found.end()
        if position == len(text):
            return tuple(conditions)
        joined = AND.match(text, position)
        if joined is None:
            raise Invalid(f"filter: '{text[position : position + 40]}': join conditions with AND.")
        position = joined.end()


def matches(conditions: tuple[Condition, ...], subject: Subject) -> bool:
    """Whether every condition holds; a missing key matches nothing."""
    return all(_holds(condition, subject.get(condition.kind, {}).get(condition.key)) for condition in conditions)


def _condition(found: re.Match[str], attributes: frozenset[str]) -> Condition:
    written = found["kind"]
    kind = KINDS.get(written.lower(), "") if written else "attributes"
    key, value = found["key"].strip('`"'), found["value"]
    if not kind or (kind == "attributes" and key not in attributes):
        allowed = ", ".join(sorted(attributes))
        raise Invalid(f"filter: '{found['key']}' cannot be searched; use {allowed}, or tags.<key>.")
    quoted = value[0] in "'\""
    return Condition(kind, key, found["operator"].upper(), value[1:-1] if quoted else float(value))


def _holds(condition: Condition, actual: Any) -> bool:
    if actual is None:
        return False
    if condition.operator in ("LIKE", "ILIKE"):
        pattern, text = str(condition.value), str(actual)
        return _is_like(pattern.lower(), text.lower()) if condition.operator == "ILIKE" else _is_like(pattern, text)
    wanted: Any = condition.value
    if isinstance(wanted, float):
        try:
            actual = float(actual)
        except (TypeError, ValueError):
            return False
    else:
        actual = str(actual)
    return COMPARISONS[condition.operator](actual, wanted)


def _is_like(pattern: str, text: str) -> bool:
    """Whether the text matches a pattern in which `%` is any text; each part is matched at its first occurrence."""
    first, *middle = pattern.split("%")
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    place, end = len(first), len(text) - len(last)
    for part in middle:
        place = text.find(part, place, end)
        if place < 0:
            return False
        place += len(part)
    return True


COMPARISONS: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda actual, wanted: actual == wanted,
    "!=": lambda actual, wanted: actual != wanted,
    "<": lambda actual, wanted: actual < wanted,
    "<=": lambda actual, wanted: actual <= wanted,
    ">": lambda actual, wanted: actual > wanted,
    ">=": lambda actual, wanted: actual >= wanted,
}
