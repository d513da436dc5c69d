"""models.yaml as JSON Schema 2020-12, and the comparison of a document with it.

The schema says what the shapes say: keys, kinds, patterns, bounds, keys that exclude or need each other. Not
expressible, and checked after it by `loading`:

- YAML itself: duplicate keys, anchors, tabs, size and depth; a whole number written 2.0 (JSON has one kind of number);
- a max below its min (S8-order), an accept that is not between min and want (S18-accept), shares that do not add up to
  100 (traffic), `auto` without demand (S17-auto-demand), a least ceiling in another unit than the throughput
  (never-below), the order of a rollout's steps (rollout-steps), and what an entry with a rollout may serve
  (rollout-one-model);
- names: of entries and served entities twice (duplicate-name, duplicate-served-name), overrides of entries that do not
  exist (unknown-override);
- placeholders in texts (interpolation), and one principal named twice (duplicate-principal);
- what a whole AI gateway needs (inference-table, rate-limit, rate-limits-many), and served names that are made of the
  model's (served-name);
- an override that fits the entry's shape in itself, but not the entry that it is merged with; a tag of bandplan's own
  in it (own-tag), which it may remove.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from itertools import takewhile
from typing import Any, Final

from bandplan.serving.spec import rules
from bandplan.serving.spec.access import ADMINS
from bandplan.serving.spec.document import values_in
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem, Rule, in_order
from bandplan.serving.spec.registration import OWN_TAG_PREFIX
from bandplan.serving.spec.shape import RESERVED_ENDPOINT_NAMES, RESERVED_ENDPOINT_PREFIX, Shape
from bandplan.serving.spec.source import Source

_SCHEMA = Rule("schema", "error", "models.yaml fits schemas/models.schema.json", "this project")
_OVERRIDE = "Override"
_TITLE = "bandplan models.yaml"

Schema = dict[str, Any]


def json_schema() -> Schema:
    """Build the schema of models.yaml from the shapes."""
    schema = Fleet.model_json_schema(by_alias=True)
    definitions: dict[str, Schema] = schema.pop("$defs")
    for shape in _shapes(Fleet):
        _state_keys(schema if shape is Fleet else definitions[shape.__name__], shape)
    schema["patternProperties"] = {f"^{re.escape(rules.ANCHOR_PREFIX)}": {"description": "Anchors; otherwise ignored."}}
    admins = "".join(f"[{letter}{letter.upper()}]" for letter in ADMINS)
    definitions["Permission"]["properties"]["group_name"]["not"] = {"pattern": rf"^\s|\s$|^{admins}$"}
    reserved = {"anyOf": [{"enum": list(RESERVED_ENDPOINT_NAMES)}, {"pattern": f"^{RESERVED_ENDPOINT_PREFIX}"}]}
    definitions["Entry"]["properties"]["name"]["not"] = reserved
    schema["properties"]["overrides"].update(_overrides_schema(definitions))
    tags = definitions["Registration"]["properties"]["tags"]
    own = {"pattern": f"^{re.escape(OWN_TAG_PREFIX)}"}
    definitions["Registration"]["properties"]["tags"] = {**tags, "propertyNames": {**tags["propertyNames"], "not": own}}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": _TITLE,
        **{key: value for key, value in schema.items() if key != "title"},
        "$defs": dict(sorted(definitions.items())),
    }
    tidied: Schema = _tidied(whole)
    return tidied


def schema_problems(document: object, source: Source) -> tuple[Problem, ...]:
    """Compare a document as written with the schema, and report by place. A file that loads has no such problem."""
    found = []
    for error in _validator().iter_errors(document):
        path = [str(part) for part in error.absolute_path]
        if len(path) > 1 and path[0] == "models" and int(path[1]) < len(source.names):
            path[1] = source.names[int(path[1])] or path[1]
        found.append(_SCHEMA.problem(source, path, error.message[:200], "see `bandplan docs models-yaml`"))
    return in_order(found)


def beginning(document: object, most_values: int) -> object:
    """Return the document with only its first entries and overrides, with about this many values together.

    The schema takes some 50 microseconds a value, and a file that loads fits it.
    """
    if not isinstance(document, dict):
        return document
    left = most_values

    def fits(value: object) -> bool:
        nonlocal left
        left -= values_in(value)
        return left >= 0

    kept = dict(document)
    models, overrides = document.get("models"), document.get("overrides")
    if isinstance(models, list):
        kept["models"] = list(takewhile(fits, models))
    if isinstance(overrides, dict):
        kept["overrides"] = dict(takewhile(lambda item: fits(item[1]), overrides.items()))
    if not fits(kept.get("defaults")):
        kept.pop("defaults", None)
    return kept


@cache
def _validator() -> Any:
    """Build the validator once: the schema takes longer to build than to apply to a small file."""
    from jsonschema import Draft202012Validator, FormatChecker, validators

    checker = Draft202012Validator.TYPE_CHECKER.redefine(
        "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
    )
    extended = validators.extend(  # type: ignore[no-untyped-call]
        Draft202012Validator, {"pattern": _pattern}, type_checker=checker
    )
    return extended(json_schema(), format_checker=FormatChecker(("date",)))


def _pattern(_: Any, pattern: str, instance: object, __: Any) -> Any:
    """Match the pattern with `$` only at the very end of the text, as in ECMA 262; Python's also matches before a last
    line feed.
    """
    from jsonschema import ValidationError

    if isinstance(instance, str) and not re.search(pattern.replace("$", r"\Z"), instance):
        yield ValidationError(f"{instance!r} does not match {pattern!r}")


def _shapes(shape: type[Shape]) -> list[type[Shape]]:
    """Return the shape and every shape that it contains."""
    from bandplan.serving.spec.fields import shapes_in

    found: list[type[Shape]] = []
    left = [shape]
    while left:
        one = left.pop()
        if one not in found:
            found.append(one)
            left += [part for info in one.model_fields.values() for part in shapes_in(info.annotation)]
    return found


def _state_keys(definition: Schema, shape: type[Shape]) -> None:
    """State `exactly_one` and `together` in JSON Schema's terms."""
    if shape.exactly_one:
        definition["allOf"] = [{"oneOf": [{"required": [key]} for key in group]} for group in shape.exactly_one]
    if shape.together:
        definition["dependentRequired"] = {key: [needed] for key, needed in shape.together}


