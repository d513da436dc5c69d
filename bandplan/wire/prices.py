"""A user's price list: its shape, which price applies to what, and what an amount costs.

`schemas/prices.schema.json` describes the same shape for editors. The document arrives parsed; `bandplan report
--prices` and the policy `money-budget` both read it here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import Any, Final

from bandplan.wire import capacity
from bandplan.wire.capacity import FAMILIES

HOURS_PER_MONTH: Final = 730
"""The 8,760 hours of a year divided by 12."""

LARGEST: Final = 10**15
"""Largest price or quantity; a choice that keeps figures short."""

UNITS: Final = ("chunks", *(unit.key for unit in capacity.UNITS))
"""Units that a price can be for."""

Amounts = Mapping[str, tuple[int | None, int | None]]
"""(floor, ceiling) by unit; None if it is not sold in that unit, or its size is not known."""

_KEYS: Final = ("version", "currency", "source", "prices")
_PRICE_KEYS: Final = ("model", "family", "per_hour", *UNITS)
_MOST_OF_A_KEY: Final = 40


@dataclass(frozen=True, slots=True)
class PriceProblem:
    """A problem of a price list. `place` is a path such as `prices[0].per_hour`, empty for the whole document."""

    place: str
    finding: str

    def __str__(self) -> str:
        return f"{self.place}: {self.finding}" if self.place else self.finding


class BadPriceList(ValueError):
    """A document that is not a price list, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[PriceProblem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Price:
    """`per_hour` for `quantity` of `unit`, for the models that `model` names (a pattern with *), or for a `family`."""

    per_hour: Decimal
    unit: str
    quantity: Decimal
    model: str | None = None
    family: str | None = None

    def fits(self, model: str, family: str) -> bool:
        """Report whether this price applies to `model`, sold as `family`."""
        return family == self.family if self.model is None else fnmatchcase(model, self.model)

    @property
    def rank(self) -> tuple[int, int]:
        """Sort key: a model's own price before patterns, long patterns before short ones, and families last."""
        if self.model is None:
            return (2, 0)
        return (1 if any(sign in self.model for sign in "*?[") else 0, -len(self.model))


@dataclass(frozen=True)
class PriceList:
    """Prices in one currency, in the order of their file. `source` is the user's own note about them."""

    currency: str
    prices: tuple[Price, ...]
    source: str = ""
    _known: dict[tuple[str, str], tuple[Price, ...]] = field(default_factory=dict, repr=False, compare=False)

    def cost(self, model: str, family: str, amounts: Amounts) -> tuple[Decimal, Decimal] | None:
        """Return (floor, ceiling) per hour, by the first price that applies and whose unit has an amount, or None."""
        for price in self._fitting(model, family):
            low, high = amounts.get(price.unit, (None, None))
            if low is not None and high is not None:
                return price.per_hour * low / price.quantity, price.per_hour * high / price.quantity
        return None

    def _fitting(self, model: str, family: str) -> tuple[Price, ...]:
        key = (model, family)
        if key not in self._known:
            fitting = [price for price in self.prices if price.fits(model, family)]
            self._known[key] = tuple(sorted(fitting, key=lambda price: price.rank))
        return self._known[key]


def read_price_list(document: Any) -> PriceList:
    """Return the price list in `document`. Errors: BadPriceList with every problem."""
    problems: list[PriceProblem] = []
    content = _record(document, "", problems)
    _refuse_unknown(content, _KEYS, "", problems)
    if content.get("version") != 1 or isinstance(content.get("version"), bool):
        problems.append(PriceProblem("version", "missing or not 1; write `version: 1`"))
    currency = content.get("currency")
    if not isinstance(currency, str) or not (1 <= len(currency) <= 8 and currency.isascii() and currency.isalpha()):
        problems.append(
            PriceProblem("currency", "missing, or not made of letters; write, for example, `currency: USD`")
        )
        currency = ""
    source = content.get("source")
    if source is not None and not isinstance(source, str):
        problems.append(PriceProblem("source", "must be a string"))
    items = content.get("prices")
    if not isinstance(items, list) or not items:
        problems.append(PriceProblem("prices", "missing or empty; write a list of at least one price"))
        items = []
    prices = [_price(item, f"prices[{index}]", problems) for index, item in enumerate(items)]
    if problems:
        raise BadPriceList(problems)
    return PriceList(currency, tuple(price for price in prices if price is not None), source or "")


def _price(value: Any, place: str, problems: list[PriceProblem]) -> Price | None:
    item = _record(value, place, problems)
    _refuse_unknown(item, _PRICE_KEYS, f"{place}.", problems)
    model, family = item.get("model"), item.get("family")
    if (model is None) == (family is None):
        problems.append(PriceProblem(place, "needs exactly one of `model` and `family`"))
    if model is not None and (not isinstance(model, str) or not model):
        problems.append(PriceProblem(f"{place}.model", "must be the name of a model, or a pattern such as system.ai.*"))
        model = None
    if family is not None and family not in FAMILIES:
        problems.append(PriceProblem(f"{place}.family", f"must be one of {', '.join(FAMILIES)}"))
        family = None
    per_hour = _number(item.get("per_hour"))
    if per_hour is None:
        problems.append(PriceProblem(f"{place}.per_hour", "missing, or not a price; write the cost per hour"))
    units = [unit for unit in UNITS if unit in item]
    if len(units) != 1:
        problems.append(
            PriceProblem(place, f"needs exactly one of {', '.join(UNITS)}: the amount that the price is for")
        )
        return None
    quantity = _number(item[units[0]])
    if not quantity:
        problems.append(PriceProblem(f"{place}.{units[0]}", "the price must be for an amount above 0"))
    if per_hour is None or not quantity:
        return None
    return Price(per_hour, units[0], quantity, model, family)


def _number(value: Any) -> Decimal | None:
    """Return the shortest decimal equal to this number; None for anything that is not a price or quantity."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= LARGEST:
        return None
    return Decimal(str(value))


def _record(value: Any, place: str, problems: list[PriceProblem]) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    problems.append(PriceProblem(place, "must be a mapping with keys"))
    return {}


def _refuse_unknown(item: Mapping[Any, Any], known: tuple[str, ...], place: str, problems: list[PriceProblem]) -> None:
    for key in item:
        if key not in known:
            named = " ".join(str(key).split())[:_MOST_OF_A_KEY]
            problems.append(PriceProblem(f"{place}{named}", f"unknown; write one of {', '.join(known)}"))
