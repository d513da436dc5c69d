"""A user's price file (YAML), checked; `prices.schema.json` says the same to editors.

```yaml
version: 1
currency: USD
source: price list of 2026-11-01, eu-west-1      # optional; shown in the report
prices:
  - {model: system.ai.llama_v3_3_70b_instruct, per_hour: 6.00, chunks: 1}
  - {model: "system.ai.gte*", per_hour: 2.50, tokens_per_second: 980}
  - {family: model_units, per_hour: 0.35, model_units: 1}
```
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final, get_args

from report.errors import BadInput
from report.price import Price, Prices, Unit
from report.reading import Reading, one_line

FAMILIES: Final = ("bands", "model_units")
UNITS: Final[tuple[Unit, ...]] = get_args(Unit)

_KEYS: Final = ("version", "currency", "source", "prices")
_PRICE_KEYS: Final = ("model", "family", "per_hour", *UNITS)


def read_prices(text: str, reading: Reading) -> Prices:
    """The prices of a file.

    Errors: BadInput with every problem, each with its place.
    """
    document = reading.record(_parsed(text, reading.file), "")
    _refuse_unknown(document, _KEYS, "", reading)
    if document.get("version") != 1 or isinstance(document.get("version"), bool):
        reading.note("version", "missing or another than 1; write `version: 1`")
    currency = reading.text(document.get("currency"), "currency") or ""
    if not 1 <= len(currency) <= 8 or not (currency.isascii() and currency.isalpha()):
        reading.note("currency", "missing, or not a currency in letters; write such as `currency: USD`")
    items = reading.items(document.get("prices"), "prices")
    if not items:
        reading.note("prices", "missing or empty; write at least one price")
    prices = [_price(reading.record(item, f"prices[{i}]"), f"prices[{i}]", reading) for i, item in enumerate(items)]
    source = one_line(reading.text(document.get("source"), "source") or "", 200)
    reading.finish()
    return Prices(reading.file, currency, tuple(price for price in prices if price is not None), source)


def _price(item: Mapping[str, Any], place: str, reading: Reading) -> Price | None:
    _refuse_unknown(item, _PRICE_KEYS, f"{place}.", reading)
    model = reading.text(item.get("model"), f"{place}.model")
    family = reading.text(item.get("family"), f"{place}.family")
    if (model is None) == (family is None):
        reading.note(place, "needs exactly one of `model` and `family`")
    if family is not None and family not in FAMILIES:
        reading.note(f"{place}.family", f"no family; write one of {', '.join(FAMILIES)}")
    per_hour = reading.number(item.get("per_hour"), f"{place}.per_hour")
    if per_hour is None and item.get("per_hour") is None:
        reading.note(f"{place}.per_hour", "missing; write what it costs for an hour")
    units = [unit for unit in UNITS if unit in item]
    if len(units) != 1:
        reading.note(place, f"needs exactly one of {', '.join(UNITS)}: how much of it the price is for")
        return None
    quantity = reading.number(item[units[0]], f"{place}.{units[0]}")
    if not quantity:
        reading.note(f"{place}.{units[0]}", "the price has to be for more than 0")
        return None
    if per_hour is None:
        return None
    return Price(Decimal(str(per_hour)), units[0], Decimal(str(quantity)), model, family)


def _refuse_unknown(item: Mapping[str, Any], known: tuple[str, ...], place: str, reading: Reading) -> None:
    for key in item:
        if key not in known:
            reading.note(f"{place}{one_line(str(key), 40)}", f"unknown; there are {', '.join(known)}")


def _parsed(text: str, file: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{file}:{mark.line + 1}:{mark.column + 1}" if mark is not None else file
        raise BadInput(f"{place}: not YAML: {error.problem}") from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise BadInput(f"{file}: not YAML that can be read") from error
