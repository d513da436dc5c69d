"""What the connections have read, handed on a little at a time.

The event loop reads from every connection that has something, and then starts whatever that began: after a burst of
hundreds of requests nothing else would get a turn until all of them were started, neither tokens that are due nor a
connection with something new, whose request would seem to arrive later than it did.
"""

import asyncio
from collections import deque
from typing import Protocol

MOST_READS = 4
"""Maximum number of reads handed on in one turn of the event loop: starting what they begin takes some 1 ms.
Arbitrary.
"""


class Reader(Protocol):
    """A connection, as far as it is handed what it has read."""

    def hand_on(self) -> bool:
        """Hand on the next of its reads; return whether there was one."""
        ...


class Reads:
    """The reads of all connections, in order. A reader keeps its own until its turn."""

    def __init__(self) -> None:
        self._queue: deque[Reader] = deque()
        self._moment: float | None = None
        self._handed_on = 0

    @property
    def moment(self) -> float:
        """When the event loop last looked for something to read, on its own clock: all that it then found had arrived
        by that time.
        """
        if self._moment is None:
            loop = asyncio.get_running_loop()
            self._moment = loop.time()
            loop.call_soon(self._turn)
        return self._moment

    def add(self, reader: Reader) -> None:
        """Have the reader hand on what it has just read: now, or after all that others have read before."""
        _ = self.moment
        if self._queue or self._handed_on >= MOST_READS:
            self._queue.append(reader)
        else:
            self._handed_on += reader.hand_on()

    def _turn(self) -> None:
        # Called in the next turn of the loop, before what that finds to read.
        self._moment, self._handed_on = None, 0
        while self._queue and self._handed_on < MOST_READS:
            self._handed_on += self._queue.popleft().hand_on()
        if self._handed_on:
            _ = self.moment
