"""What a benchmark costs: the endpoint's own price per hour, from floor to ceiling, over the minutes of the run."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

from bandplan.cli.errors import UsageProblem
from bandplan.wire.capacity import UNITS
from bandplan.wire.names import to_api_name
from bandplan.wire.prices import BadPriceList, PriceList, read_price_list

_FIELDS = {unit.key: (to_api_name(unit.low.served), to_api_name(unit.high.served)) for unit in UNITS}
"""What a price may be for, by the fields of a served entity that hold the least and the most of it."""


def money_of_run(file: str, name: str, live: Mapping[str, Any], minutes: float) -> str:
    """Return the cost, such as "1.50 to 3.00 USD". Errors: UsageProblem if the file is unreadable or has no price."""
    prices = _read(file)
    low = high = Decimal(0)
    for entity in (live.get("config") or {}).get("served_entities") or []:
        model = str(entity.get("entity_name") or "")
        cost = next((found for unit in UNITS if (found := _cost(prices, model, unit.family, entity))), None)
        if cost is None:
            raise UsageProblem(f"{file}: no price for {model} of {name}; add one by {' or '.join(_FIELDS)}")
        low, high = low + cost[0], high + cost[1]
    hours = Decimal(str(minutes)) / 60
    return f"{low * hours:,.2f} to {high * hours:,.2f} {prices.currency} for the endpoint in that time"


def _cost(prices: PriceList, model: str, family: str, entity: Mapping[str, Any]) -> tuple[Decimal, Decimal] | None:
    amounts = {unit: (entity.get(low), entity.get(high)) for unit, (low, high) in _FIELDS.items()}
    return prices.cost(model, family, amounts)


def _read(file: str) -> PriceList:
    import yaml

    try:
        return read_price_list(yaml.safe_load(Path(file).read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageProblem(f"{file}: {error.strerror}; name a YAML file of prices") from error
    except BadPriceList as error:
        raise UsageProblem("\n".join(f"{file}: {problem}" for problem in error.problems)) from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageProblem(f"{file}: not readable YAML; `bandplan schema prices` has its form") from error
