"""What an endpoint could give and what waited for it, over the last ten minutes in steps of five seconds."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, replace

STEP_SECONDS = 5
STEPS = 120
"""Ten minutes; an arbitrary span, long enough to see a chunk start and another stop."""


@dataclass(frozen=True, slots=True)
class Level:
    """Floor and ceiling in tokens/s, chunks in use, and the requests in flight and waiting."""

    floor: float
    ceiling: float
    chunks: int
    in_flight: int
    waiting: int


class Levels:
    """The levels of one pool. Only changes are kept, and of each step the most requests in flight and waiting."""

    def __init__(self) -> None:
        self._changes: deque[tuple[int, Level, Level]] = deque(maxlen=STEPS + 1)
        """The steps with a change: its number, its peak, and the level at its end."""

    def note(self, now: float, level: Level) -> None:
        """Set the level from `now` on; times never go back."""
        step = int(now // STEP_SECONDS)
        if not self._changes:
            self._changes.append((step, level, level))
            return
        last_step, peak, last = self._changes[-1]
        if level == last:
            return
        if step == last_step:
            self._changes[-1] = (step, _peak(peak, level), level)
        else:
            self._changes.append((step, _peak(last, level), level))

    def steps(self, first: int, count: int) -> list[Level | None]:
        """Return the level in each of `count` steps from step `first`; None before the pool existed."""
        shown: list[Level | None] = []
        changes = iter(self._changes)
        change = next(changes, None)
        held: Level | None = None
        for step in range(first, first + count):
            while change is not None and change[0] < step:
                held, change = change[2], next(changes, None)
            shown.append(change[1] if change is not None and change[0] == step else held)
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


def _peak(before: Level, level: Level) -> Level:
    return replace(
        level,
        in_flight=max(before.in_flight, level.in_flight),
        waiting=max(before.waiting, level.waiting),
    )
