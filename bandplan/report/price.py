"""What floor and ceiling of an endpoint cost by the user's own prices; none are known here.

A band is billed by what is in use between its floor and its ceiling, so its cost is a range. What a burst takes beyond
the model units that were asked for is not in it.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from bandplan.report.capacity import Capacity
from bandplan.wire.capacity import priced_amounts
from bandplan.wire.prices import HOURS_PER_MONTH, Price, PriceList

ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Money:
    """Per hour, in the currency of the prices: what the floor costs, and what the ceiling costs."""

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
        """In the order of the file."""
        return self.listed.prices

    def of_endpoint(self, capacity: Capacity) -> Money | None:
        """None when one of the entities has no price, or has a size that is not known yet."""
        whole = NOTHING
        for entity in capacity.entities:
            cost = self.listed.cost(entity.model, capacity.family, priced_amounts(entity))
            if cost is None:
                return None
            whole += Money(*cost)
        return whole


def money_change(before: Money | None, after: Money | None) -> Money | None:
    """None when one of them is not known."""
    return None if before is None or after is None else after - before
