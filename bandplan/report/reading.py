"""Values out of a JSON document, each of the kind that is expected; what is not is noted with its place."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, NoReturn

from bandplan.report.errors import BadInput
from bandplan.wire.redaction import Redact
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.text import presentable

MOST_PROBLEMS: Final = 10

LARGEST: Final = 10**15
"""No figure of a fleet is larger; a choice that keeps every cell of a table short."""

_KINDS: Mapping[type, str] = {
    dict: "an object",
    list: "a list",
    str: "a string",
    bool: "true or false",
    type(None): "null",
}


class Reading:
    """Reads one file's document. Absent, null and unknown values are None (or empty); `finish` raises BadInput."""

    def __init__(self, file: str, redact: Redact) -> None:
        self.file = file
        self._redact = redact
        self._problems: list[str] = []

    def record(self, value: Any, place: str) -> Mapping[str, Any]:
        """An object; empty when there is none."""
        if isinstance(value, dict):
            return value
        self._note_unless_absent(value, place, "an object")
        return {}

    def items(self, value: Any, place: str) -> Sequence[Any]:
        """A list; empty when there is none."""
        if isinstance(value, list):
            return value
        self._note_unless_absent(value, place, "a list")
        return ()

    def text(self, value: Any, place: str) -> str | None:
        """A text without secrets and without characters that cannot be seen; line feeds stay."""
        if isinstance(value, str):
            return None if value == UNKNOWN else presentable(self._redact(value))
        self._note_unless_absent(value, place, "a string")
        return None

    def number(self, value: Any, place: str) -> float | None:
        """A number that is not negative."""
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if 0 <= value <= LARGEST:
                return value
            self.note(place, f"found a number that is negative or larger than {LARGEST:,}")
            return None
        self._note_unless_absent(value, place, "a number")
        return None

    def whole(self, value: Any, place: str) -> int | None:
        """A whole number that is not negative, however it is written (1960 and 1960.0)."""
        number = self.number(value, place)
        if number is None or number == int(number):
            return None if number is None else int(number)
        self.note(place, "found a fraction, expected an integer")
        return None

    def flag(self, value: Any, place: str) -> bool:
        """True or false; false when it is absent."""
        if isinstance(value, bool):
            return value
        self._note_unless_absent(value, place, "true or false")
        return False

    def note(self, place: str, finding: str) -> None:
        """Remember that `finding` was met at `place`."""
        self._problems.append(f"{self.file}: {place}: {finding}" if place else f"{self.file}: {finding}")

    def finish(self) -> None:
        """BadInput with everything that was noted, if anything was."""
        if not self._problems:
            return
        left_out = len(self._problems) - MOST_PROBLEMS
        more = [f"{self.file}: and {left_out:,} more problems of this kind"] if left_out > 0 else []
        raise BadInput("\n".join([*self._problems[:MOST_PROBLEMS], *more]))

    def _note_unless_absent(self, value: Any, place: str, expected: str) -> None:
        if value is not None and value != UNKNOWN:
            self.note(place, f"found {_KINDS.get(type(value), 'a number')}, expected {expected}")


def parsed(text: str, file: str, what: str) -> Any:
    """The JSON document of a file.

    Errors: BadInput with line and column, and `what` it should have been.
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
