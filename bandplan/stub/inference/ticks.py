"""Waiting for many due times with few wake-ups, and turns for those whose time has come."""

import asyncio
import math
from collections import deque

TICK_SECONDS = 0.002
"""Due times within one tick end together. Arbitrary: under a tenth of the time per token that people set, and 20 of
10,000 tokens a second share a tick."""

TURNS = 16
"""Of those who are late, so many go on in one turn of the event loop; whoever asks for something else waits no longer
than for them, some 2 ms, however many streams there are. Arbitrary."""


class Ticks:
    """Waits on the clock of the running event loop."""

    def __init__(self) -> None:
        self._waiting: dict[int, list[asyncio.Future[None]]] = {}
        self._late: deque[asyncio.Future[None]] = deque()

    async def until(self, due: float) -> None:
        """Return at `due`, at most one tick later; if that has passed, after those who have waited for their turn."""
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
