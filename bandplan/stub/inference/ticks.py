"""Wait for many due times with few wake-ups, and take turns among those whose time has come."""

import asyncio
import math
from collections import deque
from typing import Protocol

TICK_SECONDS = 0.002
"""Due times within one tick end together. Arbitrary: less than a tenth of a typical time per token, and 20 of 10,000
tokens per second share a tick.
"""

DUE_TURNS = 64
LATE_TURNS = 2
"""Maximum numbers of turns taken in one turn of the event loop: of those whose time comes now, mostly with one token
each, and of those that are late, with many. Any other request waits only for these, about 1 ms, however many streams
there are. Few late turns let the last of many requests begin sooner (8 instead of 2: a third later). Arbitrary.
"""


class Turn(Protocol):
    """One that waits for its due time."""

    @property
    def is_waiting(self) -> bool:
        """Whether it still waits: a turn is lost on one that does not, without delay for others."""
        ...

    def take(self) -> None:
        """Take the turn, briefly, and raise nothing."""
        ...


class Ticks:
    """Shared waits on the clock of the running event loop.

    Turns are taken by calls and not by tasks that wake up: with hundreds of streams, that is most of what a token
    costs. Those whose time comes now go before those that were late from the beginning.
    """

    def __init__(self) -> None:
        self._waiting: dict[int, list[Turn]] = {}
        self._due: deque[Turn] = deque()
        self._late: deque[Turn] = deque()

    def at(self, due: float, turn: Turn) -> None:
        """Have `turn` taken at `due`, at most one tick later; if that has passed, after all that are late already."""
        loop = asyncio.get_running_loop()
        if due <= loop.time():
            if not self._due and not self._late:
                loop.call_soon(self._give_turns, loop)
            self._late.append(turn)
            return
        tick = math.ceil(due / TICK_SECONDS)
        if (waiting := self._waiting.get(tick)) is None:
            self._waiting[tick] = [turn]
            loop.call_at(tick * TICK_SECONDS, self._end, tick, loop)
        else:
            waiting.append(turn)

    def withdraw(self, due: float, turn: Turn) -> None:
        """Forget a turn that does not wait any more, so that nothing is kept for it until `due`."""
        waiting = self._waiting.get(math.ceil(due / TICK_SECONDS), [])
        if turn in waiting:
            waiting.remove(turn)

    async def until(self, due: float) -> None:
        """Return at `due`, as `at` has a turn taken."""
        future = asyncio.get_running_loop().create_future()
        self.at(due, _Awaited(future))
        await future

    def _end(self, tick: int, loop: asyncio.AbstractEventLoop) -> None:
        is_idle = not self._due and not self._late
        self._due += self._waiting.pop(tick)
        if is_idle:
            self._give_turns(loop)

    def _give_turns(self, loop: asyncio.AbstractEventLoop) -> None:
        _give(self._due, DUE_TURNS)
        _give(self._late, LATE_TURNS)
        if self._due or self._late:
            loop.call_soon(self._give_turns, loop)


def _give(waiting: deque[Turn], most: int) -> None:
    """Give at most so many turns; one that waits again when it has taken its turn gets the next one another time."""
    known, given = len(waiting), 0
    while known and given < most:
        known -= 1
        turn = waiting.popleft()
        if turn.is_waiting:
            turn.take()
            given += 1


class _Awaited:
    """A turn that wakes a task."""

    def __init__(self, future: asyncio.Future[None]) -> None:
        self._future = future

    @property
    def is_waiting(self) -> bool:
        return not self._future.done()

    def take(self) -> None:
        self._future.set_result(None)
