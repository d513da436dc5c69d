"""Bands that messages suggest: no two of one output contradict each other, and what is suggested holds."""

import random
import re
from pathlib import Path
from typing import Any

import pytest

from tests.policies.builders import ENDPOINT, TODAY, URN, analyzer, band, endpoint, waiver

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
        "one of them goes by, or waive one"
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
