"""Budgets of capacity and money, and the size of a change: figures by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from bandplan.wire.sentinels import UNKNOWN
from tests.policies.builders import share, told_of_stack, waiver


def test_ceilings_over_the_budget_of_the_stack_are_told_with_what_takes_most() -> None:
    outputs = {"capacity": [share(model="a", most=4), share(model="b", most=2)]}
    # 4000 + 2000 = 6000, 1000 over 5000.
    assert told_of_stack("stack-budget", outputs, tokens_per_second=5000) == [
        (
            "mandatory",
            "the stack: 6,000 tokens/s are 1,000 over the budget of 5,000 tokens/s (a 4,000, b 2,000); lower a max in "
            "models.yaml, or have the budget raised",
        )
    ]
    assert told_of_stack("stack-budget", outputs, tokens_per_second=6000) == []
    assert told_of_stack("stack-budget", outputs) == []


def test_model_units_have_a_budget_of_their_own() -> None:
    outputs = {"capacity": [{"team": "ml", "model": "m", "family": "model_units", "modelUnits": 150}]}
    ((_, text),) = told_of_stack("stack-budget", outputs, model_units=100, tokens_per_second=0)
    assert text.startswith("the stack: 150 model units are 50 over the budget of 100 model units (m 150)")


def test_sum_that_is_partly_unknown_waits_unless_the_known_part_is_over() -> None:
    unknown = {**share(), "floorTokensPerSecond": UNKNOWN, "ceilingTokensPerSecond": UNKNOWN}
    outputs = {"capacity": [share(most=3), unknown]}
    ((level, text),) = told_of_stack("stack-budget", outputs, tokens_per_second=4000)
    assert (level, text) == (
        "advisory",
        "waits: the stack has 3,000 of 4,000 tokens/s, and chunks whose size is not known yet",
    )
    ((level, _),) = told_of_stack("stack-budget", outputs, tokens_per_second=2999)
    assert level == "mandatory"


def test_each_team_has_its_own_budget_and_the_others_theirs() -> None:
    outputs = {"capacity": [share("search", most=3), share("ml", most=3), share("", most=3)]}
    found = told_of_stack(
        "team-budget", outputs, teams={"search": {"tokens_per_second": 3000}}, others={"tokens_per_second": 2500}
    )
    assert [text.split(":")[0] for _, text in found] == ["endpoints without the tag team", "team ml"]


def test_waiver_of_the_whole_file_makes_a_stacks_violation_advisory() -> None:
    outputs = {"capacity": [share(most=9)], "waivers": [waiver("stack-budget", "2026-12-31")]}
    ((level, text),) = told_of_stack("stack-budget", outputs, tokens_per_second=5000)
    assert level == "advisory"
    assert text.endswith("; waived until 2026-12-31 by ana@example.com: a trade fair")


PRICES = """\
version: 1
currency: EUR
prices:
  - {family: bands, per_hour: 100, chunks: 1}
  - {model: "system.ai.*", per_hour: 3.00, tokens_per_second: 1000}
  - {model: system.ai.a, per_hour: 2.50, chunks: 1}