_REMOVED: Final = {"description": "A key of another form, which null removes.", "type": "null"}


def _overrides_schema(definitions: dict[str, Schema]) -> Schema:
    """Build the schema of overrides, by stack and entry name: any part of an entry but its name; null removes a key;
    lists are whole.
    """
    left = [("Entry", frozenset[str]())]
    while left:
        name, of_others = left.pop()
        if name + _OVERRIDE in definitions:
            continue
        whole = definitions[name]
        if "properties" not in whole:
            definitions[name + _OVERRIDE] = whole
            continue
        properties = {key: value for key, value in whole["properties"].items() if (name, key) != ("Entry", "name")}
        definitions[name + _OVERRIDE] = {
            "type": "object",
            "description": f"{whole.get('description', '')} In an override: any part of it.".strip(),
            "additionalProperties": False,
            "properties": {
                **{key: _partial(value, left, definitions) for key, value in properties.items()},
                **dict.fromkeys(sorted(of_others.difference(properties)), _REMOVED),
            },
        }
    entry = {"type": "object", "additionalProperties": {"$ref": f"#/$defs/Entry{_OVERRIDE}"}}
    return {"propertyNames": {"minLength": 1}, "additionalProperties": entry}


def _partial(field: Schema, left: list[tuple[str, frozenset[str]]], definitions: Mapping[str, Schema]) -> Schema:
    """Return a field's schema for an override.

    Append to `left` the shapes that also need a partial form, each with the keys of the shapes that it excludes: null
    removes those.
    """
    choices = field.get("oneOf", [field])
    names = [choice["$ref"].rsplit("/", 1)[-1] for choice in choices if "$ref" in choice]
    keys = frozenset(key for name in names for key in definitions[name].get("properties", ()))

    def ref(value: Schema) -> Schema:
        if "$ref" not in value:
            return value
        name = value["$ref"].rsplit("/", 1)[-1]
        left.append((name, keys))
        return {"$ref": f"#/$defs/{name}{_OVERRIDE}"}

    kept: Schema = {key: field[key] for key in ("description", "examples") if key in field}
    value = {key: part for key, part in field.items() if key not in ("description", "examples", "default", "title")}
    if isinstance(value.get("additionalProperties"), dict):
        value["additionalProperties"] = {"anyOf": [value["additionalProperties"], {"type": "null"}]}
    partial = [ref(choice) for choice in value["oneOf"]] if "oneOf" in value else [ref(value)]
    return {**kept, "anyOf": [*partial, {"type": "null"}]}


def _tidied(schema: Any, inside_properties: bool = False) -> Any:
    """Remove pydantic's titles and null defaults; in `properties`, such a name is a key of the file and stays."""
    if isinstance(schema, list):
        return [_tidied(item) for item in schema]
    if not isinstance(schema, Mapping):
        return schema
    kept = {}
    for key, value in schema.items():
        of_pydantic = (key == "default" and value is None) or (key == "title" and value != _TITLE)
        if of_pydantic and not inside_properties:
            continue
        kept[key] = (
            value if key in ("examples", "default", "const", "enum") else _tidied(value, key in ("properties", "$defs"))
        )
    return kept
