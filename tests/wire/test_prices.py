"""One table of price lists for everybody who reads them: which price holds, and what an amount costs, by hand."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bandplan.policies.document import Document
from bandplan.policies.fleet import Share
from bandplan.policies.prices import read_prices as read_for_a_budget
from bandplan.report.endpoint_side import Entity, Side
from bandplan.report.load import Given, load_prices
from bandplan.wire.prices import BadPriceList, read_price_list

ROOT = Path(__file__).parent.parent.parent

LLAMA = "system.ai.llama_v3_3_70b_instruct"
IN_CHUNKS: dict[str, Any] = {"min_bands": 2, "max_bands": 4, "floor": 1960, "ceiling": 3920}
IN_UNITS: dict[str, Any] = {"units": 50}
NO_CHUNK: dict[str, Any] = {"floor": 1960, "ceiling": 3920}
NO_SIZE: dict[str, Any] = {"min_bands": 2, "max_bands": 4}

EXACT = {"model": LLAMA, "per_hour": 6, "chunks": 1}
LONG = {"model": "system.ai.llama_v3_3*", "per_hour": 5, "chunks": 1}
SHORT = {"model": "system.ai.*", "per_hour": 4, "chunks": 1}
ANYTHING = {"model": "*", "per_hour": 3, "chunks": 1}
FAMILY = {"family": "bands", "per_hour": 2, "chunks": 1}
UNITS = {"family": "model_units", "per_hour": 0.35, "model_units": 1}

CASES: dict[str, tuple[list[dict[str, Any]], str, dict[str, Any], tuple[str, str] | None]] = {
    # 2 to 4 chunks at 6
    "a model's own price comes before a long pattern": ([LONG, EXACT], LLAMA, IN_CHUNKS, ("12", "24")),
    "and before every other, wherever it stands": (
        [FAMILY, ANYTHING, SHORT, LONG, EXACT],
        LLAMA,
        IN_CHUNKS,
        ("12", "24"),
    ),
    "a long pattern comes before a short one": ([SHORT, LONG], LLAMA, IN_CHUNKS, ("10", "20")),
    "in either order": ([LONG, SHORT], LLAMA, IN_CHUNKS, ("10", "20")),
    "a short pattern comes before a shorter one": ([ANYTHING, SHORT], LLAMA, IN_CHUNKS, ("8", "16")),
    "any pattern comes before a family": ([FAMILY, ANYTHING], LLAMA, IN_CHUNKS, ("6", "12")),
    "a family is the last": ([UNITS, FAMILY], LLAMA, IN_CHUNKS, ("4", "8")),
    "of equals the first in the file": ([EXACT, {**EXACT, "per_hour": 60}], LLAMA, IN_CHUNKS, ("12", "24")),
    "a pattern is of the whole name": ([{**SHORT, "model": "llama*"}], LLAMA, IN_CHUNKS, None),
    "and of its letters' case": ([{**SHORT, "model": "System.AI.*"}], LLAMA, IN_CHUNKS, None),
    "another model has no price": ([EXACT], "ml.own.mine", IN_CHUNKS, None),
    "a price in a unit that the model is not sold in is passed over": (
        [{**EXACT, "model": LLAMA}, UNITS],
        LLAMA,
        IN_UNITS,
        ("17.50", "17.50"),
    ),
    # 1,960 and 3,920 tokens/s at 4.90 for 980
    "tokens per second": (
        [{"model": "system.ai.*", "per_hour": 4.9, "tokens_per_second": 980}],
        LLAMA,
        IN_CHUNKS,
        ("9.80", "19.60"),
    ),
    "a price for several chunks": ([{**EXACT, "chunks": 4}], LLAMA, IN_CHUNKS, ("3", "6")),
    "without a chunk count a price by chunks is passed over": (
        [EXACT, {"model": "*", "per_hour": 1, "tokens_per_second": 1960}],
        LLAMA,
        NO_CHUNK,
        ("1", "2"),
    ),
    "or nothing is known": ([EXACT], LLAMA, NO_CHUNK, None),
    "chunks have a price before their size is known": ([EXACT], LLAMA, NO_SIZE, ("12", "24")),
    "50 units at 0.35": ([UNITS], "system.ai.llama-4-maverick", IN_UNITS, ("17.50", "17.50")),
    "a free model": ([{**EXACT, "per_hour": 0}], LLAMA, IN_CHUNKS, ("0", "0")),
}


def listed(prices: list[dict[str, Any]]) -> dict[str, Any]:
    return {"version": 1, "currency": "EUR", "prices": prices}


def share_of(model: str, family: str, size: dict[str, Any]) -> Share:
    return Share(
        "ml",
        model,
        family,
        size.get("min_bands"),
        size.get("max_bands"),
        size.get("floor"),
        size.get("ceiling"),
        size.get("units"),
        is_sized=True,
    )


def capacity_of(model: str, family: str, size: dict[str, Any]) -> Side:
    entity = Entity(
        model=model,
        min_bands=size.get("min_bands"),
        max_bands=size.get("max_bands"),
        floor_tokens_per_second=size.get("floor"),
        ceiling_tokens_per_second=size.get("ceiling"),
        model_units=size.get("units"),
    )
    return Side("chat", family, entities=(entity,))


@pytest.mark.parametrize("case", CASES)
def test_the_report_and_the_budget_take_the_same_price(case: str) -> None:
    prices, model, size, expected = CASES[case]
    family = "model_units" if "units" in size else "bands"
    cost = None if expected is None else tuple(map(Decimal, expected))
    assert read_for_a_budget(Document("prices.json", listed(prices))).cost(share_of(model, family, size)) == cost
    money = load_prices(Given("prices.yaml", json.dumps(listed(prices)))).of_endpoint(capacity_of(model, family, size))
    assert (None if money is None else (money.floor, money.ceiling)) == cost


WRONG: dict[str, tuple[Any, str]] = {
    "no mapping": ([EXACT], ""),
    "nothing": (None, ""),
    "another version": ({**listed([EXACT]), "version": 2}, "version"),
    "a version that is true": ({**listed([EXACT]), "version": True}, "version"),
    "no currency": ({"version": 1, "prices": [EXACT]}, "currency"),
    "a currency that is a number": ({**listed([EXACT]), "currency": 5}, "currency"),
    "no price": (listed([]), "prices"),
    "prices that are no list": ({**listed([]), "prices": EXACT}, "prices"),
    "a price that is no mapping": (listed([6]), "prices[0]"),  # type: ignore[list-item]
    "an unknown key": ({**listed([EXACT]), "discount": 5}, "discount"),
    "an unknown key of a price": (listed([{**EXACT, "per": "hour"}]), "prices[0].per"),
    "a model and a family": (listed([{**EXACT, "family": "bands"}]), "prices[0]"),
    "an empty model": (listed([{**EXACT, "model": ""}]), "prices[0].model"),
    "an unknown family": (listed([{**FAMILY, "family": "workload"}]), "prices[0].family"),
    "a negative price": (listed([EXACT, {**EXACT, "per_hour": -1}]), "prices[1].per_hour"),
    "a price that is true": (listed([{**EXACT, "per_hour": True}]), "prices[0].per_hour"),
    "a price in words": (listed([{**EXACT, "per_hour": "six"}]), "prices[0].per_hour"),
    "an endless price": (listed([{**EXACT, "per_hour": float("inf")}]), "prices[0].per_hour"),
    "for nothing": (listed([{**EXACT, "chunks": 0}]), "prices[0].chunks"),
    "two units": (listed([{**EXACT, "model_units": 1}]), "prices[0]"),
    "no unit": (listed([{"model": LLAMA, "per_hour": 6}]), "prices[0]"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_one_reader_refuses_the_other_refuses_and_so_does_the_schema(case: str) -> None:
    document, place = WRONG[case]
    with pytest.raises(BadPriceList) as raised:
        read_price_list(document)
    assert place in {problem.place for problem in raised.value.problems}
    budget = read_for_a_budget(Document("prices.json", document))
    assert budget.problem.startswith("prices.json: ")
    schema = json.loads((ROOT / "schemas/prices.schema.json").read_text())
    assert not Draft202012Validator(schema).is_valid(document)
