"""A user's price file, as a budget needs it; `bandplan.wire.prices` reads it for `bandplan report --prices` too."""

from dataclasses import dataclass
from decimal import Decimal

from bandplan.policies.document import Document
from bandplan.wire.capacity import priced_amounts
from bandplan.wire.fleet import Share
from bandplan.wire.prices import BadPriceList, PriceList, read_price_list


@dataclass(frozen=True, slots=True)
class Prices:
    """A price file; `problem` says why it is unusable."""

    listed: PriceList | None = None
    problem: str = ""

    @property
    def currency(self) -> str:
        return self.listed.currency if self.listed is not None else ""

    def cost(self, share: Share) -> tuple[Decimal, Decimal] | None:
        """Return (floor, ceiling) per hour; None without a price, or without a size."""
        if self.listed is None:
            return None
        return self.listed.cost(share.model, share.family, priced_amounts(share))


def read_prices(document: Document) -> Prices:
    """Return the prices of a file, or its first problem; `bandplan report --prices FILE` lists them all."""
    if document.problem:
        return Prices(problem=document.problem)
    try:
        return Prices(read_price_list(document.content))
    except BadPriceList as error:
        more = f" (and {len(error.problems) - 1} more)" if len(error.problems) > 1 else ""
        return Prices(problem=f"{document.path}: {error.problems[0]}{more}")
