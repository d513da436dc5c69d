"""A value that matches a JSON schema, always the same: the simulated engine's answer when JSON is required.

It supports what clients generate from their types: objects, arrays, enumerations, references, alternatives, bounds. It
supports neither patterns nor formats. Anything it does not understand becomes null.
"""

import math
from collections.abc import Mapping
from typing import Any

Schema = Mapping[str, Any]

ANY_OBJECT: Schema = {"type": "object", "properties": {"answer": {"type": "string"}}}

TEXT = "simulated"

MAX_DEPTH = 16
MAX_VALUES = 1000
MAX_LENGTH = 1000
MAX_ITEMS = 100
"""Bounds for a schema that contains itself or demands a large value; arbitrary."""


def of_schema(schema: Schema) -> Any:
    """Build a value for a schema; {} gives an object with one text in it."""
    return _Sampler(schema or ANY_OBJECT).value(schema or ANY_OBJECT, 0)


class _Sampler:
    def __init__(self, root: Schema) -> None:
        self._root = root
        self._values_left = MAX_VALUES

    def value(self, schema: object, depth: int) -> Any:
        self._values_left -= 1
        if not isinstance(schema, Mapping) or depth > MAX_DEPTH or self._values_left < 0:
            return None
        for key in ("const", "default"):
            if key in schema:
                return schema[key]
        for key in ("enum", "anyOf", "oneOf"):
            options = schema.get(key)
            if isinstance(options, list) and options:
                return options[0] if key == "enum" else self.value(options[0], depth + 1)
        if isinstance(schema.get("$ref"), str):
            return self.value(self._referred(schema["$ref"]), depth + 1)
        if isinstance(schema.get("allOf"), list):
            return self.value(self._merged(schema["allOf"]), depth + 1)
        return self._of_type(schema, depth)

    def _of_type(self, schema: Schema, depth: int) -> Any:
        kind = schema.get("type", "object" if "properties" in schema else None)
        if isinstance(kind, list):
            kind = next((one for one in kind if one != "null"), None)
        match kind:
            case "object":
                return self._object(schema, depth)
            case "array":
                count = min(_bound(schema, "minItems", 1), MAX_ITEMS)
                return [self.value(schema.get("items", {}), depth + 1) for _ in range(count)]
            case "string":
                return TEXT.ljust(_bound(schema, "minLength", 0), ".")[: _bound(schema, "maxLength", MAX_LENGTH)]
            case "integer" | "number":
                return _number(schema, kind)
            case "boolean":
                return True
            case _:
                return None

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        properties, required = schema.get("properties"), schema.get("required")
        if not isinstance(properties, Mapping):
            return {}
        # Optional properties are filled only near the top: a schema that contains itself does so in an optional one.
        wanted = required if depth > 2 and isinstance(required, list) else list(properties)
        return {name: self.value(properties[name], depth + 1) for name in map(str, wanted) if name in properties}

    def _referred(self, reference: str) -> object:
        found: object = self._root
        for part in reference.removeprefix("#").split("/")[1:]:
            found = found.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
        return found

    def _merged(self, parts: list[Any]) -> Schema:
        merged: dict[str, Any] = {}
        properties: dict[str, Any] = {}
        for part in parts:
            found = part
            if isinstance(part, Mapping) and isinstance(part.get("$ref"), str):
                found = self._referred(part["$ref"])
            if isinstance(found, Mapping):
                merged |= found
                own = found.get("properties")
                properties |= own if isinstance(own, Mapping) else {}
        return {**merged, "properties": properties} if properties else merged


def _number(schema: Schema, kind: str) -> float | int:
    value: float | int = 1
    low, high = schema.get("minimum"), schema.get("maximum")
    if isinstance(low, (int, float)):
        value = max(value, low)
    if isinstance(high, (int, float)):
        value = min(value, high)
    return math.ceil(value) if kind == "integer" else value


def _bound(schema: Schema, key: str, otherwise: int) -> int:
    value = schema.get(key)
    return min(value, MAX_LENGTH) if isinstance(value, int) and value >= 0 else otherwise
