"""Text from others, bounded and on one line, so that it fits into a message."""

from typing import Final

MOST_CHARACTERS: Final = 2_000
"""Longer texts are cut when they are read. A choice."""


def presentable(text: str) -> str:
    """Cut a text to MOST_CHARACTERS and make control, invisible and directional characters visible."""
    cut = text if len(text) <= MOST_CHARACTERS else text[: MOST_CHARACTERS - 3] + "..."
    if cut.replace("\n", "").isprintable():
        return cut
    return "".join(letter if letter == "\n" or letter.isprintable() else _visible(letter) for letter in cut)


def one_line(text: str, most: int) -> str:
    """Put a text on one line of at most `most` characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 3] + "..."


def _visible(character: str) -> str:
    return " " if character.isspace() else character.encode("unicode_escape").decode("ascii")
