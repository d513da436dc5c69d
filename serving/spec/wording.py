"""Pydantic's errors in our own words: the finding, the rule and what to write instead."""

from __future__ import annotations

import json
import re
from collections.abc import Hashable, Mapping, Sequence
from functools import cache
from typing import Any, get_args, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from serving.spec import rules
from serving.spec.entry import Entry
from serving.spec.problem import LeftOut, Problem, Rule, clipped, more
from serving.spec.registration import Registration
from serving.spec.scalar import OUT_OF_RANGE
from serving.spec.shape import Shape
from serving.spec.source import Source
from serving.spec.throughput import KINDS

Path = tuple[str | int, ...]

_MOST = 5_000  # problems of one shape that are put into words; arbitrary, well over what is listed
_DURATIONS = ("create", "update", "delete")

# Fields whose values a rule of the platform governs; all other values answer to the schema alone.
_RULE_OF_FIELD: Mapping[str, Rule] = {"version": rules.PINNED_VERSION, "model": rules.MODEL_NAME, "task": rules.TASK}
_KIND_OF_ERROR = {
    "string_type": "text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "tuple_type": "a list",
}


def problems_of(error: ValidationError, shape: type[Shape], base: Path, source: Source) -> list[Problem]:
    """Every error of `shape`, which stands at `base` in the file; past very many, one for all the rest."""
    errors = [
        one
        for one in error.errors(include_url=False)
        if (one["input"] is not OUT_OF_RANGE or one["type"] == "extra_forbidden") and not _only_seems_short(one)
    ]
    found = [_problem(one, shape, base, source) for one in errors[:_MOST]]
    if len(errors) > _MOST:
        found.append(more(source.file, source.place(base), LeftOut(errors=len(errors) - _MOST)))
    return found


def _only_seems_short(error: Any) -> bool:
    """Pydantic does not count items that are wrong in themselves, which are errors of their own."""
    given = error["input"]
    return bool(error["type"] == "too_short" and isinstance(given, list) and len(given) >= error["ctx"]["min_length"])


def _problem(error: Mapping[str, Any], shape: type[Shape], base: Path, source: Source) -> Problem:
    written: Path = tuple(
        part for part in error["loc"] if not (isinstance(part, str) and part.startswith("<") and part.endswith(">"))
    )
    path = (*base, *(part for part in written if part != "[key]"))
    key = next((part for part in reversed(written) if isinstance(part, str) and part != "[key]"), "")
    given, kind = error["input"], error["type"]
    owners, info = _field_at(shape, written)
    if kind == "extra_forbidden":
        known = _known_keys(tuple(owners))
        if key == "max" and "want" in known:
            step = "keep want and accept, or remove them and keep max"
            return rules.ONE_OF.problem(source, path, "max does not go with want and accept", step)
        step = source.suggestions.did_you_mean(key, known, _keys_here(known))
        return rules.UNKNOWN_KEY.problem(source, path, f"the key {_shown(key)} is not known", step)
    governing = _governing_rule(key, owners)
    if kind == "missing":
        return (governing or rules.MISSING_KEY).problem(
            source, path, f"{key} is missing", f"add `{_example_line(key, info)}`"
        )
    if given is None:
        return (governing or rules.TYPE).problem(
            source, path, f"{key} has no value", f"write `{_example_line(key, info)}`, or remove the line"
        )
    if kind in ("union_tag_not_found", "union_tag_invalid"):
        return _throughput_problem(given, path, source)
    if kind in _KIND_OF_ERROR:
        return _type_problem(governing or rules.TYPE, kind, key, given, info, path, source)
    return _value_problem(governing or rules.VALUE, error, key, given, info, path, source)


def unknown_removals(override: Mapping[str, Any], base: Path, source: Source) -> list[Problem]:
    """Keys that an override would remove with null, and that no entry can have."""
    found = []
    left: list[tuple[Path, Mapping[str, Any]]] = [((), override)]
    while left:
        written, mapping = left.pop()
        for key, value in mapping.items():
            if value is None:
                owners, info = _field_at(Entry, (*written, key))
                if info is not None or not owners:
                    continue
                step = source.suggestions.did_you_mean(key, _known_keys(tuple(owners)), "remove it")
                finding = f"the key {_shown(key)} is not known"
                found.append(rules.UNKNOWN_KEY.problem(source, (*base, *written, key), finding, step))
            elif isinstance(value, dict):
                left.append(((*written, key), value))
    return found


