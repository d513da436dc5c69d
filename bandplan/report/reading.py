"""Read values of the expected kind from a JSON document; note others with their place."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from bandplan.report.errors import BadInput
from bandplan.wire.redaction import Redact
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.text import presentable

MOST_PROBLEMS: Final = 10

LARGEST: Final = 10**15
"""Largest accepted figure, above any fleet's; a choice that keeps every cell of a table short."""

_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    type(None): "null",
}


class Reading:
    """A reader of one file's document. Absent, null and unknown values are None or empty; `finish` raises BadInput."""

    def __init__(self, file: str, redact: Redact) -> None:
        self.file = file
        self._redact = redact
        self._problems: list[str] = []

    def record(self, value: Any, place: str) -> Mapping[str, Any]:
        """Read an object; empty if there is none."""
        if isinstance(value, dict):
            return value
        self._note_unless_absent(value, place, "an object")
        return {}

    def items(self, value: Any, place: str) -> Sequence[Any]:
        """Read a list; empty if there is none."""
        if isinstance(value, list):
            return value
        self._note_unless_absent(value, place, "a list")
        return ()

    def text(self, value: Any, place: str) -> str | None:
        """Read a string without secrets and invisible characters; line feeds stay."""
        if isinstance(value, str):
            return None if value == UNKNOWN else presentable(self._redact(value))
        self._note_unless_absent(value, place, "a string")
        return None

    def number(self, value: Any, place: str) -> float | None:
        """Read a number that is not negative."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if 0 <= value <= LARGEST:
                return value
            self.note(place, f"found a number that is negative or larger than {LARGEST:,}")
            return None
        self._note_unless_absent(value, place, "a number")
        return None

    def whole(self, value: Any, place: str) -> int | None:
        """Read an integer that is not negative, written as 1960 or 1960.0."""
        number = self.number(value, place)
        if number is None or number == int(number):
            return None if number is None else int(number)
        self.note(place, "found a fraction, expected an integer")
        return None

    def flag(self, value: Any, place: str) -> bool:
        """Read true or false; false if absent."""
        if isinstance(value, bool):
            return value
        self._note_unless_absent(value, place, "true or false")
        return False

    def note(self, place: str, finding: str) -> None:
        """Note `finding` at `place`."""
        self._problems.append(f"{self.file}: {place}: {finding}" if place else f"{self.file}: {finding}")

    def finish(self) -> None:
        """Raise BadInput with all notes, if there are any."""
        if not self._problems:
            return
        left_out = len(self._problems) - MOST_PROBLEMS
        more = [f"{self.file}: and {left_out:,} more problems of this kind"] if left_out > 0 else []
        raise BadInput("\n".join([*self._problems[:MOST_PROBLEMS], *more]))

    def _note_unless_absent(self, value: Any, place: str, expected: str) -> None:
        if value is not None and value != UNKNOWN:
            self.note(place, f"found {_KINDS.get(type(value), 'a number')}, expected {expected}")


def parsed(text: str, file: str, what: str) -> Any:
    """Parse the JSON document of a file.

    Errors: BadInput with line and column, and `what` was expected.
    """
    try:
        return json.loads(text, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        finding = "empty" if not text.strip() else f"not JSON: {error.msg}"
        raise BadInput(f"{file}:{error.lineno}:{error.colno}: {finding}; expected {what}") from error
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{file}: cannot be parsed as JSON: {error}; expected {what}") from error


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not a JSON number")
