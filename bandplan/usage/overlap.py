"""Whether rows of one export are those of an earlier one, which would count their requests twice."""

import math
from typing import Final
from zlib import crc32

from bandplan.usage.usage_table import Row

_ONE_IN: Final = 16
"""Of so many rows one is compared, the same in every export; a million rows take 4 MB."""

_LEAST, _SHARE = 5, 0.5
"""How many rows have to be the same, and their share of those in the time of earlier exports; both are ours.

In an overlap all are. Other requests of one entity with the same lengths are seldom in the same millisecond.
"""


class Overlap:
    """Compares the rows of each export with those of the exports before it.

    Rows at a whole second are left out: where an export has no fractions, many requests have the same time and lengths.
    """

    def __init__(self) -> None:
        self._names: dict[tuple[str, str | None], int] = {}
        self._earlier: set[int] = set()
        self._here: set[int] = set()
        self._first, self._last = math.inf, -math.inf
        self._began, self._ended = math.inf, -math.inf
        self._within = self._same = 0

    def begin_export(self) -> None:
        self._earlier |= self._here
        self._first, self._last = min(self._first, self._began), max(self._last, self._ended)
        self._here = set()
        self._began, self._ended = math.inf, -math.inf
        self._within = self._same = 0

    def add(self, row: Row) -> None:
        if row.seconds.is_integer():
            return
        name = self._names.get((row.endpoint, row.served))
        if name is None:
            name = self._names[row.endpoint, row.served] = crc32(f"{row.endpoint}/{row.served}".encode())
        key = hash((row.seconds, name, row.status, row.input_tokens or 0, row.output_tokens or 0))
        if key % _ONE_IN:
            return
        self._here.add(key)
        self._began, self._ended = min(self._began, row.seconds), max(self._ended, row.seconds)
        if self._first <= row.seconds <= self._last:
            self._within += 1
            self._same += key in self._earlier

    @property
    def is_found(self) -> bool:
        return self._same >= _LEAST and self._same >= _SHARE * self._within
