"""What floor and ceiling of an endpoint cost by the user's own prices; none are known here.

A band is billed by what is in use between its floor and its ceiling, so its cost is a range. What a burst takes beyond
the model units that were asked for is not in it.
"""

from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Final, Literal

from report.capacity import Capacity, Entity

HOURS_PER_MONTH: Final = 730
"""8,760 hours of a year over 12."""

Unit = Literal["chunks", "tokens_per_second", "model_units"]

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


@dataclass(frozen=True, slots=True)
class Price:
    """`per_hour` for `quantity` of `unit`, of the models that `model` names (a pattern with *), or of a `family`."""

    per_hour: Decimal
    unit: Unit
    quantity: Decimal
    model: str | None = None
    family: str | None = None

    def fits(self, model: str, family: str) -> bool:
        return family == self.family if self.model is None else fnmatchcase(model, self.model)

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts what is said of one model before patterns, long patterns before short, and families last."""
        if self.model is None:
            return (2, 0)
        return (1 if any(sign in self.model for sign in "*?[") else 0, -len(self.model))


@dataclass(frozen=True)
class Prices:
    """A price file. `source` is the user's own remark, such as the date of a price list."""

    file: str
    currency: str
    prices: tuple[Price, ...]
    source: str = ""
    _known: dict[tuple[str, str], tuple[Price, ...]] = field(default_factory=dict, repr=False, compare=False)

    def of_endpoint(self, capacity: Capacity) -> Money | None:
        """None when one of the entities has no price, or has a size that is not known yet."""
        whole = NOTHING
        for entity in capacity.entities:
            part = self._of_entity(entity, capacity.family)
            if part is None:
                return None
            whole += part
        return whole

    def _of_entity(self, entity: Entity, family: str) -> Money | None:
        key = (entity.model, family)
        if key not in self._known:
            fitting = [price for price in self.prices if price.fits(*key)]
            self._known[key] = tuple(sorted(fitting, key=lambda price: price.rank))
        for price in self._known[key]:
            size = _size(entity, price.unit)
            if size is not None:
                low, high = (price.per_hour * bound / price.quantity for bound in size)
                return Money(low, high)
        return None


def money_change(before: Money | None, after: Money | None) -> Money | None:
    """None when one of them is not known."""
    return None if before is None or after is None else after - before


def _size(entity: Entity, unit: Unit) -> tuple[int, int] | None:
    """(floor, ceiling) of an entity in a price's unit; None when it is not sold in it, or nothing says how much."""
    match unit:
        case "chunks":
            low, high = entity.min_bands, entity.max_bands
        case "tokens_per_second":
            low, high = entity.floor_tokens_per_second, entity.ceiling_tokens_per_second
        case "model_units":
            low = high = entity.model_units
    return None if low is None or high is None else (low, high)