def _type_problem(
    rule: Rule, kind: str, key: str, given: object, info: FieldInfo | None, path: Path, source: Source
) -> Problem:
    quoted = _in_quotes(key, given, info) if kind == "string_type" else None
    if quoted is not None:
        step = f'write it in quotes: "{quoted}"'
    elif key in _DURATIONS and isinstance(given, int) and not isinstance(given, bool) and 0 < given < 1_000_000:
        step = f"write it with its unit, such as `{key}: {given}m` for minutes"
    else:
        step = (
            f"write `{_example_line(key, info)}`"
            if info is not None and info.examples
            else f"write {_KIND_OF_ERROR[kind]}"
        )
    return rule.problem(source, path, f"{_kind(given)} where {_KIND_OF_ERROR[kind]} is wanted", step)


def _in_quotes(key: str, given: object, info: FieldInfo | None) -> str | None:
    """What to put in quotes for a number, true or false to be a legal text; None where no quotes help."""
    if not isinstance(given, (int, float)) or key == "mlflow_version":  # 2.10 was read as 2.1
        return None
    if info is None:
        return _shown(given)
    if get_origin(info.annotation) is tuple:
        return None
    pattern = _pattern(info)
    text = _shown(int(given) if pattern and isinstance(given, float) and given.is_integer() else given)
    return text if pattern is None or re.search(pattern, text) else None


def _pattern(info: FieldInfo) -> str | None:
    """The pattern of a field's text; that of the text among its kinds when it has several."""
    left: list[Any] = [*info.metadata, info.annotation]
    while left:
        one = left.pop(0)
        if isinstance(found := getattr(one, "pattern", None), str):
            return found
        left += one.metadata if isinstance(one, FieldInfo) else get_args(one)
    return None


def _value_problem(
    rule: Rule, error: Mapping[str, Any], key: str, given: object, info: FieldInfo | None, path: Path, source: Source
) -> Problem:
    context = error.get("ctx", {})
    kind: str = error["type"]
    match kind:
        case "literal_error" | "enum":
            choices = re.findall(r"'([^']*)'", str(context.get("expected"))) or [str(context.get("expected"))]
            finding, step = (
                f"{_shown(given)} is not a {key}",
                source.suggestions.did_you_mean(given, choices, f"write one of {', '.join(choices)}"),
            )
        case "greater_than_equal" | "greater_than" | "less_than_equal" | "less_than":
            bound = next((context[name] for name in ("ge", "gt", "le", "lt") if name in context), None)
            words = {
                "greater_than_equal": "less than",
                "greater_than": "not more than",
                "less_than_equal": "more than",
                "less_than": "not less than",
            }
            nearest = {
                "greater_than_equal": "write {} or more",
                "greater_than": "write more than {}",
                "less_than_equal": "write {} or less",
                "less_than": "write less than {}",
            }
            shown = _shown(int(bound) if isinstance(bound, float) and bound.is_integer() else bound)
            finding, step = f"{_shown(given)} is {words[kind]} {shown}", nearest[kind].format(shown)
            if key == "version":
                step = "write `version: 1`; a model's version stands in its entry"
        case "string_too_short" | "too_short":
            finding, step = f"{key} is empty", f"write `{_example_line(key, info)}`"
        case "not_a_day":
            finding, step = f"{_shown(given)} is not a date", "write year-month-day, such as 2027-01-31"
        case _:
            finding, step = f"{_shown(given)} is not a {_words(key)}", _nearest_text(key, given, info)
    return rule.problem(source, path, finding, step)


def _nearest_text(key: str, given: object, info: FieldInfo | None) -> str:
    """The nearest legal value of a text that does not fit its pattern."""
    text = str(given)[:1000]
    if key == "name" and re.search(r"[^A-Za-z0-9_-]", text) and text.count(".") != 2:
        return f"write {re.sub(r'[^A-Za-z0-9_-]+', '-', text).strip('-')[:63] or 'my-endpoint'}"
    if key == "name" and len(text) > 63 and "." not in text:
        return f"write at most 63 characters, such as {text[:63]}"
    if key == "version" and re.fullmatch(r"[vV ]*0*[1-9][0-9]{0,17} *", text):
        return f'write version: "{text.strip("vV ").lstrip("0")}"'
    if key in _DURATIONS:
        return "write hours, minutes or seconds, such as 2h, 45m or 1h30m"
    return f"write `{_example_line(key, info)}`"


