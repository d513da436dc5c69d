"""Pydantic's errors in our own words: the finding, the rule and what to write instead."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_origin

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from bandplan.serving.spec import nearest_value, rules
from bandplan.serving.spec.example_line import example_line, flow, kind, line, shown
from bandplan.serving.spec.fields import Path, field_at, is_removable, known_keys, meant_key
from bandplan.serving.spec.model_reference import model_step, registered_name_step, version_step
from bandplan.serving.spec.problem import LeftOut, Problem, Rule, clipped, more
from bandplan.serving.spec.registration import Registration
from bandplan.serving.spec.scalar import OUT_OF_RANGE
from bandplan.serving.spec.shape import Shape
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.throughput import KINDS

_MOST = 5_000  # problems of one shape to put into words; arbitrary, well over the listed number
_DURATIONS = ("create", "update", "delete")
_IDS = ("user_name", "service_principal_name", "budget_policy_id")
_BAND_KEYS = frozenset(("min", "max", "want", "accept"))

# Fields whose values a platform rule governs; only the schema governs all other values.
_RULE_OF_FIELD: Mapping[str, Rule] = {
    "version": rules.PINNED_VERSION,
    "model": rules.MODEL_NAME,
    "task": rules.TASK,
    "user_name": rules.PRINCIPAL,
    "service_principal_name": rules.PRINCIPAL,
    "budget_policy_id": rules.BUDGET_POLICY,
}
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
    """Report every error of `shape` at `base` in the file; past a limit, one problem stands for the rest."""
    errors = [
        one
        for one in error.errors(include_url=False)
        if (one["input"] is not OUT_OF_RANGE or one["type"] == "extra_forbidden") and not _only_seems_short(one)
    ]
    found = [_problem(one, shape, base, source) for one in _without_mistyped(errors[:_MOST], shape, source)]
    if len(errors) > _MOST:
        found.append(more(source.file, source.place(base), LeftOut(errors=len(errors) - _MOST)))
    return found


def _without_mistyped(errors: Sequence[Any], shape: type[Shape], source: Source) -> list[Any]:
    """Remove errors about keys that are missing only because they are mistyped, which is an error of its own."""
    mistyped = set()
    if any(one["type"] == "missing" for one in errors):
        for one in errors:
            if one["type"] == "extra_forbidden":
                owners, _ = field_at(shape, _written(one["loc"]))
                meant = meant_key(one["loc"][-1], known_keys(owners), source.suggestions)
                mistyped.add((*one["loc"][:-1], meant))
    return [one for one in errors if one["type"] != "missing" or one["loc"] not in mistyped]


def _written(place: Sequence[str | int]) -> Path:
    """Return the place of an error without the kinds of a union."""
    return tuple(part for part in place if not (isinstance(part, str) and part.startswith("<") and part.endswith(">")))


def _only_seems_short(error: Any) -> bool:
    """Whether a list only seems too short: pydantic does not count wrong items, which are errors of their own."""
    given = error["input"]
    return bool(error["type"] == "too_short" and isinstance(given, list) and len(given) >= error["ctx"]["min_length"])


def _problem(error: Mapping[str, Any], shape: type[Shape], base: Path, source: Source) -> Problem:
    written = _written(error["loc"])
    path = (*base, *(part for part in written if part != "[key]"))
    key = next((part for part in reversed(written) if isinstance(part, str) and part != "[key]"), "")
    given = error["input"]
    owners, info = field_at(shape, written)
    if error["type"] == "extra_forbidden":
        return _unknown_key(key, given, known_keys(owners), path, source)
    if written and written[-1] == "[key]":
        if error["type"] == "string_too_short":
            return rules.VALUE.problem(source, path[:-1], "a key is empty", "write a text before the colon")
        return rules.VALUE.of_key(source, path, f"the key {shown(key)} is not allowed here", "write another name")
    governing = _governing_rule(key, owners)
    if error["type"] == "missing":
        step = f"add `{example_line(key, info)}`"
        return (governing or rules.MISSING_KEY).problem(source, path, f"{key} is missing", step)
    if given is None:
        step = _step_for_nothing(key, info, owners, path)
        return (governing or rules.TYPE).problem(source, path, f"{key} has no value", step)
    if error["type"] in ("union_tag_not_found", "union_tag_invalid"):
        return _throughput_problem(given, path, source)
    value = Value(key, given, info, path, source)
    if error["type"] in _KIND_OF_ERROR:
        return _type_problem(governing or rules.TYPE, error["type"], value)
    return _value_problem(governing or rules.VALUE, error, value)


def _unknown_key(key: str, given: object, known: tuple[str, ...], path: Path, source: Source) -> Problem:
    if key == "max" and "want" in known:
        step = "keep want and accept, or remove them and keep max"
        return rules.ONE_OF.problem(source, path, "max does not go with want and accept", step)
    if key in known:
        step = "remove it; it does not go with the keys beside it"
        return rules.UNKNOWN_KEY.of_key(source, path, f"the key {shown(key)} is not known here", step)
    meant = meant_key(key, known, source.suggestions)
    step = f"remove it; the keys here are {', '.join(known)}" if meant is None else f"did you mean {meant}?"
    if meant is None and len(path) == 1:
        step += f"; a key for anchors begins with {rules.ANCHOR_PREFIX}: `{rules.ANCHOR_PREFIX}{clipped(key, 60)}`"
    if meant is not None and meant.endswith("per_second"):
        step += _per_second(key, meant, given)
    if meant == "throughput" and "provisioned" in key:
        form = "{model_units: 50}" if "units" in key else "{tokens_per_second: {min: 980, max: 1960}}"
        step = f"write `throughput: {form}` with your numbers"
    return rules.UNKNOWN_KEY.of_key(source, path, f"the key {shown(key)} is not known", step)


def _per_second(key: str, meant: str, given: object) -> str:
    """Explain how to convert a number per minute or per hour once its key is fixed."""
    if (seconds := _seconds(key)) == 1:
        return ""
    number = nearest_value.any_number(meant, given, None)
    if number is None:
        return f" Then divide by {seconds}"
    return f" Then divide by {seconds}: `{meant}: {number / seconds:.6g}`"


def _seconds(key: str) -> int:
    return 60 if key.endswith("minute") else 3600 if key.endswith("hour") else 1


def _step_for_nothing(key: str, info: FieldInfo | None, owners: tuple[type[Shape], ...], path: Path) -> str:
    if path[:1] == ("overrides",) and len(path) in (2, 3):
        return "remove the line, or write the keys that differ below it"
    if info is None:
        return "write a text, or remove the line"
    step = f"write `{example_line(key, info)}`"
    return f"{step}, or remove the line" if is_removable(key, owners) else step


@dataclass(frozen=True)
class Value:
    """A value that breaks a rule: its nearest key, what is written, the field that it belongs to, and its place."""

    key: str
    given: object
    info: FieldInfo | None
    path: Path
    source: Source

    @property
    def is_item(self) -> bool:
        """Whether it is an item of a list."""
        return bool(self.path) and isinstance(self.path[-1], int)


def _type_problem(rule: Rule, error: str, value: Value) -> Problem:
    step = _step_of_kind(error, value)
    if step is None:
        has_example = value.info is not None and bool(value.info.examples)
        step = f"write `{example_line(value.key, value.info)}`" if has_example else f"write {_KIND_OF_ERROR[error]}"
    finding = f"{kind(value.given)} where {_KIND_OF_ERROR[error]} is expected"
    return rule.problem(value.source, value.path, finding, step)


def _step_of_kind(error: str, value: Value) -> str | None:
    """Return what the writer most likely meant by a value of the wrong kind; None if that is unclear."""
    key, given, info = value.key, value.given, value.info
    if error == "string_type" and (quoted := _in_quotes(key, given, info)) is not None:
        return f'write it in quotes: "{quoted}"'
    if key in _DURATIONS and type(given) is int and 0 < given < 1_000_000:
        return f"write it with its unit, such as `{key}: {given}m` for minutes"
    if error == "tuple_type" and key == "models":
        return "write each entry as `- name: ...`, with its other keys below"
    meant: Sequence[object] = ()
    match error:
        case "int_type" | "int_from_float":
            meant = nearest_value.whole_numbers(key, given, info)
        case "float_type":
            number = nearest_value.any_number(key, given, info)
            meant = () if number is None else (number,)
        case "bool_type":
            truth = nearest_value.truth(given)
            meant = () if truth is None else (truth,)
    if not meant:
        return None
    return "write " + " or ".join(flow(one) if value.is_item else f"`{line(key, one)}`" for one in meant)


def _in_quotes(key: str, given: object, info: FieldInfo | None) -> str | None:
    """Return the text to quote so that a number, true or false becomes valid text; None if quotes do not help."""
    if not isinstance(given, (int, float)) or key == "mlflow_version":  # 2.10 was read as 2.1
        return None
    if info is None:
        return shown(given)
    if get_origin(info.annotation) is tuple:
        return None
    pattern = nearest_value.pattern_of(info)
    text = shown(int(given) if pattern and isinstance(given, float) and given.is_integer() else given)
    return text if pattern is None or re.search(pattern, text) else None


def _value_problem(rule: Rule, error: Mapping[str, Any], value: Value) -> Problem:
    key, given, info, path, source = value.key, value.given, value.info, value.path, value.source
    context = error.get("ctx", {})
    broken: str = error["type"]
    match broken:
        case "literal_error" | "enum":
            choices = re.findall(r"'([^']*)'", str(context.get("expected"))) or [str(context.get("expected"))]
            finding, step = (
                f"{shown(given)} is not a {key}",
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
                "greater_than": "write a number greater than {}",
                "less_than_equal": "write {} or less",
                "less_than": "write a number less than {}",
            }
            legal = shown(int(bound) if isinstance(bound, float) and bound.is_integer() else bound)
            finding, step = f"{shown(given)} is {words[broken]} {legal}", nearest[broken].format(legal)
            if key == "version":
                step = "write `version: 1`; a model's version is written in its entry"
        case "string_too_long":
            finding = f"{shown(given)} has {len(str(given)):,} characters, more than {context['max_length']:,}"
            step = f"write at most {context['max_length']:,} characters"
        case "too_long":
            rule = rules.ENTITIES_MANY if key == "entities" else rule
            most = context["max_length"]
            finding = f"{key} has {context['actual_length']} items, more than {most}"
            step = "split it over several endpoints" if key == "entities" else f"write at most {most}"
        case "string_too_short" | "too_short":
            finding, step = f"{key} is empty", f"write `{example_line(key, info)}`"
        case "not_a_day":
            finding = f"{shown(given)} is not a date"
            step = f"write {nearest_value.day(str(given)) or 'year-month-day, such as 2027-01-31'}"
        case _:
            meant = _words(key)
            article = "an" if meant[0] in "aeiou" else "a"
            finding, step = f"{shown(given)} is not {article} {meant}", _nearest_text(key, given, info)
            if rule == rules.MODEL_NAME and key == "name":
                finding = f"{shown(given)} is not a {_words('model')}"
                step = registered_name_step(str(given)) or f"write `{example_line(key, info)}`"
    return rule.problem(source, path, finding, step)


def _nearest_text(key: str, given: object, info: FieldInfo | None) -> str:
    """Return the nearest valid value of a text that does not fit its pattern."""
    text = str(given)[:1000]
    if (fitting := nearest_value.fitting(text, info)) is not None and key != "name":
        return f"write `{line(key, fitting)}`"
    if key == "name" and re.search(r"[^A-Za-z0-9_-]|^[_-]", text):
        return f"write {nearest_value.endpoint_name(text) or 'my-endpoint'}"
    if key == "name" and len(text) > 63:
        return f"write at most 63 characters, such as {text[:63]}"
    if key in _DURATIONS:
        meant = nearest_value.duration(text)
        return f"write `{line(key, meant)}`" if meant else "write hours, minutes or seconds, such as 2h, 45m or 1h30m"
    if key in _IDS:
        return _id_step(key, text)
    step = version_step(text) if key == "version" else model_step(text) if key == "model" else None
    return step or f"write `{example_line(key, info)}`"


def _id_step(key: str, text: str) -> str:
    """Return what to write for a user, a service principal or a budget policy not named by its address or id."""
    if re.fullmatch(nearest_value.UUID, text):
        return f"write `service_principal_name: {text}`"
    if "@" in text and key == "service_principal_name":
        return f"write `user_name: {text}` if that is a user"
    return {
        "user_name": "write the user's email address; a group goes under `group_name`, a service principal under "
        "`service_principal_name`",
        "service_principal_name": "write its application id, which the workspace shows beside its display name",
        "budget_policy_id": "write the policy's id, which the account console shows beside its name",
    }[key]


def _throughput_problem(given: object, path: Path, source: Source) -> Problem:
    if isinstance(given, dict):
        both = [key for key in KINDS if key in given]
        if len(both) > 1:
            rule = rules.BOTH_FAMILIES if "model_units" in both else rules.ONE_OF
            return rule.problem(
                source,
                path,
                f"{' and '.join(both)} are both given",
                f"keep one, such as `throughput: {{{both[0]}: ...}}`",
            )
        unknown = [str(key) for key in given if key != "burst"]
        finding = f"the key {shown(unknown[0])} is not known" if unknown else "throughput has no amount"
        rule = rules.UNKNOWN_KEY if unknown else rules.MISSING_KEY
        meant = unknown[0] if unknown else None
        step = source.suggestions.did_you_mean(meant, KINDS, "write bands, tokens_per_second or model_units")
        if unknown and set(unknown) <= _BAND_KEYS:
            step = f"write `throughput: {{bands: {flow(given)}}}` for whole chunks, or tokens_per_second for tokens/s"
        elif unknown and unknown[0].startswith("tokens_per_") and (seconds := _seconds(unknown[0])) > 1:
            step = f"{step} Then divide by {seconds}"
        return rule.of_key(source, (*path, unknown[0]) if unknown else path, finding, step)
    if isinstance(given, str) and given.strip().lower() == "auto":
        return rules.TYPE.problem(source, path, f"{kind(given)} is not a throughput", "write `throughput: auto`")
    step = "write `throughput: {bands: {min: 1, max: 2}}`, `{tokens_per_second: ...}`, `{model_units: 50}` or `auto`"
    return rules.TYPE.problem(source, path, f"{kind(given)} is not a throughput", step)


def _governing_rule(key: str, owners: Sequence[type[Shape]]) -> Rule | None:
    if key == "name" and owners:
        return rules.MODEL_NAME if owners[0] is Registration else rules.ENDPOINT_NAME
    if owners and owners[0].__name__ == "Fleet":
        return None
    return _RULE_OF_FIELD.get(key)


def _words(key: str) -> str:
    return {
        "name": "valid name",
        "version": "version number",
        "model": "three-level name",
        "user_name": "email address",
        "service_principal_name": "application id",
        "budget_policy_id": "policy id",
        "create": "duration",
        "update": "duration",
        "delete": "duration",
    }.get(key, f"valid {key}")
