"""What goes between a benchmark and its client processes: the length of a pickled value in 4 bytes, then the value.

Pickled, as both sides are this program and one started the other.
"""

import asyncio
import pickle
from dataclasses import dataclass
from typing import Any, Final

from bandplan.bench.sample import Sample

READY: Final = "ready"
"""The process takes requests: sent after its start, and after each `Opening`."""

_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Opening:
    """How many connections to have free before a level, and to keep free; answered by READY."""

    connections: int
    spare: int


@dataclass(frozen=True, slots=True)
class Reply:
    """One request that has ended, and how the process did meanwhile.

    `lags` are those of its event loop since the last reply, `cpu_seconds` what the process has used so far, and
    `error_body` is what the server said with its last refusal.
    """

    sample: Sample
    lags: list[float]
    cpu_seconds: float
    notes: set[str]
    error_body: bytes = b""


def frame(value: object) -> bytes:
    """Encode a value for `read_frame`."""
    data = pickle.dumps(value, pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(_LENGTH_BYTES) + data


async def read_frame(reader: asyncio.StreamReader) -> Any:
    """Return the next value, or None at the end of the input."""
    try:
        length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES))
        return pickle.loads(await reader.readexactly(length))
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
