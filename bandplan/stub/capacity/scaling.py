"""When chunks are added and removed. The platform scales by utilisation; the numbers here are our settings."""

import math
from dataclasses import dataclass
from enum import Enum, auto

from bandplan.stub.capacity.settings import Settings
from bandplan.stub.capacity.usage import Usage


class Step(Enum):
    """The change to make to the number of chunks."""

    STAY = auto()
    ADD = auto()
    REMOVE = auto()


@dataclass(frozen=True, slots=True)
class Situation:
    """Running and starting chunks, waiting requests and requests in flight; `changed` is when the number of chunks last
    changed, `idle_since` when the last request ended.
    """

    running: int
    starting: int
    lowest: int
    highest: int
    waiting: int
    in_flight: int
    changed: float
    idle_since: float | None

    @property
    def may_grow(self) -> bool:
        return not self.starting and self.running < self.highest

    @property
    def may_shrink(self) -> bool:
        """Whether a chunk may be removed for lack of work; the last one is removed only after a long idle time."""
        return self.running > max(self.lowest, 1)

    @property
    def may_stop(self) -> bool:
        return self.running == 1 and self.lowest == 0 and self.idle_since is not None


def decide(now: float, at: Situation, usage: Usage, settings: Settings) -> Step:
    """Decide whether to add or remove a chunk at `now`."""
    if at.may_grow and settings.starts_chunks:
        if at.waiting:
            return Step.ADD
        is_long_enough = now >= at.changed + settings.scale_out_seconds
        if is_long_enough and _percent(usage, now, settings.scale_out_seconds) > settings.scale_out_percent:
            return Step.ADD
    if at.waiting or at.starting:
        return Step.STAY
    if at.may_shrink and now >= at.changed + settings.scale_in_seconds:
        return Step.REMOVE if _percent(usage, now, settings.scale_in_seconds) < settings.scale_in_percent else Step.STAY
    if at.may_stop and at.idle_since is not None and now >= at.idle_since + settings.idle_seconds:
        return Step.REMOVE
    return Step.STAY


def next_look(now: float, at: Situation, settings: Settings) -> float | None:
    """Return when `decide` may next decide differently, unless a request comes or goes before then.

    None means never. Utilisation is checked on whole seconds.
    """
    times = []
    if at.may_grow and settings.starts_chunks and at.in_flight:
        times.append(_second_after(now, at.changed + settings.scale_out_seconds))
    if at.waiting or at.starting:
        return min(times, default=None)
    if at.may_shrink:
        times.append(_second_after(now, at.changed + settings.scale_in_seconds))
    if at.may_stop and at.idle_since is not None:
        times.append(max(now, at.idle_since + settings.idle_seconds))
    return min(times, default=None)


def _second_after(now: float, earliest: float) -> float:
    return float(max(math.floor(now) + 1, math.ceil(earliest)))


def _percent(usage: Usage, now: float, seconds: float) -> float:
    return 100 * usage.utilisation(now, math.ceil(seconds))
