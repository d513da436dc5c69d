"""Count tokens with a checkpoint's own tokenizer, whichever engine answers.

The package `tokenizers` comes with transformers, and is imported only when the first text is counted.
"""

import asyncio
from functools import lru_cache
from pathlib import Path
from typing import Any

FILE = "tokenizer.json"


class CannotCount(Exception):
    """The text cannot be counted; the message gives the reason."""


async def count(folder: str, text: str) -> int:
    """Return the tokens of a text, with those that the tokenizer puts around it. Raises CannotCount.

    `folder` is that of the tokenizer. A file in the older form of sentencepiece is not read.
    """
    path = Path(folder) / FILE
    try:
        stat = path.stat()
    except OSError as error:
        raise CannotCount(f"the version has no {FILE}") from error
    # In a thread: a tokenizer of 128,000 tokens takes half a second to load.
    return await asyncio.to_thread(_count, str(path), stat.st_mtime_ns, text)


def _count(path: str, changed_ns: int, text: str) -> int:
    # A lone surrogate, which clients can send as an escape, is no text that can be encoded.
    return len(_tokenizer(path, changed_ns).encode(text.encode("utf-8", "replace").decode("utf-8")).ids)


@lru_cache(maxsize=4)
def _tokenizer(path: str, changed_ns: int) -> Any:
    try:
        from tokenizers import Tokenizer
    except ImportError as error:
        raise CannotCount("the package tokenizers is not installed") from error
    try:
        tokenizer = Tokenizer.from_file(path)
    except Exception as error:
        # The library raises nothing more specific.
        raise CannotCount(f"its {FILE} cannot be read") from error
    # Files of embedding models often cut every text, or fill it up, to one length: neither is the length of the text.
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
