"""Wait for many due times with few wake-ups, and take turns among tasks whose time has come."""

import asyncio
import math
from collections import deque

TICK_SECONDS = 0.002
"""Due times within one tick end together. Arbitrary: less than a tenth of a typical time per token, and 20 of 10,000
tokens per second share a tick.
"""

TURNS = 16
"""Maximum number of late tasks that continue in one turn of the event loop; any other request waits only for these,
about 2 ms, however many streams there are. Arbitrary.
"""


class Ticks:
    """Shared waits on the clock of the running event loop."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._late: deque[asyncio.Future[None]] = deque()

    async def until(self, due: float) -> None:
        """Return at `due`, at most one tick later; if that has passed, after tasks already waiting for their turn."""
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        if due <= loop.time():
            if not self._late:
                loop.call_soon(self._give_turns, loop)
            self._late.append(future)
        else:
            tick = math.ceil(due / TICK_SECONDS)
            if (waiting := self._waiting.get(tick)) is None:
                self._waiting[tick] = [future]
                loop.call_at(tick * TICK_SECONDS, self._end, tick)
            else:
                waiting.append(future)
        await future

    def _end(self, tick: int) -> None:
        for future in self._waiting.pop(tick):
            if not future.done():
                future.set_result(None)

    def _give_turns(self, loop: asyncio.AbstractEventLoop) -> None:
        given = 0
        while self._late and given < TURNS:
            future = self._late.popleft()
            if not future.done():
                future.set_result(None)
                given += 1
        if self._late:
            loop.call_soon(self._give_turns, loop)
