"""A window of minutes of one endpoint: how busy each was, what is missing, and whether the load stayed the same. Pure.

Times are whole minutes since 1970. The level of a minute is the tokens/s of the requests that began in it, input and
output together; requests that were answered without token counts weigh as the mean of the others.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from bandplan.planner.rank import nearest_rank
from bandplan.usage.arrivals import Arrivals
from bandplan.usage.observed import Minute, Observed
from bandplan.usage.scrape import Scrape

DAY: Final = 24 * 60

LATE_MINUTES: Final = 6 * 60
"""How late rows may be before they count as missing. Ours: nothing is published."""

ROUNDED: Final = 0.9
"""Share of requests in the first second of their minute from which on times are taken for rounded to minutes. Ours."""

BURSTY_FROM: Final = 2.0
"""Variance over mean of the requests of a second from which on arrivals are bursty: between Poisson's 1 and the 4 of
the planner's bursty arrivals. Ours."""


@dataclass(frozen=True)
class Window:
    """The minutes from `start` up to, not including, `end`. `levels` is tokens/s by known minute; gaps have none.

    `watched_from` is the first minute of the metrics export, None without one: before it, and without it, minutes
    without rows count as idle. Up to `settled`, rows of all requests should be there. `exported` are the export's
    minutes, `minutes` those of the rows; `arrivals` has single requests, of some minutes outside the window too.
    """

    start: int
    end: int
    levels: Mapping[int, float]
    minutes: Mapping[int, Minute]
    exported: Mapping[int, Scrape]
    watched_from: int | None
    settled: int
    latencies: Sequence[float]
    ttfts: Sequence[float]
    arrivals: Arrivals | None = None

    @property
    def samples(self) -> int:
        """Known minutes."""
        return len(self.levels)

    @property
    def days(self) -> float:
        return (self.end - self.start) / DAY

    @property
    def gap_percent(self) -> float | None:
        """Share of minutes that are not known; None without an export, which alone tells idle from unknown."""
        if self.watched_from is None:
            return None
        known = sum(minute >= self.watched_from for minute in self.levels)
        return 100 * (1 - known / self.watched_minutes)

    @property
    def watched_minutes(self) -> int:
        """Minutes from the first one of the metrics export on; 0 without one."""
        return 0 if self.watched_from is None else self.end - self.watched_from

    @cached_property
    def total(self) -> Minute:
        """Sums over all minutes; its `seconds` are empty."""
        found = Minute()
        for one in self.minutes.values():
            found.requests += one.requests
            found.answered += one.answered
            found.untokened += one.untokened
            found.refused += one.refused
            found.failed += one.failed
            found.input_tokens += one.input_tokens
            found.output_tokens += one.output_tokens
            found.input_squares += one.input_squares
            found.output_squares += one.output_squares
        return found

    @property
    def tokened(self) -> int:
        """Answered requests with token counts."""
        return self.total.answered - self.total.untokened

    @property
    def untokened_percent(self) -> float:
        """Share of answered requests without token counts."""
        return 100 * self.total.untokened / self.total.answered if self.total.answered else 0.0

    @property
    def input_tokens(self) -> float:
        """Mean input tokens of a request."""
        return self.total.input_tokens / self.tokened if self.tokened else 0.0

    @property
    def output_tokens(self) -> float:
        """Mean output tokens of a request."""
        return self.total.output_tokens / self.tokened if self.tokened else 0.0

    @property
    def spread_percent(self) -> float:
        """Standard deviation of the lengths in percent of their mean: the larger one of input and output."""
        pairs = ((self.input_tokens, self.total.input_squares), (self.output_tokens, self.total.output_squares))
        return max(100 * _deviation(mean, squares, self.tokened) / mean if mean else 0.0 for mean, squares in pairs)

    @cached_property
    def _sorted(self) -> list[float]:
        return sorted(self.levels.values())

    def level(self, percent: float) -> float:
        """Return the tokens/s that `percent` percent of the known minutes do not exceed: an order statistic."""
        return percentile(self._sorted, percent)

    @property
    def mean(self) -> float:
        """Mean tokens/s of the known minutes."""
        return sum(self._sorted) / len(self._sorted) if self._sorted else 0.0

    @cached_property
    def dispersion(self) -> float | None:
        """Variance over mean of the requests of a second, in the busier half of the minutes; None if not known.

        A Poisson process has 1. The mean is that of each minute, so that busy and quiet hours do not count as bursts.
        """
        busy = sorted(self.minutes.values(), key=lambda one: one.requests)[len(self.minutes) // 2 :]
        requests = sum(sum(one.seconds) for one in busy)
        if requests < 1_000 or sum(one.seconds[0] for one in busy) > ROUNDED * requests:
            return None
        squares = sum(sum(n * n for n in one.seconds) - sum(one.seconds) ** 2 / 60 for one in busy)
        return squares * 60 / 59 / requests

    def by_day(self) -> list[list[float]]:
        """Return the levels of each 24 hours, counted back from the end, the newest first; empty if not seen."""
        days: list[list[float]] = [[] for _ in range(math.ceil((self.end - self.start) / DAY))]
        for minute, level in self.levels.items():
            days[(self.end - 1 - minute) // DAY].append(level)
        return days

    def refused_since(self, minute: int) -> int:
        """Return the requests answered 429 from `minute` on."""
        return sum(one.refused for number, one in self.minutes.items() if number >= minute)

    @property
    def coverage_percent(self) -> float | None:
        """Rows in percent of the requests that the export counted, over the minutes that it has; None if it has few.

        The export counts a request in the minute in which it was answered, so some differ by one minute.
        """
        settled = {minute: one for minute, one in self.exported.items() if minute <= self.settled}
        counted = sum(one.requests for one in settled.values())
        if counted < 100:
            return None
        return 100 * sum(self.minutes[minute].requests for minute in settled if minute in self.minutes) / counted


def window_of(observed: Observed, exported: Mapping[int, Scrape], days: int, now: int) -> Window | None:
    """Return the last `days` of what is known at `now`; None if nothing is.

    A minute is known if it has rows, if the export counted no request in it, or, where there is no export yet, if it
    lies between the first and the last row.
    """
    rows = {minute: one for minute, one in observed.minutes.items() if minute <= now}
    idle = {minute for minute, one in exported.items() if not one.requests and minute <= now}
    if not rows and not idle:
        return None
    end = max([*rows, *idle]) + 1
    start = max(end - days * DAY, min([*rows, *idle]))
    rows = {minute: one for minute, one in rows.items() if minute >= start}
    seen = {minute: one for minute, one in exported.items() if start <= minute < end}
    watched_from = min(seen, default=None)
    known = {*rows, *(minute for minute in idle if minute >= start)}
    if rows:
        known.update(range(min(rows), end if watched_from is None else watched_from))
    total = sum(one.answered - one.untokened for one in rows.values())
    mean = sum(one.input_tokens + one.output_tokens for one in rows.values()) / total if total else 0.0
    levels = {minute: _level(rows[minute], mean) if minute in rows else 0.0 for minute in known}
    first_day, last_day = start // DAY, (end - 1) // DAY
    times = [one for day, of in observed.times.items() if first_day <= day <= last_day for one in of.kept]
    return Window(
        start,
        end,
        levels,
        rows,
        seen,
        watched_from,
        max([now - LATE_MINUTES, *rows]),
        sorted(latency for latency, _ in times),
        sorted(ttft for _, ttft in times if ttft is not None),
        observed.arrivals,
    )


def percentile(values: Sequence[float], percent: float) -> float:
    """Return the order statistic of sorted values: the smallest one that `percent` percent do not exceed; 0 of none."""
    return values[nearest_rank(len(values), percent)] if values else 0.0


def _level(minute: Minute, mean_tokens: float) -> float:
    return (minute.input_tokens + minute.output_tokens + minute.untokened * mean_tokens) / 60


def _deviation(mean: float, squares: float, count: int) -> float:
    return math.sqrt(max(0.0, squares / count - mean * mean)) if count else 0.0


def change_of(window: Window) -> tuple[float, float] | None:
    """Return (how much the newer half of the days differs from the older one, the spread of days within the halves).

    Both are in tokens/s, of the means of days; None with fewer than four days. Only whole days count, so that the hours
    of a day are no change.
    """
    whole = window.by_day()[: (window.end - window.start) // DAY]
    means = [sum(day) / len(day) for day in whole if day]
    if len(means) < 4:
        return None
    newer, older = means[: len(means) // 2], means[(len(means) + 1) // 2 :]
    centre = [sum(half) / len(half) for half in (newer, older)]
    squares = sum((one - middle) ** 2 for half, middle in zip((newer, older), centre, strict=True) for one in half)
    return centre[0] - centre[1], math.sqrt(squares / (len(newer) + len(older)))
