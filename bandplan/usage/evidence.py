"""Whether a window is evidence: every reason to abstain, by the thresholds of the policy observed-use. Pure."""

import math
from dataclasses import dataclass
from typing import Final

from bandplan.usage.reason import Code, Reason
from bandplan.usage.window import DAY, Window, change_of

MOST_UNTOKENED_PERCENT: Final = 10.0
"""Answered requests without token counts, beyond which their mean is not assumed. Ours."""

LEAST_COVERAGE_PERCENT: Final = 90.0
"""Rows in percent of the requests that the metrics export counted, below which rows are missing. Ours."""

SPREADS: Final = 2.0
"""How many spreads of the days two halves of a window may differ by. Ours."""

LEAST_CHANGE: Final = 0.1
"""Part of the mean that a change of the load has at least; a quieter change is none. Ours."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Properties of the policy observed-use, in its own words; the defaults are its own."""

    minimum_samples: int = 1000
    minimum_days: int = 7
    minimum_percentile: float = 95
    maximum_age_days: float = 30


def shortcomings(
    window: Window | None, thresholds: Thresholds, percentile: float, now: int, *, has_rows: bool
) -> list[Reason]:
    """Return every reason not to judge by this window; `now` is in minutes since 1970."""
    if window is None:
        if has_rows:
            return [Reason(Code.NO_DATA, "the usage file has no request of it")]
        return [Reason(Code.NO_DATA, "nothing is known about its use; give --usage FILE")]
    found = []
    if window.total.requests and not window.tokened:
        found.append(Reason(Code.NO_TOKENS, "no row has token counts; turn usage tracking on"))
    elif not window.total.requests and any(one.requests for one in window.exported.values()):
        found.append(
            Reason(Code.NO_TOKENS, "the metrics export counts requests, but tokens are unknown; give --usage FILE")
        )
    elif window.untokened_percent > MOST_UNTOKENED_PERCENT:
        found.append(
            Reason(
                Code.NO_TOKENS,
                f"{window.untokened_percent:.0f}% of the answered requests have no token counts, at most "
                f"{MOST_UNTOKENED_PERCENT:.0f}% are accepted",
            )
        )
    coverage = window.coverage_percent
    if coverage is not None and coverage < LEAST_COVERAGE_PERCENT and window.total.requests:
        found.append(
            Reason(
                Code.ROWS_MISSING,
                f"the usage file has {coverage:.0f}% of the requests that the metrics export counted in the same "
                f"minutes, at least {LEAST_COVERAGE_PERCENT:.0f}% are required",
            )
        )
    if window.samples < thresholds.minimum_samples:
        told = f"{window.samples:,} of the {thresholds.minimum_samples:,} minutes required"
        found.append(Reason(Code.FEW_SAMPLES, told))
    if window.days < thresholds.minimum_days:
        told = f"{math.floor(window.days * 10) / 10:.1f} of the {thresholds.minimum_days:g} days required"
        found.append(Reason(Code.SHORT_WINDOW, told))
    if percentile < thresholds.minimum_percentile:
        told = f"percentile {percentile:g}, not {thresholds.minimum_percentile:g}"
        found.append(Reason(Code.LOW_PERCENTILE, told))
    age = (now - window.end) / DAY
    if age > thresholds.maximum_age_days:
        told = f"the last minute is {age:.0f} days old, {thresholds.maximum_age_days:g} are allowed"
        found.append(Reason(Code.OLD, told))
    return found + _changed(window)


def _changed(window: Window) -> list[Reason]:
    change = change_of(window)
    if change is None:
        return []
    difference, spread = change
    if abs(difference) <= max(SPREADS * spread, LEAST_CHANGE * window.mean):
        return []
    way = "rose" if difference > 0 else "fell"
    told = (
        f"the load {way} by {abs(difference):,.0f} tokens/s from the first half of the days to the second, more than "
        f"{SPREADS:g} spreads of {spread:,.0f}; wait until one load fills the window, or give a shorter one with --days"
    )
    return [Reason(Code.LOAD_CHANGED, told)]
