"""The valid value nearest to a wrong one, which its writer most likely meant."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from typing import Any, get_args, get_origin

from pydantic.fields import FieldInfo

from bandplan.serving.spec.scalar import MAX_NUMBER

_GROUPED = re.compile(r"[-+]?[0-9]{1,3}([,_' ][0-9]{3})+")
_NUMBER = re.compile(r"([-+]?)([0-9]+(?:[.,][0-9]+)?)\s*([A-Za-z%]*)")
_BASED = re.compile(r"0[xX][0-9a-fA-F]{1,12}|0[oO][0-7]{1,12}")
# Units that a key's own name states: 30m for hold_minutes is 30.
_UNITS = {"minutes": ("m", "min"), "seconds": ("s", "sec"), "billion": ("b", "bn"), "percent": ("%",), "steps": ("%",)}
_DURATION = re.compile(
    r"([0-9]{1,5}(?:\.[0-9]{1,3})?) ?(hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)", re.IGNORECASE
)
_SECONDS = {"h": 3600, "m": 60, "s": 1}
UUID = r"[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}"
_TRUE, _FALSE = frozenset(("true", "yes", "y", "on", "1")), frozenset(("false", "no", "n", "off", "0"))


def whole_numbers(key: str, given: object, info: FieldInfo | None) -> tuple[int, ...]:
    """Return the integers at or around `given` that the field's bounds allow."""
    number = _number(key, given)
    if number is None:
        return ()
    below = number.numerator // number.denominator
    around = (below,) if number == below else (below, below + 1)
    return tuple(one for one in around if _is_within(Fraction(one), info))


def any_number(key: str, given: object, info: FieldInfo | None) -> int | float | None:
    """Return the number that a text states, if the field's bounds allow it."""
    number = _number(key, given)
    if number is None or not _is_within(number, info):
        return None
    return int(number) if number.denominator == 1 else float(number)


def truth(given: object) -> bool | None:
    """Return the true or false that 1, 0 or a text such as `yes` or `off` states."""
    text = str(given).strip().lower() if isinstance(given, (str, int)) else ""
    return True if text in _TRUE else False if text in _FALSE else None


def fitting(text: str, info: FieldInfo | None) -> str | None:
    """Return the text without its surroundings, if that fits the field's pattern."""
    pattern = pattern_of(info) if info is not None else None
    stripped = text.strip()
    return stripped if stripped and pattern and re.fullmatch(pattern, stripped) else None


def endpoint_name(text: str) -> str | None:
    """Replace accents and special characters; None if nothing is left."""
    import unicodedata  # a library that only a wrong name needs

    plain = unicodedata.normalize("NFKD", text[:1000]).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9_-]+", "-", plain).strip("-_")[:63] or None


def duration(text: str) -> str | None:
    """Convert `90min`, `2 hours` and `1.5h` to 1h30m, 2h and 1h30m."""
    rest, total = text.strip()[:40], Fraction(0)
    while rest:
        part = _DURATION.match(rest)
        if part is None:
            return None
        total += Fraction(part.group(1)) * _SECONDS[part.group(2)[0].lower()]
        rest = rest[part.end() :].lstrip(" ,")
    if total < 1 or total.denominator != 1:
        return None
    left, written = int(total), ""
    for unit, size in _SECONDS.items():
        written += f"{left // size}{unit}" if left >= size else ""
        left %= size
    return written


def day(text: str) -> str | None:
    """Return the year-month-day of a date that lacks zeros or has a time."""
    found = re.match(r"([0-9]{4})[-/.]([0-9]{1,2})[-/.]([0-9]{1,2})(?![0-9])", text.strip())
    if found is None:
        return None
    try:
        return date(*map(int, found.groups())).isoformat()
    except ValueError:
        return None


def pattern_of(info: FieldInfo) -> str | None:
    """Return the pattern of a field's text, or of the text among its types if it has several."""
    return next((found for one in _parts(info) if isinstance(found := getattr(one, "pattern", None), str)), None)


def _parts(info: FieldInfo) -> Iterator[Any]:
    """Yield the annotations of a field's type and of the types that it is made of."""
    left: list[Any] = [*info.metadata, info.annotation]
    while left:
        one = left.pop(0)
        yield one
        left += one.metadata if isinstance(one, FieldInfo) else get_args(one)


def _is_within(number: Fraction, info: FieldInfo | None) -> bool:
    if abs(number) >= MAX_NUMBER:
        return False
    for one in _parts(info) if info is not None and get_origin(info.annotation) is not tuple else ():
        least, more_than = getattr(one, "ge", None), getattr(one, "gt", None)
        most, less_than = getattr(one, "le", None), getattr(one, "lt", None)
        if (least is not None and number < least) or (more_than is not None and number <= more_than):
            return False
        if (most is not None and number > most) or (less_than is not None and number >= less_than):
            return False
    return True


def _number(key: str, given: object) -> Fraction | None:
    if isinstance(given, bool):
        return None
    if isinstance(given, (int, float)):
        number = Fraction(repr(given))
        return number * 100 if key.endswith("_percent") and 0 < number < 1 else number
    if not isinstance(given, str) or len(given) > 40:
        return None
    text = given.strip()
    if _BASED.fullmatch(text):
        return Fraction(int(text, 0))
    if _GROUPED.fullmatch(text):
        text = re.sub(r"[,_' ]", "", text)
    written = _NUMBER.fullmatch(text)
    if written is None:
        return None
    sign, digits, unit = written.groups()
    number = Fraction(sign + digits.replace(",", "."))
    if unit.lower() == "k":
        return number * 1000
    if (unit == "%" and key == "error_rate") or (unit.lower() == "ms" and "seconds" in key):
        return number / (100 if unit == "%" else 1000)
    owned = next((names for part, names in _UNITS.items() if part in key), ())
    return number if not unit or unit.lower() in owned else None
