"""How many chunks of the endpoint are in use while it is measured."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gauge:
    """How many chunks of the endpoint are in use: `read` asks and may block, None if it is not known now."""

    read: Callable[[], float | None]
    every_seconds: float


async def read_chunks(gauge: Gauge, seen: list[tuple[int, float]]) -> None:
    """Note when how many chunks were in use, until cancelled."""
    while True:
        chunks = await asyncio.to_thread(gauge.read)
        if chunks is not None:
            seen.append((time.perf_counter_ns(), chunks))
        await asyncio.sleep(gauge.every_seconds)
