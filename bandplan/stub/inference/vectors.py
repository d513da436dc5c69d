"""Vectors of the simulated engine: equal texts get equal vectors, texts that share words point in similar directions.

The vector of a text is the sum of the vectors of its words, which are pseudo-random by their hash. Nothing more is
meant by it: no meaning, no language.
"""

import hashlib
import math
import struct
from functools import lru_cache


def of_text(model: str, text: str, dimension: int, normalised: bool) -> list[float]:
    """The vector of a text for a model; of unit length only when `normalised`."""
    words = text.lower().split() or [""]
    rows = [_of_word(model, word, dimension) for word in words]
    total = list(rows[0]) if len(rows) == 1 else [sum(column) for column in zip(*rows, strict=True)]
    if not normalised:
        return total
    length = math.sqrt(sum(value * value for value in total)) or 1.0
    return [value / length for value in total]


@lru_cache(maxsize=2048)
def _of_word(model: str, word: str, dimension: int) -> tuple[float, ...]:
    # Values from -1 to 1 in steps of 1/32768: a single word of 1,024 dimensions has length about 18, clearly not 1.
    seed = hashlib.shake_128(f"{model}\0{word}".encode("utf-8", "replace")).digest(2 * dimension)
    return tuple(value / 32768 for value in struct.unpack(f"<{dimension}h", seed))
