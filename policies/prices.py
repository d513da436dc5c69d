"""A user's price file, as a budget needs it. Its shape is prices.schema.json; `bandplan report --prices` reads it too.

A price is what an hour costs of so many chunks, tokens/s or model units, of the models that `model` names, or a family.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final

from policies.document import Document
from policies.fleet import Share
from policies.plain import number, records, text

HOURS_PER_MONTH: Final = 730
"""8,760 hours of a year over 12."""

_AMOUNTS: Final = {
    "chunks": ("min_bands", "max_bands"),
    "tokens_per_second": ("floor_tokens_per_second", "ceiling_tokens_per_second"),
    "model_units": ("model_units", "model_units"),
}


@dataclass(frozen=True, slots=True)
class Price:
    """`per_hour` for `quantity` of `unit`; one of `model` (a pattern) and `family` is empty."""

    per_hour: Decimal
    unit: str
    quantity: Decimal
    model: str
    family: str

    @property
    def rank(self) -> tuple[int, int]:
        """Sorts a model's own price before patterns, long patterns before short, and families last."""
        if not self.model:
            return (2, 0)
        return (1 if any(sign in self.model for sign in "*?[") else 0, -len(self.model))

    def fits(self, share: Share) -> bool:
        """Whether it is a price of what the share is made of."""
        return fnmatchcase(share.model, self.model) if self.model else share.family == self.family


@dataclass(frozen=True, slots=True)
class Prices:
    """A price file; `problem` says why it cannot be used."""

    currency: str = ""
    prices: tuple[Price, ...] = ()
    problem: str = ""

    def cost(self, share: Share) -> tuple[Decimal, Decimal] | None:
        """(floor, ceiling) per hour; None without a price, or without a size."""
        for price in self.prices:
            if price.fits(share):
                low, high = (getattr(share, name) for name in _AMOUNTS[price.unit])
                if low is not None and high is not None:
                    return price.per_hour * low / price.quantity, price.per_hour * high / price.quantity
        return None


def read_prices(document: Document) -> Prices:
    """The prices of a file; `bandplan report --prices FILE` tells everything that is wrong with one."""
    content = document.content
    if document.problem or not isinstance(content, Mapping):
        return Prices(problem=document.problem or f"{document.path} is no price file")
    found = [_price(item) for item in records(content, "prices")]
    if content.get("version") != 1 or not found or None in found:
        return Prices(problem=f"{document.path} is no price file of version 1, or has a price without its shape")
    prices = sorted((price for price in found if price is not None), key=lambda price: price.rank)
    return Prices(text(content, "currency"), tuple(prices))


def _price(item: Mapping[str, Any]) -> Price | None:
    per_hour = number(item, "per_hour")
    units = [unit for unit in _AMOUNTS if unit in item]
    quantity = number(item, units[0]) if len(units) == 1 else None
    model, family = text(item, "model"), text(item, "family")
    if per_hour is None or not quantity or bool(model) == bool(family):
        return None
    return Price(Decimal(str(per_hour)), units[0], Decimal(str(quantity)), model, family)
