"""The cost of an endpoint's floor and ceiling at the user's own prices; none are built in.

A band is billed by usage between its floor and its ceiling, so its cost is a range. Burst beyond the requested model
units is not included.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bandplan.report.endpoint_side import Side
from bandplan.wire.capacity import priced_amounts
from bandplan.wire.prices import HOURS_PER_MONTH, Price, PriceList

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    """Cost per hour of the floor and of the ceiling, in the currency of the prices."""

    floor: Decimal = ZERO
    ceiling: Decimal = ZERO

    def __add__(self, other: "Money") -> "Money":
        return Money(self.floor + other.floor, self.ceiling + other.ceiling)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.floor - other.floor, self.ceiling - other.ceiling)

    @property
    def per_month(self) -> "Money":
        return Money(self.floor * HOURS_PER_MONTH, self.ceiling * HOURS_PER_MONTH)


NOTHING: Final = Money()


@dataclass(frozen=True)
class Prices:
    """A price file. `source` is the user's own remark, such as the date of a price list."""

    file: str
    listed: PriceList
    source: str = ""

    @property
    def currency(self) -> str:
        return self.listed.currency

    @property
    def prices(self) -> tuple[Price, ...]:
        """The prices in the order of the file."""
        return self.listed.prices

    def of_endpoint(self, capacity: Side) -> Money | None:
        """Return the endpoint's cost; None if an entity has no price or no known size yet."""
        whole = NOTHING
        for entity in capacity.entities:
            cost = self.listed.cost(entity.model, capacity.family, priced_amounts(entity))
            if cost is None:
                return None
            whole += Money(*cost)
        return whole


def money_change(before: Money | None, after: Money | None) -> Money | None:
    """Return the difference; None if one of the costs is unknown."""
    return None if before is None or after is None else after - before
