"""Texts in the columns of a terminal: how many one needs, and how it is shortened or broken into lines. Pure."""

from collections.abc import Iterator

LEAST_CUT = 12
"""Narrowest room that a text is shortened or broken for; arbitrary."""


def width_of(text: str) -> int:
    """Return how many columns a terminal needs for a text: two for most East Asian characters and emoji."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def shortened(text: str, room: int) -> str:
    """Cut the middle out of a text that needs more than `room` columns: names differ at their ends."""
    if width_of(text) <= room:
        return text
    ending = _fitting(text[::-1], (room - 1) // 2)[::-1]
    return f"{_fitting(text, room - 1 - width_of(ending))}…{ending}"


def wrapped(text: str, room: int) -> list[str]:
    """Break a text between words into lines of at most `room` columns; a longer word too, unless it is a URL.

    What stands between backticks, mostly a command to copy, is one word.
    """
    lines, line = [], ""
    for word in _words(text, room):
        if line and width_of(line) + 1 + width_of(word) > room:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}" if line else word
        while width_of(line) > room and "://" not in line:
            lines.append(_fitting(line, room) or line[0])
            line = line[len(lines[-1]) :]
    return [*lines, line]


def hanging(line: str, width: int | None) -> list[str]:
    """Break a line that is too long, and indent what follows by two more."""
    if width is None or width_of(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip(" ")) + 2)
    first, *others = wrapped(line.lstrip(" "), max(width - len(indent), LEAST_CUT))
    return [f"{indent[2:]}{first}", *(f"{indent}{other}" for other in others)]


def _words(text: str, room: int) -> Iterator[str]:
    """Yield the words between single spaces; those of one quotation together, if they fit."""
    held = ""
    for word in text.split(" "):
        held = f"{held} {word}" if held else word
        if held.count("`") % 2 == 0:
            yield held
            held = ""
        elif width_of(held) > room:
            yield from held.split(" ")
            held = ""
    yield from held.split(" ") if held else ()


def _fitting(text: str, room: int) -> str:
    """Return the longest beginning of a text that fits."""
    end = used = 0
    for character in text:
        used += width_of(character)
        if used > room:
            break
        end += 1
    return text[:end]
