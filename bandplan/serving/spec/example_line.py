"""Values as messages show them, and example lines of YAML."""

from __future__ import annotations

import json
import re

from pydantic.fields import FieldInfo

from bandplan.serving.spec.problem import clipped


def example_line(key: str, info: FieldInfo | None) -> str:
    """Return a valid line of YAML for a key, such as `task: llm/v1/chat`."""
    example = info.examples[0] if info is not None and info.examples else "..."
    return line(key, example)


def line(key: str, value: object) -> str:
    """Write the key and its value on one line of YAML."""
    return f"{key}: {flow(value)}"


def flow(value: object) -> str:
    """Write a value as YAML on one line; text that YAML would read as something else is in quotes."""
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
    """Describe a value: `the number 3`, `the text abc`, `a mapping`."""
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
    """Write the value itself, on one line and clipped; text that is empty or has space around it is in quotes."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str):
        text = value[:61].replace("\n", " ")
        return clipped(text, 60) if text == text.strip() != "" else f'"{clipped(text, 60)}"'
    return clipped(json.dumps(value, default=str), 60)
