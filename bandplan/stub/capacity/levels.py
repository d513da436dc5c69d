"""What an endpoint could give and what waited for it, over the last ten minutes in steps of five seconds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

STEP_SECONDS = 5
STEPS = 120
"""Ten minutes; an arbitrary span, long enough to see a chunk start and another stop."""


class Level(NamedTuple):
    """Floor and ceiling in tokens/s, chunks in use, and the requests in flight and waiting."""

    floor: float
    ceiling: float
    chunks: int
    in_flight: int
    waiting: int


@dataclass(slots=True)
class Change:
    """A step with a change: the most requests in flight and waiting in it, and the level at its end."""

    step: int
    in_flight: int
    waiting: int
    level: Level

    @property
    def peak(self) -> Level:
        return self.level._replace(in_flight=self.in_flight, waiting=self.waiting)


class Levels:
    """The levels of one pool. Only changes are kept, so that an idle pool costs nothing."""

    def __init__(self) -> None:
        self._changes: deque[Change] = deque(maxlen=STEPS + 1)

    def note(self, now: float, level: Level) -> None:
        """Set the level from `now` on; times never go back."""
        step = int(now // STEP_SECONDS)
        last = self._changes[-1] if self._changes else Change(step, 0, 0, level)
        if self._changes and level == last.level:
            return
        if not self._changes or step != last.step:
            # What was there when the step began counts in it.
            last = Change(step, last.level.in_flight, last.level.waiting, level)
            self._changes.append(last)
        last.level = level
        last.in_flight = max(last.in_flight, level.in_flight)
        last.waiting = max(last.waiting, level.waiting)

    def steps(self, first: int, count: int) -> list[Level | None]:
        """Return the level in each of `count` steps from step `first`; None before the pool existed."""
        shown: list[Level | None] = []
        changes = iter(self._changes)
        change = next(changes, None)
        held: Level | None = None
        for step in range(first, first + count):
            while change is not None and change.step < step:
                held, change = change.level, next(changes, None)
            shown.append(change.peak if change is not None and change.step == step else held)
        return shown


def total(levels: Iterable[Level | None]) -> Level | None:
    """Return the sum of the levels that are known, or None if none is."""
    known = [level for level in levels if level is not None]
    if not known:
        return None
    return Level(
        floor=sum(level.floor for level in known),
        ceiling=sum(level.ceiling for level in known),
        chunks=sum(level.chunks for level in known),
        in_flight=sum(level.in_flight for level in known),
        waiting=sum(level.waiting for level in known),
    )
