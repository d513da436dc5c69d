"""Sums of one or several stacks before and after: the figures of a report's first sentence."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import reduce
from typing import Final, Literal

from bandplan.report.endpoint_side import Side
from bandplan.report.price import Money
from bandplan.wire.capacity import Totals, figures_of

NOTHING: Final = Totals()

Status = Literal["unchanged", "quiet", "changed", "blocked", "failed"]
"""The outcome of a preview. quiet: changed by less than the thresholds; blocked: a mandatory policy is violated;
failed: the plan is incomplete.
"""


def capacity_totals(capacity: Side | None) -> Totals:
    """Return the known figures of one endpoint; zero for None."""
    if capacity is None:
        return Totals()
    return Totals(*(amount or 0 for amount in figures_of(capacity).values()))


def moved_totals(before: Side | None, after: Side | None) -> Totals:
    """Return by how much an endpoint changes; zero while one of its sizes is unknown."""
    if any(side is not None and not side.is_sized for side in (before, after)):
        return Totals()
    return capacity_totals(after) - capacity_totals(before)


@dataclass(frozen=True, slots=True)
class Summary:
    """One or several stacks in figures.

    `before` is None if the preview does not state it; `money` is None without prices. `unpriced` counts changed
    endpoints of unknown cost, `unsized` those without any known size, which are in no sum, and `unmoved` those with one
    known size, which is in both sums.
    """

    status: Status
    changed: int = 0
    endpoints: int | None = None
    before: Totals | None = NOTHING
    change: Totals = NOTHING
    money: Money | None = None
    currency: str = ""
    unpriced: int = 0
    unsized: int = 0
    unmoved: int = 0
    is_refused: bool = False
    """Whether a deployment did nothing because its plan differed from what was reviewed."""
    is_outdated: bool = False
    """Whether `before` is None because the stack's outputs may be older than the endpoints."""

    @property
    def after(self) -> Totals | None:
        return None if self.before is None else self.before + self.change


_WORST: tuple[Status, ...] = ("unchanged", "quiet", "changed", "blocked", "failed")


def together(summaries: Iterable[Summary]) -> Summary:
    """Add up all summaries; money only if all that have some use one currency."""
    return reduce(_joined, summaries)


def _joined(one: Summary, other: Summary) -> Summary:
    currencies = {summary.currency for summary in (one, other) if summary.money is not None}
    money = None
    if len(currencies) == 1 and one.currency != _MIXED != other.currency:
        money = (one.money or Money()) + (other.money or Money())
    return replace(
        one,
        status=max(one.status, other.status, key=_WORST.index),
        changed=one.changed + other.changed,
        endpoints=None if one.endpoints is None or other.endpoints is None else one.endpoints + other.endpoints,
        before=None if one.before is None or other.before is None else one.before + other.before,
        change=one.change + other.change,
        money=money,
        currency=currencies.pop() if len(currencies) == 1 else _MIXED if currencies else "",
        unpriced=one.unpriced + other.unpriced,
        unsized=one.unsized + other.unsized,
        unmoved=one.unmoved + other.unmoved,
        is_outdated=one.is_outdated or other.is_outdated,
    )


_MIXED = "?"


def decimal_text(value: Decimal) -> str:
    """Format to a hundred-thousandth, without an exponent or trailing zeros: precise enough for a price per hour."""
    text = f"{value:.5f}".rstrip("0").rstrip(".")
    return "0" if text == "-0" else text
