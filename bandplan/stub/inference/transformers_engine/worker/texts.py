"""Turn tokens that arrive one at a time into text."""

from collections.abc import Callable, Sequence

Decode = Callable[[Sequence[int]], str]

INCOMPLETE = "\ufffd"
"""What tokenizers decode part of a character to."""

MOST_PENDING = 4
"""A character has at most four bytes in UTF-8, so four tokens without a whole one are no part of any."""


class TextStream:
    """The text of one answer. Text is decoded together with the tokens before it, because in many tokenizers the white
    space of a word depends on what precedes it.
    """

    def __init__(self, decode: Decode) -> None:
        self._decode = decode
        self._ids: list[int] = []
        self._read = 0
        """Number of tokens at the start of `_ids` whose text has been returned."""

    def add(self, token: int, *, is_last: bool = False) -> str:
        """Return the text that a token adds; empty if it is part of a character, unless it is the last token."""
        self._ids.append(token)
        before = self._decode(self._ids[: self._read]) if self._read else ""
        whole = self._decode(self._ids)
        pending = len(self._ids) - self._read
        if whole.endswith(INCOMPLETE) and pending < MOST_PENDING and not is_last:
            return ""
        del self._ids[: self._read]
        self._read = len(self._ids)
        return whole[len(before) :]
