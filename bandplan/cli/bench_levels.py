"""The table of a benchmark while it runs: a terminal draws it again for each level, so that the bars share a scale."""

from typing import TYPE_CHECKING

from bandplan.bench.curve import rate_of
from bandplan.bench.table import line
from bandplan.embedded.layout import hanging
from bandplan.embedded.terminal import drawing_board

if TYPE_CHECKING:
    from bandplan.bench.level import Point


class Levels:
    """Prints the levels below the heading, in `width` columns; with `is_redrawn`, over what it printed before."""

    def __init__(self, width: int | None, is_redrawn: bool) -> None:
        self._width = width
        self._is_redrawn = is_redrawn
        self._points: list[Point] = []
        self._height = 0
        self._largest = 0.0

    def show(self, point: "Point") -> None:
        self._largest = max(self._largest, rate_of(point))
        self._points.append(point)
        if self._is_redrawn and self._height:
            drawing_board().write(f"\x1b[{self._height}F\x1b[J")
        points = self._points if self._is_redrawn else [point]
        rows = "\n".join(line(one, self._largest, self._width) for one in points).split("\n")
        lines = [part for row in rows for part in hanging(row, self._width)]
        self._height = len(lines)
        print("\n".join(lines), flush=True)
