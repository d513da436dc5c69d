"""How the stand-in counts tokens, by a rule simple enough to check by hand.

A token is a run of at most four letters or digits, or any other single visible character, each with the white space
before it; white space at the end is one more token. `Hello, world` is `Hell|o|,| worl|d`: five tokens. Real tokenizers
differ from model to model; never size a real endpoint by these counts.
"""

import re
from collections.abc import Iterator
from functools import lru_cache

_TOKEN = re.compile(r"\s*(?:[^\W_]{1,4}|[^\s])|\s+$")


def split(text: str) -> list[str]:
    """Return the tokens of a text, in order; joined they give the text again."""
    return _TOKEN.findall(text)


def each(text: str) -> Iterator[str]:
    """Yield the tokens of a text, each when it is asked for."""
    return (found[0] for found in _TOKEN.finditer(text))


SLICE_LENGTH = 64 * 1024
"""Characters counted in one turn, about 5 ms. Arbitrary."""

_WORD_END = re.compile(r"(?<=\S)(?=\s)")


def slices(text: str) -> Iterator[str]:
    """Yield a long text in slices of about SLICE_LENGTH; the tokens of the slices are those of the text.

    A text is cut before white space, which always begins a token. A text without white space is a single slice.
    """
    first = 0
    while cut := _WORD_END.search(text, first + SLICE_LENGTH):
        yield text[first : cut.start()]
        first = cut.start()
    yield text[first:]


@lru_cache(maxsize=1024)
def count(text: str) -> int:
    """Count the tokens of a text."""
    return len(split(text))
