"""Money by the user's own prices; figures are worked out by hand beside each case."""

import json
import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from bandplan.report.errors import BadInput
from bandplan.report.load import Given, load_prices
from bandplan.report.price import Money, Prices
from tests.report.previews import MODEL, changed, document, entity, inputs, report_on, units_entity

ROOT = Path(__file__).parent.parent.parent

PRICES = f"""\
version: 1
currency: USD
source: list of November
prices:
  - {{model: {MODEL}, per_hour: 6.00, chunks: 1}}
  - {{model: "system.ai.*", per_hour: 4.90, tokens_per_second: 980}}
  - {{family: model_units, per_hour: 0.35, model_units: 1}}
"""


def prices(text: str = PRICES) -> Prices:
    return load_prices(Given("prices.yaml", text))


def money(floor: str, ceiling: str) -> Money:
    return Money(Decimal(floor), Decimal(ceiling))


def test_a_band_costs_from_its_floor_to_its_ceiling() -> None:
    """2 to 4 chunks at 6.00 are 12 to 24; 2 to 6 are 12 to 36: nothing more at the floor, 12 at the ceiling."""
    report = report_on(document(*changed(before=inputs(), after=inputs("chat", entity(2, 6)))), prices=prices())
    (bill,) = report.bills.values()
    assert (bill.before, bill.after) == (money("12", "24"), money("12", "36"))
    assert bill.change == money("0", "12")
    assert report.summary.money == money("0", "12")
    assert report.summary.money.per_month == money("0", "8760")  # 12 x 730


def test_model_units_cost_the_same_at_floor_and_ceiling() -> None:
    """50 units at 0.35 are 17.50."""
    (bill,) = report_on(document(*changed(after=inputs("m", units_entity(50)))), prices=prices()).bills.values()
    assert bill.before == money("0", "0")
    assert bill.after == money("17.50", "17.50")


def test_a_price_of_the_model_comes_before_a_pattern_and_a_pattern_before_a_family() -> None:
    other = entity(1, 2, model="system.ai.gte_large_en_v1_5")
    (bill,) = report_on(document(*changed(after=inputs("gte", other))), prices=prices()).bills.values()
    assert bill.after == money("4.90", "9.80")  # 980 and 1,960 tokens/s at 4.90 for 980
    own = prices(PRICES + "  - {family: bands, per_hour: 1, chunks: 1}\n")
    (bill,) = report_on(document(*changed(after=inputs("gte", other))), prices=own).bills.values()
    assert bill.after == money("4.90", "9.80")


def test_a_model_without_a_price_is_counted_and_never_taken_for_free() -> None:
    mine = entity(1, 2, model="ml.chat.mine")
    report = report_on(document(*changed(before=inputs(), after=inputs("chat", mine))), prices=prices())
    assert report.summary.unpriced == 1
    assert report.summary.money == money("0", "0")


def test_a_capacity_that_stays_changes_no_money_even_without_a_price() -> None:
    mine = entity(1, 2, model="ml.chat.mine")
    steps = changed(before=inputs("chat", mine), after=inputs("chat", mine), reasons=("tags",))
    assert report_on(document(*steps), prices=prices()).summary.unpriced == 0


def test_chunks_cost_even_where_their_size_is_not_known_yet() -> None:
    """A version still to be registered: nothing says how many tokens/s its chunk has."""
    unregistered = entity(2, 4, floorTokensPerSecond=None, ceilingTokensPerSecond=None, chunkTokensPerSecond=None)
    unregistered = {key: value for key, value in unregistered.items() if value is not None}
    (bill,) = report_on(document(*changed(after=inputs("chat", unregistered))), prices=prices()).bills.values()
    assert bill.after == money("12", "24")


WRONG = {
    "no version": ("version: 1\n", "", "version"),
    "another version": ("version: 1", "version: 2", "version"),
    "no currency": ("currency: USD\n", "", "currency"),
    "a sign for a currency": ("currency: USD", "currency: $", "currency"),
    "no prices": ("prices:", "price:", "prices"),
    "a model and a family": ("per_hour: 6.00,", "per_hour: 6.00, family: bands,", "prices[0]"),
    "neither": (f"model: {MODEL}, ", "", "prices[0]"),
    "an unknown family": ("family: model_units", "family: llama", "prices[2].family"),
    "no price": ("per_hour: 6.00, ", "", "prices[0].per_hour"),
    "a price in words": ("per_hour: 6.00", "per_hour: six", "prices[0].per_hour"),
    "a negative price": ("per_hour: 6.00", "per_hour: -6.00", "prices[0].per_hour"),
    "no unit": (", chunks: 1", "", "prices[0]"),
    "two units": ("chunks: 1", "chunks: 1, model_units: 1", "prices[0]"),
    "for nothing": ("chunks: 1", "chunks: 0", "prices[0].chunks"),
    "an unknown key": ("chunks: 1", "chunks: 1, per: hour", "prices[0].per"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_price_file_is_refused_with_its_place_and_by_the_schema(case: str) -> None:
    old, new, place = WRONG[case]
    assert old in PRICES
    text = PRICES.replace(old, new, 1)
    with pytest.raises(BadInput) as raised:
        prices(text)
    assert any(line.startswith(f"prices.yaml: {place}: ") for line in str(raised.value).splitlines()), raised.value
    assert not schema().is_valid(yaml.safe_load(text))


def test_a_right_price_file_fits_the_schema() -> None:
    assert schema().is_valid(yaml.safe_load(PRICES))
    assert prices().currency == "USD"


def test_all_problems_of_a_price_file_are_told_at_once() -> None:
    with pytest.raises(BadInput) as raised:
        prices("prices: [{}]")
    places = {line.split(": ")[1] for line in str(raised.value).splitlines()}
    assert places == {"version", "currency", "prices[0]", "prices[0].per_hour"}


def test_what_is_no_yaml_is_told_with_its_line() -> None:
    with pytest.raises(BadInput, match=r"prices.yaml:2:2: not YAML"):
        prices("a: [1\nb: 2")


def schema() -> Draft202012Validator:
    return Draft202012Validator(json.loads((ROOT / "schemas/prices.schema.json").read_text()))


def test_the_price_file_in_the_documentation_is_a_right_one() -> None:
    page = (ROOT / "docs" / "report.md").read_text()
    (block,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    assert len(prices(block).prices) == 3
    assert schema().is_valid(yaml.safe_load(block))
