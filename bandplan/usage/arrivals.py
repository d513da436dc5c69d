"""Single requests of an endpoint, kept by minute for a replay; memory is bounded. Pure."""

from array import array
from collections.abc import Iterator
from typing import Final

MOST_KEPT: Final = 1_000_000
"""Requests kept of one endpoint, 12 bytes each. Ours."""

BLOCK: Final = 16
"""Minutes that are kept or dropped together, so that what came before a minute is there too. Ours."""


class Arrivals:
    """Answered requests by minute since 1970.

    If there are too many, every second block of minutes is dropped, then every second one of the rest, and so on: which
    minutes are kept depends on their number alone, not on the order of the rows.
    """

    def __init__(self, most: int = MOST_KEPT) -> None:
        self._minutes: dict[int, array[float]] = {}
        self._most, self._kept, self._stride = most, 0, 1
        self._has_fractions = False

    def add(self, seconds: float, input_tokens: int | None, output_tokens: int | None) -> None:
        """Add a request; tokens that are not known are None."""
        minute = int(seconds // 60)
        if not self._is_kept(minute):
            return
        known = input_tokens is not None and output_tokens is not None
        tokens = (float(input_tokens or 0), float(output_tokens or 0)) if known else (-1.0, -1.0)
        self._minutes.setdefault(minute, array("f")).extend((seconds - 60 * minute, *tokens))
        self._has_fractions = self._has_fractions or seconds != int(seconds)
        self._kept += 1
        while self._kept > self._most:
            self._stride *= 2
            self._minutes = {one: of for one, of in self._minutes.items() if self._is_kept(one)}
            self._kept = sum(len(of) for of in self._minutes.values()) // 3

    @property
    def is_whole_seconds(self) -> bool:
        """Whether every time is a whole number of seconds."""
        return not self._has_fractions

    def __contains__(self, minute: int) -> bool:
        return minute in self._minutes

    def of(self, minute: int) -> Iterator[tuple[float, float | None, float | None]]:
        """Yield (seconds into the minute, input tokens, output tokens) of a minute's requests, in no order."""
        values = iter(self._minutes.get(minute, ()))
        for second, given, made in zip(values, values, values, strict=True):
            yield second, None if given < 0 else given, None if made < 0 else made

    def _is_kept(self, minute: int) -> bool:
        return minute // BLOCK % self._stride == 0
