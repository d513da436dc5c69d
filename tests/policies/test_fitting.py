"""Bands that messages suggest: no two of one output contradict each other, and what is suggested holds."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests.policies.builders import ENDPOINT, FLEET, FLEET_URN, TODAY, URN, analyzer, band, endpoint, share, waiver

LATER = "2027-01-31"


def findings(configuration: dict[str, Any], inputs: dict[str, Any]) -> list[tuple[str, str]]:
    """(rule, finding) of each violation, whatever its level."""
    pack = analyzer(configuration, Path("."), TODAY)
    found = pack.analyze(URN, ENDPOINT, "support-chat", inputs)
    return [(one.policy, one.message.split("\n", 1)[1]) for one in found]


def suggested(text: str) -> tuple[int, int] | None:
    found = re.search(r"write bands: \{min: (\d+), max: (\d+)\}", text)
    return (int(found[1]), int(found[2])) if found else None


@pytest.mark.parametrize("seed", range(60))
def test_a_suggested_band_holds_for_every_rule_or_names_those_it_cannot_meet(seed: int) -> None:
    dice = random.Random(seed)
    configuration = {
        "over-provisioned": {"enforcementLevel": "mandatory", "headroom_percent": dice.choice([0, 20, 50, 100])},
        "under-provisioned": {"enforcementLevel": "mandatory", "steady_percent": dice.choice([10, 50, 100])},
        "floor-zero-in-prod": "mandatory",
    }
    configuration = {rule: level for rule, level in configuration.items() if dice.random() < 0.8}
    low = dice.randint(0, 6)
    stated = {"demandTokensPerSecond": dice.randint(1, 8000), "headroomPercent": dice.choice([0, 20, 80, 150])}
    told = findings(configuration, endpoint(band(low, low + dice.randint(1, 6)), **stated))
    bands = {suggested(text) for _, text in told} - {None}
    assert len(bands) <= 1
    for found in bands:
        assert findings(configuration, endpoint(band(*found), **stated)) == []
        # The entry's own headroom: the ceiling covers the demand and as many percent more.
        assert found[1] * 980 * 100 >= stated["demandTokensPerSecond"] * (100 + stated["headroomPercent"])
    for rule, text in told:
        if suggested(text) is None:
            names = re.search(r"no band meets ([a-z-]+) \(.*\) and ([a-z-]+) \(.*\) at once", text)
            assert names and names[1] == "over-provisioned" and names[2] in {*configuration, "headroom-low"}, (
                rule,
                text,
            )


def test_the_two_rules_that_no_band_meets_are_named_with_what_they_ask() -> None:
    # 1800 x 1.2 = 2160: 3 chunks of 980 at most. 1800 x 2 = 3600: 4 at least.
    inputs = endpoint(band(1, 6), demandTokensPerSecond=1800, headroomPercent=100)
    ((_, text),) = findings({"over-provisioned": "mandatory"}, inputs)
    assert text.endswith(
        "no band meets over-provisioned (a max of at most 3) and headroom-low (a max of at least 4) at once: change what "
        "one of them is based on, or waive one"
    )


@pytest.mark.parametrize("waived", ["headroom-low", "under-provisioned"])
def test_a_rule_that_is_waived_asks_nothing(waived: str) -> None:
    # Over: 1800 x 1.2 = 2160, 3 chunks at most. Under, at 100%: 1800, 2 chunks at least.
    inputs = endpoint(band(1, 6), demandTokensPerSecond=1800, headroomPercent=20, waivers=[waiver(waived, LATER)])
    rules = {
        "over-provisioned": "mandatory",
        "under-provisioned": {"enforcementLevel": "mandatory", "steady_percent": 100},
    }
    over = dict(findings(rules, inputs))["over-provisioned"]
    assert suggested(over) == ((1, 3) if waived == "under-provisioned" else (2, 3))


def test_a_suggested_min_is_not_0_unless_that_is_waived() -> None:
    # 1800 x 1.2 = 2160: 3 chunks of 980 at most.
    stated = {"demandTokensPerSecond": 1800, "headroomPercent": 20}
    rules = {"over-provisioned": "mandatory"}
    ((_, text),) = findings(rules, endpoint(band(0, 6), **stated))
    assert suggested(text) == (1, 3)
    ((_, text),) = findings(rules, endpoint(band(0, 6), **stated, waivers=[waiver("floor-zero", LATER)]))
    assert suggested(text) == (0, 3)


BUDGETS: list[tuple[str, dict[str, Any]]] = [
    ("stack-budget", {"tokens_per_second": 2000}),
    ("team-budget", {"teams": {"ml": {"tokens_per_second": 2000}}}),
    ("team-budget", {"others": {"tokens_per_second": 2000}}),
    ("money-budget", {"prices": "prices.yaml", "per_hour": 14.5}),
    ("money-budget", {"prices": "prices.yaml", "teams": {"ml": 14.5}}),
]


@pytest.mark.parametrize(("rule", "properties"), BUDGETS)
def test_a_suggested_band_keeps_to_a_budget_or_names_it(tmp_path: Path, rule: str, properties: dict[str, Any]) -> None:
    prices = "version: 1\ncurrency: USD\nprices: [{family: bands, per_hour: 7, chunks: 1}]\n"
    (tmp_path / "prices.yaml").write_text(prices)
    pack = analyzer({"over-provisioned": "mandatory", rule: properties | {"enforcementLevel": "mandatory"}}, tmp_path)

    def told(headroom: int) -> str:
        # Over, at 20%: 2764.8 x 1.2 = 3317.8, 4 chunks of 980 at most. Each budget buys 2: 2000 / 980, or 14.5 / 7.
        inputs = endpoint(band(1, 9), demandTokensPerSecond=2764.8, headroomPercent=headroom)
        ((_, text),) = [(one.policy, one.message) for one in pack.analyze(URN, ENDPOINT, "support-chat", inputs)]
        return text

    assert f"write bands: {{min: 1, max: 4}}, which {rule} (a max of at most 2) does not allow" in told(20)
    # The entry's own demand alone asks for 3 chunks, so nothing fits either; without one, the budget decides.
    assert f"which {rule} (a max of at most 2) does not allow" in told(0)
    inputs = endpoint(band(1, 9), demandTokensPerSecond=2764.8)
    assert suggested(pack.analyze(URN, ENDPOINT, "support-chat", inputs)[0].message) == (1, 2)


def test_model_units_that_are_suggested_name_the_budget_that_they_are_over() -> None:
    # 3800 x 1.2 = 4560 tokens/s of 65 a unit are 70.2 units: 100 in steps of 50.
    units = {"servedName": "current", "trafficPercent": 100, "model": "system.ai.llama-4-maverick", "modelUnits": 300}
    inputs = endpoint(units) | {
        "family": "model_units",
        "modelUnits": 300,
        "estimatedTokensPerSecond": 19500,
        "demandTokensPerSecond": 3800,
    }
    rules = {"over-provisioned": "mandatory", "stack-budget": {"enforcementLevel": "mandatory", "model_units": 60}}
    ((_, text),) = findings(rules, inputs)
    assert "write model_units: 100, which stack-budget (at most 60 model units) does not allow" in text
    ((_, text),) = findings({**rules, "stack-budget": {"enforcementLevel": "mandatory", "model_units": 100}}, inputs)
    assert text.endswith("write model_units: 100")


@pytest.mark.parametrize("budget", [7840, 7839])
def test_a_budget_that_the_other_rules_use_up_is_not_told_to_be_met_by_lowering(budget: int) -> None:
    pack = analyzer({"stack-budget": {"enforcementLevel": "mandatory", "tokens_per_second": budget}})
    for name in ("support-chat", "triage-chat"):
        # 2764.8 x 1.2 = 3317.8: 4 chunks of 980 each, 7840 tokens/s in all.
        inputs = endpoint(band(1, 9), demandTokensPerSecond=2764.8, headroomPercent=20)
        pack.analyze(URN.replace("support-chat", name), ENDPOINT, name, inputs)
    capacity = {"capacity": [share(least=2, most=18, chunk=980)]}
    (found,) = pack.analyze_stack([(FLEET_URN, FLEET, capacity)])
    least = "what headroom-low asks of the bands comes to at least 7,840 tokens/s"
    assert (least in found.message, "lower a max" in found.message) == (budget < 7840, budget >= 7840)
