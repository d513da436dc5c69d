"""How the stand-in counts tokens, by a rule simple enough to check by hand.

A token is a run of at most four letters or digits, or any other single visible character, each with the white space
before it; white space at the end is one more token. `Hello, world` is `Hell|o|,| worl|d`: five tokens. Real tokenizers
differ from model to model; never size a real endpoint by these counts.
"""

import re
from functools import lru_cache

_TOKEN = re.compile(r"\s*(?:[^\W_]{1,4}|[^\s])|\s+$")


def split(text: str) -> list[str]:
    """The tokens of a text, in order; joined they are the text again."""
    return _TOKEN.findall(text)


@lru_cache(maxsize=1024)
def count(text: str) -> int:
    """How many tokens a text has."""
    return len(split(text))
