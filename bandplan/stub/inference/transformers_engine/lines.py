"""What the stub and the child send each other: one line of JSON for each message, a list of kind, id and content.

From the stub: `load` first; then `generate`, `count`, `embed` and `cancel`, where the id is that of the request.

From the child, before it serves: `progress` with a text, then `ready` with what it found or `unusable` with the reason.
After that: `value` answers `count` and `embed`; `error` has a kind of ERRORS and a message; `tokens` has rows of id,
tokens and the reason for the end (null before it), in one line for all requests that got tokens in the same turn. A
token is a text, or a text with its log probability and its alternatives.
"""

import json
from typing import Any

REFUSED, FAILED = "refused", "failed"

ERRORS = (REFUSED, FAILED)
"""Kinds of error: the request cannot be answered, or was not answered this time."""

LONGEST_LINE = 256 * 1024 * 1024
"""Bytes; a request body has 16 MB at most, and 150 vectors of 8,192 numbers take 7 MB. A bound on memory, arbitrary."""

_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode


def encode(kind: str, number: int, content: Any = None) -> bytes:
    return _encode([kind, number, content]).encode("ascii") + b"\n"


def decode(line: bytes) -> tuple[str, int, Any]:
    """Return kind, id and content. Raises ValueError if the line is not a message."""
    kind, number, content = json.loads(line)
    return kind, number, content
