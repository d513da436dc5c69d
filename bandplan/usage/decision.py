"""Whether a band changes: up at once, down slowly, and a reason for everything, holding still included. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from bandplan.counted import counted
from bandplan.usage.bands import Band, Sized
from bandplan.usage.reason import Code, Reason
from bandplan.usage.window import DAY, Window, percentile

Action = Literal["up", "down", "hold", "abstain"]

DOWN_DAYS: Final = 7
"""Whole days in a row for which use has to be lower before a band is lowered; also the days between two such steps."""

MOST_DOWN: Final = 0.3
"""Largest part of a bound that one step takes away; one chunk where that is less than a chunk."""

LEAST_DAY_SAMPLES: Final = DAY // 2
"""Known minutes without which a day does not count as lower. Ours."""


@dataclass(frozen=True)
class Today:
    """What is deployed, and what its entry says: `never_below` (steps of the ceiling), open waivers in words.

    `is_single`: one amount is sold, which is both bounds. `least_floor` is what a policy asks of the floor for the
    declared demand. `changed` is the minute since 1970 from which on the band is this one, None if no other is known.
    `seen` is the first minute at which Git has it, changed or not, None if that is long ago; `is_cut` says that what
    was before is not known. `slow` says that observed latencies miss the target, `failing` that many requests failed;
    both are "" otherwise.
    """

    band: Band
    is_single: bool = False
    least_floor: int = 0
    never_below: int | None = None
    waivers: tuple[str, ...] = ()
    changed: int | None = None
    seen: int | None = None
    is_cut: bool = False
    slow: str = ""
    failing: str = ""

    def fitted(self, band: Band) -> Band:
        """Return the band in the form of today's: one amount is both bounds, and a floor of 0 is the owner's choice."""
        if self.is_single:
            return Band(band.max, band.max)
        return Band(0, band.max) if self.band.min == 0 else band


@dataclass(frozen=True)
class Decision:
    """`band` is the one to write, None if nothing changes.

    `sized` is the use that its ceiling is worked out from; None if a limit or refusals decide the ceiling instead.
    """

    action: Action
    reasons: tuple[Reason, ...]
    band: Band | None = None
    sized: Sized | None = None


def lasting_level(window: Window, percent: float) -> float | None:
    """Return the highest level of the last days, each at `percent` of its minutes; None if a day is not known well."""
    days = window.by_day()[:DOWN_DAYS]
    if len(days) < DOWN_DAYS or min(map(len, days)) < LEAST_DAY_SAMPLES:
        return None
    return max(percentile(sorted(day), percent) for day in days)


def decide(
    today: Today,
    target: Sized | None,
    lasting: Sized | None,
    shortcomings: Sequence[Reason],
    refused: int,
    now: int,
    *,
    minimum_change_percent: float,
) -> Decision:
    """Decide on one endpoint.

    `target` is the band for the window; None if it could not be sized. `lasting` is the band for the highest of the
    last days; None if they are not known well. `refused` counts requests answered 429 since the band is this one; it
    argues up even if the window is too thin for anything else, unless it is too old.
    """
    is_old = any(reason.code is Code.OLD for reason in shortcomings)
    if shortcomings and (not refused or is_old):
        return Decision("abstain", tuple(shortcomings))
    if refused:
        return _for_refusals(today, None if shortcomings else target, tuple(shortcomings), refused)
    assert target is not None
    wanted = today.fitted(target.band)
    raised = Band(max(today.band.min, wanted.min), max(today.band.max, wanted.max))
    if raised != today.band:
        return _up(today, target, raised, minimum_change_percent)
    if wanted == today.band:
        return Decision("hold", (Reason(Code.FITS, "the band fits the use"),))
    return _down(today, target, lasting, now, minimum_change_percent)


def _for_refusals(today: Today, target: Sized | None, thin: tuple[Reason, ...], refused: int) -> Decision:
    low, high = today.band.min, today.band.max + 1
    if target is not None:
        low, high = max(low, target.band.min), max(high, target.band.max)
    since = "in the window" if today.changed is None else "since the band was changed"
    verb, cause = ("was", "it comes") if refused == 1 else ("were", "they come")
    told = (
        f"{counted(refused, 'request')} {verb} answered 429 {since}; if {cause} from a rate limit or a quota "
        "of the workspace, have that raised instead"
    )
    sized = target if target is not None and target.band.max >= high else None
    return Decision("up", (Reason(Code.REFUSALS, told), *thin), today.fitted(Band(low, high)), sized)


def _up(today: Today, target: Sized, band: Band, minimum_change_percent: float) -> Decision:
    reasons = []
    if band.max > today.band.max:
        told = f"the ceiling is below the {_use(target)}"
        reasons.append(Reason(Code.CEILING_BELOW_USE, told))
    if band.min > today.band.min:
        told = "the floor is below the average load, or below what a policy asks of a floor"
        reasons.append(Reason(Code.FLOOR_BELOW_USE, told))
    if _is_small(today.band, band, minimum_change_percent):
        told = f"the change is under {minimum_change_percent:g}%"
        return Decision("hold", (Reason(Code.MINIMUM_CHANGE, told), *reasons))
    return Decision("up", tuple(reasons), band, target if band.max == target.band.max else None)


def _down(today: Today, target: Sized, lasting: Sized | None, now: int, minimum_change_percent: float) -> Decision:
    above = Reason(Code.ABOVE_USE, f"the band is above the {_use(target)}")
    if today.waivers:
        return Decision("hold", (Reason(Code.WAIVER, "; ".join(today.waivers)), above))
    if today.slow:
        return Decision("hold", (Reason(Code.SLOW, today.slow), above))
    if today.failing:
        return Decision("hold", (Reason(Code.FAILURES, today.failing), above))
    since = max(today.changed or 0, today.seen or 0)
    if now - since < DOWN_DAYS * DAY:
        return Decision("hold", (Reason(Code.RECENTLY_CHANGED, _young(today, since, now)), above))
    if lasting is None:
        told = f"not each of the last {DOWN_DAYS} days is known for at least half of its minutes"
        return Decision("hold", (Reason(Code.NOT_LONG_ENOUGH, told), above))
    lowest = today.fitted(Band(max(target.band.min, lasting.band.min), max(target.band.max, lasting.band.max)))
    wanted = Band(min(today.band.min, lowest.min), min(today.band.max, lowest.max))
    if wanted == today.band:
        told = f"at least one of the last {DOWN_DAYS} days needed the band: {lasting.tokens_per_second:,.0f} tokens/s"
        return Decision("hold", (Reason(Code.NOT_LONG_ENOUGH, told), above))
    busiest = max(target, lasting, key=lambda one: one.band.max)
    return _lowered(today, wanted, busiest, above, minimum_change_percent)


def _young(today: Today, since: int, now: int) -> str:
    days = (now - since) / DAY
    if today.is_cut and since != today.changed:
        return (
            f"Git shows the band for {days:.1f} days and not what was before, {DOWN_DAYS} are needed before it is "
            "lowered; if the clone is shallow, run `git fetch --unshallow`"
        )
    return f"the band is {days:.1f} days old, {DOWN_DAYS} are needed before it is lowered"


def _lowered(today: Today, wanted: Band, use: Sized, above: Reason, minimum_change_percent: float) -> Decision:
    """Take one step towards `wanted`, whose ceiling is that of `use`."""
    reasons = [above]
    least = today.never_below or 0
    bounded = wanted
    if wanted.max < least:
        bounded = today.fitted(Band(wanted.min, min(today.band.max, least)))
        reasons.append(Reason(Code.NEVER_BELOW, f"never_below keeps the ceiling at {bounded.max}"))
    band = Band(_step_down(today.band.min, bounded.min), _step_down(today.band.max, bounded.max))
    is_limited = band != bounded
    # The demand is replaced with the last step of the ceiling; until then, policies judge by the declared one.
    held = min(today.band.min, today.least_floor)
    if band.max != wanted.max and band.min < held and not today.is_single:
        band = Band(held, band.max)
        told = f"a policy asks for a floor of {today.least_floor} until the last step replaces the declared demand"
        reasons.append(Reason(Code.DECLARED_DEMAND, told))
    if band == today.band:
        return Decision("hold", tuple(reasons[1:] + reasons[:1]))
    if is_limited:
        told = f"one step takes at most {MOST_DOWN:.0%} of a bound, or one chunk"
        reasons.append(Reason(Code.STEP_LIMIT, told))
    if _is_small(today.band, band, minimum_change_percent):
        told = f"the change is under {minimum_change_percent:g}%"
        return Decision("hold", (Reason(Code.MINIMUM_CHANGE, told), *reasons))
    return Decision("down", tuple(reasons), band, use if band.max == wanted.max else None)


def _step_down(now: int, wanted: int) -> int:
    """Return the bound after one step: not below `wanted`, and at most 30% or one chunk lower."""
    if wanted >= now:
        return now
    return max(wanted, min(now - 1, math.ceil(now * (1 - MOST_DOWN))))


def _is_small(now: Band, band: Band, percent: float) -> bool:
    """Whether neither bound changes by `percent` of itself; a bound of 0 that changes does."""
    pairs = ((now.min, band.min), (now.max, band.max))
    return all(abs(new - old) * 100 < percent * old if new != old else True for old, new in pairs)


def _use(target: Sized) -> str:
    return f"{target.tokens_per_second:,.0f} tokens/s of percentile {target.percentile:g} of the minutes, with headroom"
