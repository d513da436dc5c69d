"""The limits that suggestions go by, against the pack that judges by them."""

import json
import random
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from bandplan.policies.configuration import configured
from bandplan.policies.pack import RULES
from bandplan.wire.band_policies import NO_POLICIES, BandPolicies, band_policies_of, read_band_policies

ROOT = Path(__file__).parent.parent.parent
IDS = ("over-provisioned", "under-provisioned", "floor-zero-in-prod", "stack-budget")


def of_the_pack(configuration: Any) -> BandPolicies:
    rules = {one.rule.id: one for one in configured(RULES, configuration)}
    over, under, floor, budget = (rules[rule] for rule in IDS)
    return BandPolicies(
        None if over.level == "disabled" else Fraction(str(over.properties["headroom_percent"])),
        None if under.level == "disabled" else Fraction(str(under.properties["steady_percent"])),
        floor.level != "disabled",
        None
        if budget.level == "disabled" or "tokens_per_second" not in budget.properties
        else Fraction(str(budget.properties["tokens_per_second"])),
    )


def random_configuration(dice: random.Random) -> dict[str, Any]:
    levels = ("advisory", "mandatory", "disabled")
    properties = {
        "over-provisioned": "headroom_percent",
        "under-provisioned": "steady_percent",
        "stack-budget": "tokens_per_second",
    }
    found: dict[str, Any] = {"all": dice.choice(levels)} if dice.random() < 0.6 else {}
    for rule in IDS:
        form = dice.choice(("left out", "level", "object"))
        if form == "level":
            found[rule] = dice.choice(levels)
        elif form == "object":
            stated = {"enforcementLevel": dice.choice(levels)} if dice.random() < 0.5 else {}
            number = (
                {properties[rule]: dice.choice([0, 7.5, 100])} if rule in properties and dice.random() < 0.7 else {}
            )
            found[rule] = {**stated, **number}
    return found


def test_limits_are_those_that_the_pack_judges_by() -> None:
    dice = random.Random(1)
    for document in (None, {}, *(random_configuration(dice) for _ in range(300))):
        assert read_band_policies(document) == of_the_pack(document), document


@pytest.mark.parametrize("stack", ["local", "dev", "prod", "org/project/prod"])
def test_limits_of_the_stacks_of_this_repository(stack: str) -> None:
    document: Mapping[str, Any] = json.loads((ROOT / "stacks" / f"policies.{stack.split('/')[-1]}.json").read_text())
    assert band_policies_of(ROOT, stack) == of_the_pack(document)


def test_a_project_without_a_pack_has_no_limits(tmp_path: Path) -> None:
    assert band_policies_of(tmp_path, "prod") == NO_POLICIES


@pytest.mark.parametrize("text", [None, "{", "[1]", '{"over-provisioned": {"headroom_percent": "much"}}'])
def test_a_configuration_that_the_pack_refuses_counts_as_left_out(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "PulumiPolicy.yaml").write_text("runtime: python")
    (tmp_path / "stacks").mkdir()
    if text is not None:
        (tmp_path / "stacks" / "policies.prod.json").write_text(text)
    assert band_policies_of(tmp_path, "prod") == read_band_policies(None)
