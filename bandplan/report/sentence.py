"""The first sentence of a report: what changes, in figures, as runs of plain and strong text."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from bandplan.report.number import amount, count, money, signed, signed_money, size
from bandplan.report.price import Money
from bandplan.report.totals import Summary
from bandplan.wire.capacity import UNITS, Totals
from bandplan.wire.prices import HOURS_PER_MONTH
from bandplan.wire.text import one_line

ARROW: Final = "→"
MOST_OF_A_TITLE: Final = 80


@dataclass(frozen=True, slots=True)
class Run:
    """A piece of a sentence; `is_foreign` if it comes from the input and must be escaped."""

    text: str
    is_strong: bool = False
    is_foreign: bool = False


def stack_sentence(title: str, stack: str, summary: Summary) -> tuple[Run, ...]:
    """Describe one stack: `prod changes 2 of 12 endpoints: floor ..., ceiling ..., model units ..., money ...`.

    The stack's own name is added if the user's title does not contain it.
    """
    name = Run(one_line(title, MOST_OF_A_TITLE), is_strong=True, is_foreign=True)
    own = f" (stack {one_line(stack, MOST_OF_A_TITLE)})" if stack and stack not in title else ""
    return tuple(_stack((name, Run(own, is_foreign=True)) if own else (name,), summary))


def whole_sentence(stacks: int, summary: Summary) -> tuple[Run, ...]:
    """Describe all stacks of a report together."""
    name = f"{'all' if summary.status == 'unchanged' else 'All'} {stacks} stacks"
    return tuple(_stack((Run(name, is_strong=True),), summary, is_plural=True))


def _stack(subject: tuple[Run, ...], summary: Summary, is_plural: bool = False) -> Iterator[Run]:
    verb = "change" if is_plural else "changes"
    match summary.status:
        case "failed" if summary.is_refused:
            yield from subject
            yield Run(": nothing was deployed.")
            return
        case "failed":
            yield from subject
            yield Run(": the preview failed, so this report may be incomplete")
            if not summary.changed:
                yield Run(".")
                return
            yield Run(". ")
        case "unchanged":
            yield Run("Nothing changes in ")
            yield from subject
            yield Run(_standing(summary))
            yield from _unknown_sizes(summary)
            yield Run(".")
            return
        case "quiet":
            yield from subject
            yield Run(f" {verb} by less than the thresholds: ")
        case "changed" | "blocked":
            yield from subject
            yield Run(f" {verb} ")
            if summary.changed:
                yield Run(_how_many(summary))
                yield Run(": ")
            else:
                yield Run("no endpoint: ")
    yield from _figures(summary)
    yield Run(".")


def _how_many(summary: Summary) -> str:
    if summary.endpoints is None or summary.endpoints < summary.changed:
        return count(summary.changed, "endpoint")
    return f"{summary.changed:,} of {count(summary.endpoints, 'endpoint')}"


def _standing(summary: Summary) -> str:
    """Format (12 endpoints, 14,550 to 36,570 tokens/s, 150 model units)."""
    parts = [count(summary.endpoints, "endpoint")] if summary.endpoints is not None else []
    if summary.before is not None:
        parts += _capacity(summary.before)
    return f" ({', '.join(parts)})" if parts else ""


def _capacity(totals: Totals) -> list[str]:
    amounts = ((unit, *unit.of(totals)) for unit in UNITS)
    return [size(unit, low or 0, high) for unit, low, high in amounts if high]


def _figures(summary: Summary) -> Iterator[Run]:
    if not any(summary.change.parts):
        standing = [] if summary.after is None else _capacity(summary.after)
        yield Run("no change in capacity" + (f" ({', '.join(standing)})" if standing else ""))
    else:
        before, after = summary.before, summary.after
        parts = []
        for unit in UNITS:
            is_moved = any(unit.of(summary.change))
            if is_moved or (unit.is_range and after is not None and unit.of(after)[1]):
                label = f" {unit.label}" if unit.is_range else ""
                for figure in dict.fromkeys((unit.low, unit.high)):
                    was, will_be = (None if one is None else getattr(one, figure.name) for one in (before, after))
                    parts.append(_figure(figure.title, label, was, will_be, getattr(summary.change, figure.name)))
        for number, part in enumerate(parts):
            if number:
                yield Run(", ")
            yield from part
    if summary.money is not None:
        yield from _money(summary.money, summary.currency)
    if summary.unpriced:
        yield Run(f", {count(summary.unpriced, 'endpoint')} without a price")
    yield from _unknown_sizes(summary)
    if summary.is_outdated:
        yield Run("; totals unknown because the last deployment may not have finished: preview with --show-sames")


def _unknown_sizes(summary: Summary) -> Iterator[Run]:
    """Count endpoints of unknown size. If the sums are not shown, an endpoint that is equal in both is in no figure."""
    is_in_sums = summary.before is not None
    uncounted = summary.unsized if is_in_sums else summary.unsized + summary.unmoved
    if uncounted:
        yield Run(f"; {count(uncounted, 'endpoint')} not counted because a size is not known yet")
    if summary.unmoved and is_in_sums:
        yield Run(f"; {count(summary.unmoved, 'endpoint')} counted as unchanged because a size is not known yet")


def _figure(name: str, unit: str, before: int | None, after: int | None, moved: int) -> list[Run]:
    if before is None or after is None:
        return [Run(f"{name} "), Run(f"{signed(moved)}{unit}", True)]
    if moved == 0:
        return [Run(f"{name} {amount(after)}{unit} (±0)")]
    return [Run(f"{name} {amount(before)} {ARROW} {amount(after)}{unit} ("), Run(signed(moved), True), Run(")")]


def _money(change: Money, currency: str) -> list[Run]:
    month = change.per_month
    return [
        Run(", money "),
        Run(f"{money_range(change)} {currency} per hour", True),
        Run(f" from floor to ceiling ({money_range(month)} per month of {HOURS_PER_MONTH} h)"),
    ]


def money_range(change: Money) -> str:
    """Format a difference from floor to ceiling: `±0 to +12.00`."""
    if change.floor == change.ceiling:
        return signed_money(change.floor)
    return f"{signed_money(change.floor)} to {signed_money(change.ceiling)}"


def money_span(cost: Money) -> str:
    """Format a cost from floor to ceiling: `12.00 to 24.00`."""
    if cost.floor == cost.ceiling:
        return money(cost.floor)
    return f"{money(cost.floor)} to {money(cost.ceiling)}"
