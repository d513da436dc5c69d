"""The bands that a window of use argues for, by the planner: lower, target and upper. Pure.

Each is planned for the tokens/s of a percentile of the minutes, with the observed mean as the load of the floor, the
observed lengths and their spread, and arrivals that are bursty if the seconds say so.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from bandplan.planner.capacity import Capacity
from bandplan.planner.load import Arrivals, Load, Shape
from bandplan.planner.plan import Plan, plan
from bandplan.planner.target import Target
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

    `plan` has the planner's evidence; None if there was no request.
    """

    percentile: float
    tokens_per_second: float
    band: Band
    plan: Plan | None = None

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
        if not self.capacity.is_range:
            return Sized(percentile, tokens_per_second, Band(high, high), found)
        steady = tokens_per_second * self.steady_percent / 100 / self.capacity.increment
        return Sized(percentile, tokens_per_second, Band(min(high, max(low, math.ceil(round(steady, 9)))), high), found)


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
    return plan(capacity, load, target, peak_factor=peak_factor, headroom_percent=headroom_percent)
