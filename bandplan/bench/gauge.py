"""How many chunks of the endpoint are in use while it is measured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gauge:
    """Where the chunks in use are read: `read` returns their number, or None if it is unknown, and may block."""

    read: Callable[[], float | None]
    every_seconds: float


async def read_chunks(gauge: Gauge, seen: list[tuple[int, float]]) -> None:
    """Add (time in nanoseconds, chunks in use) to `seen` at each reading, until cancelled."""
    while True:
        chunks = await asyncio.to_thread(gauge.read)
        if chunks is not None:
            seen.append((time.perf_counter_ns(), chunks))
        await asyncio.sleep(gauge.every_seconds)
