"""Explain what is wrong with a text as YAML, and what to do about it."""

from __future__ import annotations

import re
from itertools import islice

from bandplan.serving.spec import rules
from bandplan.serving.spec.problem import Rule

_MAX_HANDLES = 100  # libyaml compares every %TAG with all before it

_TAG_HANDLE = re.compile("^%TAG", re.MULTILINE)
# libyaml, like YAML 1.1, ends a line at the last three, and editors do not: every line number after one would be wrong.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff\x85\u2028\u2029]")

Unfit = tuple[Rule, int, int, str, str]
"""(rule, line, column, finding, next step)"""


def unfit_text(text: str) -> Unfit | None:
    """Return why a text must not even be passed to the parser, or None."""
    unprintable = _UNPRINTABLE.search(text)
    if unprintable:
        line = text.count("\n", 0, unprintable.start()) + 1
        column = unprintable.start() - text.rfind("\n", 0, unprintable.start())
        finding = f"the character U+{ord(unprintable.group()):04X} is not allowed"
        return rules.YAML, line, column, finding, "remove it, or write it escaped in double quotes"
    handles = list(islice(_TAG_HANDLE.finditer(text), _MAX_HANDLES))
    if len(handles) == _MAX_HANDLES:
        line = text.count("\n", 0, handles[-1].start()) + 1
        return rules.YAML_LIMIT, line, 1, f"there are {_MAX_HANDLES} %TAG lines", "remove them: no tag is used"
    return None


def of_yaml_error(error: Exception, text: str) -> Unfit:
    """Return the parser's error at the place where it can be fixed."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return rules.YAML, 1, 1, "the text cannot be read as YAML", "check it with an editor that knows YAML"
    line, column = mark.line + 1, mark.column + 1
    lines = text.splitlines()
    written = lines[line - 1] if line <= len(lines) else ""
    if "\t" in written[: len(written) - len(written.lstrip())] or written[column - 1 : column] == "\t":
        column = max(1, written.find("\t") + 1)
        return rules.YAML_TAB, line, column, "a tab is used as indentation", "write spaces instead"
    words = getattr(error, "problem", None) or "it cannot be parsed"
    context, begun = getattr(error, "context", None), getattr(error, "context_mark", None)
    finding = f"not valid YAML: {words}" + (f" {context}" if context else "")
    step = "look for a missing quote, bracket, colon or space here or just above"
    if "unexpected end of stream" in words and begun is not None:
        line, column = begun.line + 1, begun.column + 1
        step = "look for the quote that ends it"
    elif begun is not None and begun.line + 1 < line:
        finding += f" that begins on line {begun.line + 1}, column {begun.column + 1}"
    if "cannot start any token" in words:
        step = "put the text in quotes"
    elif "mapping values are not allowed" in words:
        step = "put text that contains a colon in quotes, or look for wrong indentation"
    if "${" in written:
        step = "write the value in place of ${...}, which nothing replaces; where stacks differ, use `overrides`"
    return rules.YAML, line, column, finding, step


def step_for_key(key: object) -> str:
    """Return what to write for a key that is not text."""
    if isinstance(key, (dict, list)):
        return "put text that begins with { or [ in quotes"
    if isinstance(key, (int, float)) and not isinstance(key, bool):
        return f'write "{shown_key(key)}" in quotes; if it is the end of a number, write that without a comma'
    return f'write "{shown_key(key)}" in quotes'


def shown_key(value: object) -> str:
    """Return a key, a tag or an anchor as the file has it, clipped."""
    if isinstance(value, (dict, list)):
        return "a mapping" if isinstance(value, dict) else "a list"
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