"""


def test_money_is_told_at_the_ceilings_for_an_hour_and_a_month(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    outputs = {"capacity": [share(model="system.ai.a", most=4), share(model="system.ai.b", most=2)]}
    # a: 4 chunks x 2.50 = 10; b: 2000 tokens/s x 3.00 / 1000 = 6; 16 x 730 = 11,680.
    ((level, text),) = told_of_stack("money-budget", outputs, (), tmp_path, prices="prices.yaml", per_hour=12)
    assert level == "mandatory"
    assert text == (
        "the stack: at the ceilings 16.00 EUR an hour (11,680.00 a month of 730 hours) are 4.00 over the budget of 12.00 "
        "an hour (system.ai.a 10.00, system.ai.b 6.00); lower a max in models.yaml, or have the budget raised"
    )
    assert told_of_stack("money-budget", outputs, (), tmp_path, prices="prices.yaml", per_hour=16) == []
    # Floors: 1 x 2.50 + 1000 x 3.00 / 1000 = 5.50.
    found = told_of_stack("money-budget", outputs, (), tmp_path, prices="prices.yaml", per_hour=5, bound="floor")
    assert "at the floors 5.50 EUR an hour" in found[0][1]


def test_money_of_a_team_counts_its_endpoints_alone(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    outputs = {"capacity": [share("search", "system.ai.a"), share("ml", "system.ai.a", most=8)]}
    found = told_of_stack("money-budget", outputs, (), tmp_path, prices="prices.yaml", teams={"search": 4, "ml": 20})
    assert [text.split(":")[0] for _, text in found] == ["team search"]


def test_what_has_no_price_is_named_and_never_taken_for_free(tmp_path: Path) -> None:
    (tmp_path / "prices.yaml").write_text(PRICES)
    units = {"team": "ml", "model": "system.ai.m", "family": "model_units", "modelUnits": 50}
    ((level, text),) = told_of_stack(
        "money-budget", {"capacity": [units]}, (), tmp_path, prices="prices.yaml", per_hour=1
    )
    assert level == "advisory" and text.endswith("no price or size is known for: system.ai.m")


@pytest.mark.parametrize("content", [None, "version: 2", "version: 1\nprices: [{per_hour: 1}]", "{"])
def test_price_file_that_cannot_be_used_stops_a_mandatory_budget(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "prices.yaml").write_text(content)
    ((level, text),) = told_of_stack("money-budget", {"capacity": []}, (), tmp_path, prices="prices.yaml", per_hour=1)
    assert level == "mandatory" and text.startswith("no price is known: prices.yaml")


def capacity(name: str, ceiling: Any = None, units: int | None = None) -> dict[str, Any]:
    return {"name": name, "ceiling_tokens_per_second": ceiling, "model_units": units}


def change(tmp_path: Path, before: Any, after: list[dict[str, Any]], **more: Any) -> list[tuple[str, str]]:
    if before is not None:
        (tmp_path / "before.json").write_text(json.dumps(before))
    return told_of_stack("change-too-large", {}, after, tmp_path, baseline="before.json", percent=50, **more)


def test_change_counts_what_is_added_and_taken_away_against_what_there_was(tmp_path: Path) -> None:
    before = [capacity("a", 10_000), capacity("b", 10_000)]
    after = [capacity("a", 16_000), capacity("c", 1_000)]
    # 6000 more, 10000 gone, 1000 new: 17000 of 20000 is 85 percent; half of it is 10000.
    assert change(tmp_path, before, after) == [
        (
            "mandatory",
            "the stack: 17,000 tokens/s of ceilings change, 85% of the 20,000 deployed; one change may move 50% = 10,000 (b "
            "-10,000, a +6,000, c +1,000); split the change",
        )
    ]
    assert change(tmp_path, before, [capacity("a", 20_000), capacity("b", 10_000)]) == []


def test_small_changes_first_deployments_and_model_units_by_their_own_measure(tmp_path: Path) -> None:
    assert change(tmp_path, [], [capacity("a", 90_000)]) == []
    assert change(tmp_path, [capacity("a", 1_000)], [capacity("a", 6_000)]) == []  # 5000 is free
    assert len(change(tmp_path, [capacity("a", 1_000)], [capacity("a", 6_001)])) == 1
    ((_, text),) = change(tmp_path, [capacity("m", None, 100)], [capacity("m", None, 200)])
    assert text.startswith("the stack: 100 model units change, 100% of the 100 deployed")


def test_change_that_cannot_be_measured_is_said_to_be_so(tmp_path: Path) -> None:
    ((level, text),) = change(tmp_path, None, [capacity("a", 1)])
    assert (level, text) == ("advisory", "abstains: the old capacity is unknown: before.json does not exist")
    ((level, text),) = change(tmp_path, [capacity("a", 1)], [capacity("a", UNKNOWN)])
    assert (level, text) == (
        "advisory",
        "waits: the change is unknown until the chunk size of every model version is known",
    )
