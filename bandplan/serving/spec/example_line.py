"""Values as messages show them, and lines of YAML to write instead."""

from __future__ import annotations

import json
import re

from pydantic.fields import FieldInfo

from bandplan.serving.spec.problem import clipped


def example_line(key: str, info: FieldInfo | None) -> str:
    """`task: llm/v1/chat`: a line of YAML that would be right."""
    example = info.examples[0] if info is not None and info.examples else "..."
    return line(key, example)


def line(key: str, value: object) -> str:
    """The key and its value on one line of YAML."""
    return f"{key}: {flow(value)}"


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


def kind(value: object) -> str:
    """What a value is: `the number 3`, `the text abc`, `a mapping`."""
    match value:
        case None:
            return "nothing"
        case bool():
            return f"{shown(value)} (true or false)"
        case int() | float():
            return f"the number {shown(value)}"
        case str():
            return f"the text {shown(value)}"
        case dict():
            return "a mapping"
    return "a list"


def shown(value: object) -> str:
    """The value itself, on one line and cut; text that is empty, or has space around it, is in quotes."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        text = value[:61].replace("\n", " ")
        return clipped(text, 60) if text == text.strip() != "" else f'"{clipped(text, 60)}"'
    return clipped(json.dumps(value, default=str), 60)
