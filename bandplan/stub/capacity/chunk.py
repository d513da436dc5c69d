"""One chunk of throughput: its requests share it evenly, and more of them at once get more out of it.

Every request of a chunk goes at the same speed, so one number, how much work each has been given since the chunk began,
says how far all of them are.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bandplan.stub.capacity.ticket import Ticket


@dataclass(frozen=True, slots=True)
class Kind:
    """Work per second of a full chunk, requests in flight that make it full, and how many times faster one alone is."""

    rate: float
    slots: int
    solo_speedup: float

    def speed(self, in_flight: int) -> float:
        """Return the work per second of each of `in_flight` requests.

        The time of a request grows linearly from alone to full.
        """
        if in_flight <= 0:
            return 0.0
        load = (in_flight - 1) / (self.slots - 1) if self.slots > 1 else 1.0
        slowness = 1 / self.solo_speedup + (1 - 1 / self.solo_speedup) * load
        return self.rate / self.slots / slowness


class Chunk:
    """A running chunk. `is_draining`: takes no more requests and goes when it is empty, unless it is needed again;
    `is_retired`: so too, and is never needed again."""

    def __init__(self, number: int, kind: Kind, *, is_burst: bool = False) -> None:
        self.number = number
        self.kind = kind
        self.is_burst = is_burst
        self.is_draining = False
        self.is_retired = False
        self.tickets: set[Ticket] = set()
        self.given = 0.0
        """Work that a request which was here from the beginning would have been given."""

    @property
    def speed(self) -> float:
        return self.kind.speed(len(self.tickets))

    @property
    def work_rate(self) -> float:
        return len(self.tickets) * self.speed

    @property
    def is_open(self) -> bool:
        """Whether it takes one more request."""
        return not self.is_draining and len(self.tickets) < self.kind.slots
