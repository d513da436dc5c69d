"""How a shape's reader takes values out of a document: one protocol, so that one function reads each shape.

A report notes values of the wrong kind, with their place; code that checks or compares ignores them (`LENIENT`).
"""

from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any, Final, Protocol

from bandplan.wire.sentinels import UNKNOWN


class Reader(Protocol):
    """Returns values of the wanted kind; an absent, null or unknown one is None, or empty.

    `place` is for messages.
    """

    def record(self, value: Any, place: str) -> Mapping[str, Any]: ...
    def items(self, value: Any, place: str) -> Sequence[Any]: ...
    def text(self, value: Any, place: str) -> str | None: ...
    def number(self, value: Any, place: str) -> float | None: ...
    def whole(self, value: Any, place: str) -> int | None: ...
    def flag(self, value: Any, place: str) -> bool: ...
    def note(self, place: str, finding: str) -> None: ...


class _Lenient:
    def record(self, value: Any, place: str) -> Mapping[str, Any]:
        return value if isinstance(value, Mapping) else {}

    def items(self, value: Any, place: str) -> Sequence[Any]:
        return value if isinstance(value, list | tuple) else ()

    def text(self, value: Any, place: str) -> str | None:
        return value if isinstance(value, str) and value != UNKNOWN else None

    def number(self, value: Any, place: str) -> float | None:
        is_number = isinstance(value, int | float) and not isinstance(value, bool) and isfinite(value)
        return value if is_number else None

    def whole(self, value: Any, place: str) -> int | None:
        number = self.number(value, place)
        return None if number is None else int(number)  # on the wire, whole numbers are doubles

    def flag(self, value: Any, place: str) -> bool:
        return value is True

    def note(self, place: str, finding: str) -> None:
        pass


LENIENT: Final[Reader] = _Lenient()
"""Treats a value of another kind as absent."""
