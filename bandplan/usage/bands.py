"""The bands that a window of use argues for, by the planner: lower, target and upper. Pure.

Each is for the tokens/s of a percentile of the minutes: minutes of that level are replayed, request by request, and for
the floor those of the mean level. The observed mean, lengths and spread, with arrivals that are bursty if the seconds
say so, are the same load in the words of a demand; they decide where nothing can be replayed.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Arrivals, Load, Shape
from bandplan.planner.plan import Plan, least_for_trace, plan
from bandplan.planner.target import Target
from bandplan.usage.replay import NoReplay, Replay, replay_of
from bandplan.usage.window import BURSTY_FROM, Window

LOWER_PERCENTILE: Final = 90.0
"""Percentile of the minutes for the lower band; the upper one holds the busiest minute. Ours."""

MOST_SPREAD: Final = 500.0
"""The planner's largest spread of lengths, in percent."""


@dataclass(frozen=True, slots=True)
class Band:
    """Steps of capacity: chunks, or increments of model units, of which `min` and `max` are then equal."""

    min: int
    max: int


@dataclass(frozen=True)
class Sized:
    """The band that holds `tokens_per_second`, which is that of `percentile` percent of the minutes.

    `plan` is the planner's answer to the load in the words of a demand; None if there was no request. `replay` says
    what the ceiling was replayed with, or why it is the plan's.
    """

    percentile: float
    tokens_per_second: float
    band: Band
    plan: Plan | None = None
    replay: Replay | NoReplay | None = None

    @property
    def requests_per_second(self) -> float:
        """The rate of requests at that percentile."""
        return (self.plan.peak.requests_per_second or 0.0) if self.plan is not None else 0.0


@dataclass(frozen=True, slots=True)
class Sizer:
    """How a window becomes a band: the model's capacity, the target of its entry, and the headroom in percent.

    `steady_percent` is the part of the level that a floor of chunks has to cover, as a policy may require; 0 for none.
    `cache_hit_percent` is declared: no table has it.
    """

    capacity: Capacity
    target: Target
    headroom_percent: float
    steady_percent: float = 0.0
    cache_hit_percent: float = 0.0

    def at(self, window: Window, percentile: float) -> Sized:
        """Size for a percentile of the minutes. Errors: NoCapacity."""
        return self.for_level(window, percentile, window.level(percentile))

    def for_level(self, window: Window, percentile: float, tokens_per_second: float) -> Sized:
        """Size for a level of tokens/s. Errors: NoCapacity."""
        tokens = window.input_tokens + window.output_tokens
        if not window.mean or not tokens:
            return Sized(percentile, tokens_per_second, Band(1, 1))
        load = load_of(window, self.cache_hit_percent)
        # The peak is at least the average, even if most minutes are idle.
        factor = max(1.0, tokens_per_second / window.mean)
        found = _planned(self.capacity, load, self.target, round(factor, 6), self.headroom_percent)
        low, high = found.floor_steps, found.ceiling_steps
        replay = replay_of(window, tokens_per_second, self.target.percentile)
        if isinstance(replay, Replay):
            high = self._replayed(replay, tokens_per_second, self.headroom_percent)
        if not self.capacity.is_range:
            return Sized(percentile, tokens_per_second, Band(high, high), found, replay)
        of_mean = replay_of(window, window.mean, self.target.percentile)
        if isinstance(of_mean, Replay):
            # Policies ask for the floor of the plan; a replay may only ask for more.
            low = max(low, self._replayed(of_mean, window.mean, 0.0))
        steady = math.ceil(round(tokens_per_second * self.steady_percent / 100 / self.capacity.increment, 9))
        return Sized(percentile, tokens_per_second, Band(min(high, max(low, steady)), high), found, replay)

    def _replayed(self, replay: Replay, tokens_per_second: float, headroom_percent: float) -> int:
        trace = replay.trace
        load = Load(trace.mean(), trace.requests_per_second, cache_hit_percent=self.cache_hit_percent, trace=trace)
        return least_for_trace(self.capacity, load, self.target, tokens_per_second, headroom_percent)


def load_of(window: Window, cache_hit_percent: float = 0.0) -> Load:
    """Return the window's average load."""
    shape = Shape(round(window.input_tokens, 3), round(window.output_tokens, 3))
    rate = window.mean / (window.input_tokens + window.output_tokens)
    return Load(
        shape,
        round(rate, 9),
        arrivals=arrivals_of(window),
        spread_percent=spread_of(window),
        cache_hit_percent=cache_hit_percent,
    )


def spread_of(window: Window) -> float:
    """Return the spread of lengths in whole percent."""
    return float(round(min(window.spread_percent, MOST_SPREAD)))


def arrivals_of(window: Window) -> Arrivals:
    """Return how requests arrive: bursty if the seconds of the busy minutes vary so; poisson if that is not known."""
    dispersion = window.dispersion
    return "bursty" if dispersion is not None and dispersion >= BURSTY_FROM else "poisson"


@lru_cache(maxsize=256)
def _planned(capacity: Capacity, load: Load, target: Target, peak_factor: float, headroom_percent: float) -> Plan:
    return plan(capacity, load, target, peak_factor=peak_factor, headroom_percent=headroom_percent).without_runs()
