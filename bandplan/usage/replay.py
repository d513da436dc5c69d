"""Observed minutes of about one level, as a trace for the planner to replay. Pure.

Each is replayed with the minutes before it, so that it does not meet an endpoint at rest, and with a pause after it;
only its own requests are judged.
"""

import math
from dataclasses import dataclass
from random import Random
from typing import Final

from bandplan.counted import counted
from bandplan.planner.load import Shape, Trace
from bandplan.usage.window import ROUNDED, Window

NEAR: Final = 0.05
"""How far the level of a minute may be from the one that is asked for, as a part of it. Ours."""

LEAD_MINUTES: Final = 2
PAUSE_SECONDS: Final = 300.0
"""Minutes before each one, and the pause after it, in which the endpoint comes to rest. Ours."""

ENOUGH_REQUESTS: Final = 1_000
"""Judged requests from which on no further minute is replayed: 50 of them are beyond p95. Ours."""

MOST_REQUESTS: Final = 20_000
"""Requests of a replay, with those that lead in: more are not simulated, except those of one busy minute. Ours."""


@dataclass(frozen=True, slots=True)
class Replay:
    """`trace` has the requests of `minutes` minutes, and before each those that led into it; `requests` are judged."""

    trace: Trace
    minutes: int
    requests: int

    def __str__(self) -> str:
        return f"{self.requests:,} requests of {counted(self.minutes, 'minute')} replayed"


@dataclass(frozen=True, slots=True)
class NoReplay:
    """Why there is nothing to replay."""

    reason: str

    def __str__(self) -> str:
        return f"simulated from mean and spread: {self.reason}"


def replay_of(window: Window, tokens_per_second: float, percentile: float) -> Replay | NoReplay:
    """Return the minutes whose level is nearest to `tokens_per_second`, enough of them to judge `percentile`."""
    kept = window.arrivals
    if kept is None or not window.tokened:
        return NoReplay("no rows with tokens")
    busy = window.minutes.values()
    first, total = sum(one.seconds[0] for one in busy), sum(sum(one.seconds) for one in busy)
    if first > ROUNDED * total:
        return NoReplay("the times of the rows are rounded to minutes")
    near = [
        (abs(level - tokens_per_second), minute)
        for minute, level in window.levels.items()
        if minute in kept and abs(level - tokens_per_second) <= NEAR * tokens_per_second
    ]
    if not near:
        return NoReplay(f"no minute is within {NEAR:.0%} of the level")
    times: list[float] = []
    shapes: list[Shape] = []
    judged: list[int] = []
    random, mean = Random("observed seconds"), Shape(round(window.input_tokens), round(window.output_tokens))
    start, minutes = 0.0, 0
    for _, minute in sorted(near):
        before = range(max(window.start, minute - LEAD_MINUTES), minute)
        found = []
        for one in (*before, minute):
            for second, given, made in kept.of(one):
                exact = second + random.random() if kept.is_whole_seconds else second
                shape = mean if given is None or made is None else Shape(given, made)
                found.append((60 * (one - minute + LEAD_MINUTES) + exact, one == minute, shape))
        if minutes and len(times) + len(found) > MOST_REQUESTS:
            break
        for second, is_judged, shape in sorted(found, key=lambda one: one[0]):
            if is_judged:
                judged.append(len(times))
            times.append(start + second)
            shapes.append(shape)
        start += 60 * (LEAD_MINUTES + 1) + PAUSE_SECONDS
        minutes += 1
        if len(judged) >= ENOUGH_REQUESTS:
            break
    least = least_requests(percentile)
    if len(judged) < least:
        few = f"{len(judged):,} requests of minutes within {NEAR:.0%} of the level; p{percentile:g} takes {least:,}"
        return NoReplay(f"only {few}")
    begin = times[0]
    return Replay(Trace(tuple(at - begin for at in times), tuple(shapes), tuple(judged)), minutes, len(judged))


def least_requests(percentile: float) -> int:
    """Return the requests from which on the largest one bounds the percentile with 95%: 59 for p95, 299 for p99."""
    return math.ceil(math.log(0.05) / math.log(min(percentile, 99.99) / 100))
