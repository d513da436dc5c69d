"""One chunk of throughput: its requests share it evenly, and its total throughput grows with their number.

All requests in a chunk run at the same speed, so a single number, the work that each has been given since the chunk
began, gives the progress of all of them.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bandplan.stub.capacity.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Kind:
    """Work per second of a full chunk, the requests in flight that fill it, and the speedup of a single request."""

    rate: float
    slots: int
    solo_speedup: float

    def speed(self, in_flight: int) -> float:
        """Return the work per second of each of `in_flight` requests.

        The time of a request grows linearly with the requests in flight, from one to a full chunk.
        """
        if in_flight <= 0:
            return 0.0
        load = (in_flight - 1) / (self.slots - 1) if self.slots > 1 else 1.0
        slowness = 1 / self.solo_speedup + (1 - 1 / self.solo_speedup) * load
        return self.rate / self.slots / slowness


class Chunk:
    """A running chunk. `is_draining`: accepts no more requests and stops once it is empty, unless it is needed again;
    `is_retired`: the same, but is never needed again.
    """

    def __init__(self, number: int, kind: Kind, *, is_burst: bool = False) -> None:
        self.number = number
        self.kind = kind
        self.is_burst = is_burst
        self.is_draining = False
        self.is_retired = False
        self.tickets: set[Ticket] = set()
        self.speed = 0.0
        """Work per second of each request, as last settled."""
        self._given = 0.0
        self._settled = 0.0

    def given(self, now: float) -> float:
        """Return the work that a request present from the beginning would have been given by `now`."""
        return self._given + self.speed * (now - self._settled)

    def settle(self, now: float) -> None:
        """Go on from `now` at the speed of the requests that are in the chunk."""
        self._given, self._settled = self.given(now), now
        self.speed = self.kind.speed(len(self.tickets))

    @property
    def work_rate(self) -> float:
        return len(self.tickets) * self.speed

    @property
    def is_open(self) -> bool:
        """Whether the chunk accepts one more request."""
        return not self.is_draining and len(self.tickets) < self.kind.slots
