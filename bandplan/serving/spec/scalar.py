"""The meaning of an unquoted YAML scalar.

As in YAML 1.2's core schema, which editors use too: `yes` and `2026-01-31` are text. Stricter in one respect: a number
with a leading zero, or in another base, is text, because readers of YAML disagree about it.
"""

from __future__ import annotations

import re


class _OutOfRange:
    """A placeholder in the data for a number that has been refused already, so that it is not reported again."""

    def __repr__(self) -> str:
        return "an unusable number"


OUT_OF_RANGE = _OutOfRange()
MAX_NUMBER = 1e15  # exclusive; arbitrary, and exact as a float

_NULLS = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_WHOLE = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_NUMBER = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)\Z|\.(nan|NaN|NAN)\Z")


def plain_scalar(text: str) -> object:
    """Return None, true or false, a number, or the text; OUT_OF_RANGE for a number too large, infinite or NaN."""
    if text[:1] not in "+-.0123456789~tTfFnN":
        return text
    if text in _NULLS:
        return None
    if text in _BOOLS:
        return _BOOLS[text]
    if _WHOLE.match(text):
        # Checked before converting: Python refuses to convert thousands of digits.
        return int(text) if len(text) <= 15 else OUT_OF_RANGE
    if _NUMBER.match(text):
        number = float(text)
        return number if abs(number) < MAX_NUMBER else OUT_OF_RANGE
    return OUT_OF_RANGE if _NOT_FINITE.match(text) else text
