"""Vectors of the simulated engine: equal texts get equal vectors, texts that share words point in similar directions.

The vector of a text is the sum of the vectors of its words, which are pseudo-random, derived from their hash. It
carries neither meaning nor language.
"""

import hashlib
import math
import struct
from collections.abc import Iterator
from functools import lru_cache

WORDS_AT_ONCE = 64
"""Number of words summed in one turn, a few milliseconds. Arbitrary."""


def sums(model: str, text: str, dimension: int) -> Iterator[list[float]]:
    """Yield running sums of the word vectors of a text, after every few words; the last is the sum of all."""
    words = text.lower().split() or [""]
    total = [0.0] * dimension
    for first in range(0, len(words), WORDS_AT_ONCE):
        rows = [_of_word(model, word, dimension) for word in words[first : first + WORDS_AT_ONCE]]
        total = [sum(column, start) for start, *column in zip(total, *rows, strict=True)]
        yield total


def unit(vector: list[float]) -> list[float]:
    """Return the vector of length 1 in the same direction."""
    length = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / length for value in vector]


@lru_cache(maxsize=2048)
def _of_word(model: str, word: str, dimension: int) -> tuple[float, ...]:
    # Values from -1 to 1 in steps of 1/32768: a single word of 1,024 dimensions has length about 18, clearly not 1.
    seed = hashlib.shake_128(f"{model}\0{word}".encode("utf-8", "replace")).digest(2 * dimension)
    return tuple(value / 32768 for value in struct.unpack(f"<{dimension}h", seed))
