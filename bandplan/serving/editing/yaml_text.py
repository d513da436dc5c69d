"""Values as YAML that every reader parses alike: text that any reader could misread is in double quotes."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from bandplan.serving.spec.scalar import plain_scalar

_LONGEST_FLOW = 90
"""Maximum length in characters of a mapping or list of plain values on one line; a choice."""

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./@+-]*(?: [A-Za-z0-9_./@+-]+)*\Z")
# YAML 1.1, which some editors and PyYAML follow, has more words for booleans than 1.2.
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf"))


def block(value: Mapping[str, Any]) -> list[str]:
    """Write a mapping as lines, two spaces a level, keys in the order given. Short inner values stay on one line."""
    lines: list[str] = []
    for key, item in value.items():
        lines += _item(key, item)
    return lines


def scalar(value: Any) -> str:
    """Write a plain value. Errors: TypeError for a mapping or a list."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return value if is_plain(value) else _quoted(value)
    raise TypeError(f"not a scalar: {type(value).__name__}")


def flow(value: Any) -> str:
    """Write a value on one line, in brackets unless it is plain."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(item) for item in value) + "]"
    return scalar(value)


def quoted_like(was: str, value: Any) -> str:
    """Write a plain value with the quotes of the text that it replaces, if it is a text too."""
    if isinstance(value, str) and was.startswith('"'):
        return _quoted(value)
    if isinstance(value, str) and was.startswith("'") and value.isprintable():
        return "'" + value.replace("'", "''") + "'"
    return scalar(value)


def is_plain(text: str) -> bool:
    """Whether YAML 1.1 and 1.2 readers both read the text as itself without quotes."""
    return bool(_PLAIN.match(text)) and text.lower() not in _WORDS and plain_scalar(text) == text


def _item(key: str, value: Any) -> list[str]:
    name = scalar(key)
    if not isinstance(value, Mapping | list | tuple):
        return [f"{name}: {scalar(value)}"]
    line = flow(value)
    if not value or (len(line) + len(name) <= _LONGEST_FLOW and not _holds_mappings(value)):
        return [f"{name}: {line}"]
    if isinstance(value, Mapping):
        return [f"{name}:", *(f"  {line}" for line in block(value))]
    return [f"{name}:", *(f"  {line}" for item in value for line in _element(item))]


def _element(value: Any) -> list[str]:
    if not isinstance(value, Mapping):
        return [f"- {flow(value)}"]
    line = flow(value)
    if not value or (len(line) <= _LONGEST_FLOW and not any(isinstance(item, Mapping) for item in value.values())):
        return [f"- {line}"]
    first, *rest = block(value)
    return [f"- {first}", *(f"  {line}" for line in rest)]


def _holds_mappings(value: Mapping[str, Any] | Sequence[Any]) -> bool:
    """Whether the value contains mappings: such a list is easier to read with one element a line."""
    return not isinstance(value, Mapping) and any(isinstance(item, Mapping) for item in value)


def _quoted(text: str) -> str:
    """Quote the text as JSON does, whose escapes YAML shares; invisible characters are escaped as well."""
    escaped = json.dumps(text, ensure_ascii=False)
    return "".join(
        part if part.isprintable() else f"\\u{ord(part):04x}" if ord(part) < 0x10000 else f"\\U{ord(part):08x}"
        for part in escaped
    )
