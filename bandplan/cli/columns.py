"""Rows of cells as lines that fit the terminal.

Away from a terminal nothing is cut or wrapped: other programs read it.
"""

import os
import sys
from collections.abc import Collection, Iterator, Sequence
from itertools import zip_longest
from typing import TextIO

from bandplan.cli.paint import BOLD, Painted, painted, say
from bandplan.embedded.layout import LEAST_CUT, hanging, shortened, width_of, wrapped
from bandplan.wire.visible import visible

Line = list[str]
"""The pieces of one line; a piece that is `Painted` has a style."""

GAP = "  "
DEFAULT_WIDTH = 80
"""Columns of a terminal that states none."""
BELOW = "    "
"""Before a description that is below its row."""
LEAST_WRAPPED = 24
"""Narrowest column of wrapped cells before rows become paragraphs; arbitrary."""


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return the columns of the terminal that `stream` (default: standard output) goes to, or None."""
    stream = sys.stdout if stream is None else stream
    if not stream.isatty():
        return None
    stated = os.environ.get("COLUMNS", "")
    if stated.isascii() and stated.isdecimal() and int(stated[:6]) > 0:
        return int(stated[:6])
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def show_text(text: str) -> None:
    """Print a text, its long lines broken between words if they go to a terminal."""
    width = terminal_width()
    for line in text.split("\n"):
        for part in hanging(line, width):
            say(part)


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Format rows of equal length with columns as wide as their widest cell."""
    return ["".join(line) for line in table(rows, None)]


def show_table(
    rows: Sequence[Sequence[str]], *, cuts: Sequence[int] = (), wraps: int | None = None, right: Collection[int] = ()
) -> None:
    """Print a table whose first row is its heading, as wide as the terminal allows."""
    for line in table(_with_bold_heading(rows), terminal_width(), cuts, wraps, right):
        say(*line)


def show_described(rows: Sequence[Sequence[str]]) -> None:
    """Print a table whose last column describes each row; if that does not fit beside the others, below them."""
    for line in described(_with_bold_heading(rows), terminal_width()):
        say(*line)


def described(rows: Sequence[Sequence[str]], width: int | None) -> list[Line]:
    """Lay out rows of equal length of which the last cells are descriptions without a heading.

    Nothing is shortened: without room for the other columns, each row becomes a paragraph.
    """
    rows = [[_clean(cell) for cell in row] for row in rows]
    *widths, last = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    if width is None or _total(widths) + len(GAP) + min(last, LEAST_WRAPPED) <= width or _total(widths) > width:
        return table(rows, width, wraps=len(widths))
    room = width - len(BELOW)
    return [
        line
        for *cells, text in rows
        for line in (_grid_line(cells, widths, ()), *([BELOW, part] for part in wrapped(text, room) if part))
    ]


def _with_bold_heading(rows: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    heading, *others = rows
    return [[painted(cell, BOLD) for cell in heading], *others]


def show_facts(rows: Sequence[Sequence[str]]) -> None:
    """Print names with what there is to say of each in the last column, without a heading."""
    for line in table(rows, terminal_width(), wraps=len(rows[0]) - 1, has_heading=False):
        say(*line)


def table(
    rows: Sequence[Sequence[str]],
    width: int | None,
    cuts: Sequence[int] = (),
    wraps: int | None = None,
    right: Collection[int] = (),
    *,
    has_heading: bool = True,
) -> list[Line]:
    """Lay out rows of equal length; the first one is the heading, if there is one.

    Without room in `width` columns (None is room enough), first the cells of the column `wraps` and the heading are
    wrapped, then those of the columns `cuts` shortened, the widest first; and if that does not do, each row becomes a
    paragraph. Columns in `right` are aligned to the right.
    """
    rows = [[_clean(cell) for cell in row] for row in rows]
    widths = [max(map(width_of, column)) for column in zip(*rows, strict=True)]
    if width is None or _total(widths) <= width:
        return [_grid_line(row, widths, right) for row in rows]
    if not has_heading:
        rows = [[""] * len(widths), *rows]
    fitted = _fitted(rows, widths, width, cuts, wraps)
    if fitted is None:
        return list(_paragraphs(rows, width))
    lines = [line for index, row in enumerate(rows) for line in _row(row, fitted, wraps, right, is_heading=not index)]
    return lines if has_heading else lines[1:]


def _fitted(
    rows: Sequence[Sequence[str]], widths: Sequence[int], width: int, cuts: Sequence[int], wraps: int | None
) -> list[int] | None:
    """Return narrower columns that fit, or None."""
    heading, *others = rows
    least = [max(map(width_of, cell.split(" "))) for cell in heading]
    found = [max([least[index], *(width_of(row[index]) for row in others)]) for index in range(len(widths))]
    if wraps is not None:
        room = width - (_total(found) - found[wraps])
        found[wraps] = min(found[wraps], max(room, LEAST_WRAPPED))
    while (excess := _total(found) - width) > 0:
        widest = max(cuts, key=lambda index: found[index], default=None)
        if widest is None or found[widest] <= max(LEAST_CUT, least[widest]):
            return None
        second = max((found[index] for index in cuts if index != widest), default=0)
        floor = max(LEAST_CUT, least[widest], min(second, found[widest] - 1))
        found[widest] = max(floor, found[widest] - excess)
    return found


def _row(
    row: Sequence[str], widths: Sequence[int], wraps: int | None, right: Collection[int], *, is_heading: bool
) -> Iterator[Line]:
    """Yield the lines of a row: several if a cell is wrapped, which those of a heading are."""
    cells = [
        [_like(cell, line) for line in wrapped(cell, width)]
        if is_heading or index == wraps
        else [_like(cell, shortened(cell, width))]
        for index, (cell, width) in enumerate(zip(row, widths, strict=True))
    ]
    for line in zip_longest(*cells, fillvalue=""):
        yield _grid_line(line, widths, right)


def _grid_line(row: Sequence[str], widths: Sequence[int], right: Collection[int]) -> Line:
    last = max((index for index, cell in enumerate(row) if cell), default=-1)
    line: Line = []
    for index, (cell, width) in enumerate(zip(row[: last + 1], widths, strict=False)):
        pad = " " * (width - width_of(cell))
        line += [GAP] if index else []
        line += [pad, cell] if index in right else [cell, pad] if index < last else [cell]
    return [piece for piece in line if piece]


def _paragraphs(rows: Sequence[Sequence[str]], width: int) -> Iterator[Line]:
    """Yield each row as its first cell on a line of its own and below it the others with their headings."""
    (_, *headings), *others = rows
    indent = max(map(width_of, headings), default=0) + 4
    if is_narrow := width - indent < LEAST_WRAPPED:
        indent = 4
    for first, *cells in others:
        if first:
            yield [_like(first, shortened(first, width))]
        for heading, cell in zip(headings, cells, strict=True):
            label = f"  {heading.lower()}"
            if is_narrow and heading and cell:
                yield [shortened(label, width)]
            for index, line in enumerate(wrapped(cell, max(width - indent, LEAST_CUT)) if cell else ()):
                yield [("" if is_narrow or index else label).ljust(indent), _like(cell, line)]


def _clean(cell: str) -> str:
    """Return a cell as it will be shown: on one line, with escapes for what is not visible."""
    return _like(cell, visible(" ".join(cell.split("\n"))))


def _like(cell: str, text: str) -> str:
    return painted(text, cell.style) if isinstance(cell, Painted) else text


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(GAP) * (len(widths) - 1)