def _throughput_problem(given: object, path: Path, source: Source) -> Problem:
    if isinstance(given, dict):
        both = [key for key in KINDS if key in given]
        if len(both) > 1:
            rule = rules.BOTH_FAMILIES if "model_units" in both else rules.ONE_OF
            return rule.problem(
                source,
                path,
                f"{' and '.join(both)} are both written",
                f"keep one, such as `throughput: {{{both[0]}: ...}}`",
            )
        unknown = [str(key) for key in given if key != "burst"]
        finding = f"the key {_shown(unknown[0])} is not known" if unknown else "throughput says no amount"
        rule = rules.UNKNOWN_KEY if unknown else rules.MISSING_KEY
        meant = unknown[0] if unknown else None
        step = source.suggestions.did_you_mean(meant, KINDS, "write bands, tokens_per_second or model_units")
        return rule.problem(source, (*path, unknown[0]) if unknown else path, finding, step)
    step = "write `throughput: {bands: {min: 1, max: 2}}`, `{tokens_per_second: ...}`, `{model_units: 50}` or `auto`"
    return rules.TYPE.problem(source, path, f"{_kind(given)} is not a throughput", step)


def _governing_rule(key: str, owners: Sequence[type[Shape]]) -> Rule | None:
    if key == "name" and owners:
        return rules.MODEL_NAME if owners[0] is Registration else rules.ENDPOINT_NAME
    if owners and owners[0].__name__ == "Fleet":
        return None
    return _RULE_OF_FIELD.get(key)


@cache
def keys_of(shape: type[Shape]) -> Mapping[str, FieldInfo]:
    """A shape's fields by the key that the file uses."""
    return {info.alias or name: info for name, info in shape.model_fields.items()}


@cache
def _known_keys(owners: tuple[type[Shape], ...]) -> tuple[str, ...]:
    return tuple(sorted({name for owner in owners for name in keys_of(owner)}))


@cache
def _keys_here(known: tuple[str, ...]) -> str:
    return f"remove it; the keys here are {', '.join(known)}"


def _field_at(shape: type[Shape], written: Path) -> tuple[list[type[Shape]], FieldInfo | None]:
    """(the shapes that may own the last key of `written`, the field of that key when it is known)."""
    owners: list[type[Shape]] = [shape]
    info: FieldInfo | None = None
    for position, part in enumerate(written):
        if isinstance(part, int):
            continue
        info = next((keys_of(owner)[part] for owner in owners if part in keys_of(owner)), None)
        if position == len(written) - 1 or info is None:
            return owners, info
        owners = list(shapes_in(info.annotation))
    return owners, info


def shapes_in(annotation: object) -> tuple[type[Shape], ...]:
    """The shapes that a field's type is made of."""
    return _shapes_in(annotation) if isinstance(annotation, Hashable) else ()


@cache
def _shapes_in(annotation: Hashable) -> tuple[type[Shape], ...]:
    if isinstance(annotation, type) and issubclass(annotation, Shape):
        return (annotation,)
    return tuple(shape for part in get_args(annotation) for shape in shapes_in(part))


def _example_line(key: str, info: FieldInfo | None) -> str:
    """`task: llm/v1/chat`: a line of YAML that would be right."""
    example = info.examples[0] if info is not None and info.examples else "..."
    return f"{key}: {flow(example)}"


def flow(value: object) -> str:
    """A value as YAML on one line; text that YAML would read as something else is in quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    if (
        isinstance(value, str)
        and re.fullmatch(r"[A-Za-z./_][A-Za-z0-9./_@:-]*", value)
        and value not in ("true", "false", "null")
    ):
        return value
    return json.dumps(value)


def _kind(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{_shown(value)} (true or false)"
        case int() | float():
            return f"the number {_shown(value)}"
        case str():
            return f"the text {_shown(value)}"
        case dict():
            return "a mapping"
    return "a list"


def _shown(value: object) -> str:
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = value[:61] if isinstance(value, str) else json.dumps(value, default=str)
    return clipped(text.replace("\n", " "), 60)


def _words(key: str) -> str:
    return {
        "name": "legal name",
        "version": "version number",
        "model": "three-level name",
        "create": "duration",
        "update": "duration",
        "delete": "duration",
    }.get(key, f"legal {key}")
