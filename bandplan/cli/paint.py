"""Colours, which only add to words: whoever sees none misses nothing."""

import sys
from typing import TextIO

from bandplan.embedded.terminal import drawing_board, is_coloured
from bandplan.wire.visible import visible

RED, GREEN, YELLOW, BOLD = "31", "32", "33", "1"
"""Parameters of the escape sequence that selects a style; the terminal's own palette decides the shade."""

SEVERITIES = {"error": RED, "warning": YELLOW}


class Painted(str):
    """A text with a style, "" for none."""

    style = ""


def painted(text: str, style: str) -> Painted:
    piece = Painted(text)
    piece.style = style
    return piece


def say(*pieces: str, file: TextIO | None = None) -> None:
    """Print a line made of pieces, those that are `Painted` in their style if the stream shows colours."""
    stream = sys.stdout if file is None else file
    if is_coloured(stream) and any(isinstance(piece, Painted) and piece.style for piece in pieces):
        if stream is sys.stderr:
            sys.stdout.flush()
        drawing_board(stream).write("".join(map(_drawn, pieces)) + "\n")
    else:
        stream.write("".join(pieces) + "\n")


def _drawn(piece: str) -> str:
    """Return the piece with its style; every text is cleaned here, as the stream lets escape sequences pass."""
    text = visible(piece)
    style = piece.style if isinstance(piece, Painted) else ""
    return f"\x1b[{style}m{text}\x1b[0m" if style and text else text


def say_finding(text: str, file: TextIO | None = None) -> None:
    """Print `error: ...` or `FILE:LINE:COLUMN: error ...`, with the severity in its colour."""
    say(*_finding(text), file=file)


def _finding(text: str) -> list[str]:
    for severity, style in SEVERITIES.items():
        if text.startswith(f"{severity}:"):
            return [painted(severity, style), text.removeprefix(severity)]
        place, mark, rest = text.partition(f": {severity} ")
        if mark and all(part.isdecimal() for part in place.split(":")[-2:]):
            return [painted(f"{place}:", BOLD), " ", painted(severity, style), f" {rest}"]
    return [text]
