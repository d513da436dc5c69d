"""Changes too small to report: `--quiet-below tokens_per_second=1000,model_units=10,money=5,percent=5`.

Money is per hour; percent is relative to the size before. A change is quiet if every measurable part of it is measured
by a threshold and is below every threshold that measures it, upwards and downwards alike. Only a change of capacity can
be quiet: never a version, a share of the traffic, burst, or a new, replaced or deleted endpoint.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Final

from bandplan.report.endpoint import EndpointChange
from bandplan.report.errors import BadInput
from bandplan.report.price import Money
from bandplan.report.totals import capacity_totals, moved_totals
from bandplan.wire.capacity import FIGURES, UNITS, Totals

NAMES: Final = (*(unit.key for unit in UNITS), "money", "percent")


@dataclass(frozen=True, slots=True)
class Thresholds:
    """The given thresholds, by the names in `NAMES`."""

    limits: Mapping[str, Decimal] = field(default_factory=dict)

    def is_quiet(self, change: EndpointChange, money: Money | None) -> bool:
        """Return whether the change is below the thresholds; `money` is its cost difference, None without a price."""
        if not self.limits or change.rollout.kind not in ("in_place", "same_capacity"):
            return False
        if change.other_versions or change.is_traffic_moved or change.is_burst_moved:
            return False
        before, difference = capacity_totals(change.before), moved_totals(change.before, change.after)
        limit = self.limits.get("money")
        measured_by_money = limit is not None and money is not None
        if limit is not None and money is not None and not _is_below(money, limit):
            return False
        return self._is_quiet_in(before, difference, measured_by_money)

    def _is_quiet_in(self, before: Totals, difference: Totals, is_measured: bool) -> bool:
        percent = self.limits.get("percent")
        limits = {unit.family: self.limits.get(unit.key) for unit in UNITS}
        for was, moved, figure in zip(before.parts, difference.parts, FIGURES, strict=True):
            limit = limits[figure.family]
            if moved == 0:
                continue
            if limit is None and percent is None and not is_measured:
                return False
            if limit is not None and abs(moved) >= limit:
                return False
            if percent is not None and (was == 0 or abs(moved) * 100 >= percent * was):
                return False
        return True


def parse_thresholds(text: str) -> Thresholds:
    """Parse comma-separated `name=number`.

    Errors: BadInput that names the problem.
    """
    given: dict[str, Decimal] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, number = part.partition("=")
        if name not in NAMES:
            names = ", ".join(NAMES)
            raise BadInput(f"--quiet-below {part}: unknown name; use one of {names}, as in tokens_per_second=1000")
        try:
            value = Decimal(number)
        except InvalidOperation:
            value = Decimal("NaN")
        if not value.is_finite() or value < 0:
            raise BadInput(f"--quiet-below {part}: {number or 'nothing'} is not a number of 0 or more")
        given[name] = value
    return Thresholds(given)


def _is_below(money: Money, limit: Decimal) -> bool:
    return abs(money.floor) < limit and abs(money.ceiling) < limit
