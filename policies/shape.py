"""Checks a value by the few keywords of JSON Schema that the rules' properties use.

Importing a full validator takes longer than a preview may cost.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

_KINDS: Final[Mapping[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int, float),
    "boolean": (bool,),
    "array": (list, tuple),
    "object": (dict,),
}

_ARTICLES: Final = ("a", "an")
_LARGEST: Final = 10**15
"""Largest number that any rule can need; NaN and infinity are excluded."""


def problems_of(value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
    """Yield one line per problem: `place: finding; next step`."""
    kind = schema["type"]
    if not _is(value, kind):
        yield f"{place}: {value!r} is not {_ARTICLES[kind[0] in 'aeiou']} {kind}"
        return
    if kind in ("integer", "number") and not -_LARGEST <= value <= _LARGEST:
        yield f"{place}: is not a number that a rule can calculate with; write one from {-_LARGEST:,} to {_LARGEST:,}"
        return
    if kind == "integer" and value != int(value):
        yield f"{place}: {value!r} is not an integer"
    if "minimum" in schema and value < schema["minimum"]:
        yield f"{place}: {value!r} is less than {schema['minimum']}"
    if "maximum" in schema and value > schema["maximum"]:
        yield f"{place}: {value!r} is more than {schema['maximum']}"
    if "enum" in schema and value not in schema["enum"]:
        yield f"{place}: {value!r} must be one of {', '.join(map(str, schema['enum']))}"
    if kind == "array":
        for index, item in enumerate(value):
            yield from problems_of(item, schema["items"], f"{place}[{index}]")
    if kind == "object":
        yield from _of_object(value, schema, place)


def _of_object(value: Mapping[str, Any], schema: Mapping[str, Any], place: str) -> Iterator[str]:
    known: Mapping[str, Any] = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    for name, item in value.items():
        inner = known.get(name) or others
        if inner:
            yield from problems_of(item, inner, f"{place}.{name}")
        else:
            yield f"{place}.{name}: no such property; the properties are {', '.join(known)}"
    for name in schema.get("required", ()):
        if name not in value:
            yield f"{place}: {name} is missing"


def _is(value: Any, kind: str) -> bool:
    return isinstance(value, _KINDS[kind]) and (kind == "boolean" or not isinstance(value, bool))
