"""A stack's configuration: Pulumi's shape, Pulumi's way of merging it, and everything that is wrong in one go."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bandplan.policies.configuration import configured
from bandplan.policies.errors import BadConfiguration
from bandplan.policies.pack import RULES, VERSION
from bandplan.serving.spec import rules as file_rules
from bandplan.serving.spec.suggestion import nearest
from bandplan.serving.throughput import rules as throughput_rules

ROOT = Path(__file__).parent.parent.parent
PAGE = ROOT / "docs" / "policies.md"
STACKS = sorted((ROOT / "stacks").glob("policies.*.json"))


def levels(document: Any) -> dict[str, str]:
    return {one.rule.id: one.level for one in configured(RULES, document)}


def test_level_of_a_rule_comes_before_that_of_all_and_both_before_the_packs() -> None:
    assert levels(None)["over-provisioned"] == "mandatory"
    found = levels({"all": "disabled", "tags-missing": "mandatory", "over-provisioned": {"headroom_percent": 5}})
    assert found["tags-missing"] == "mandatory"
    assert set(found.values()) == {"mandatory", "disabled"}
    assert found["over-provisioned"] == "disabled"
    assert levels({"tags-missing": {"enforcementLevel": "mandatory", "tags": ["a"]}})["tags-missing"] == "mandatory"


def test_properties_that_are_left_out_have_their_defaults() -> None:
    (rule,) = (one for one in configured(RULES, {"observed-use": {"minimum_days": 3}}) if one.rule.id == "observed-use")
    assert rule.properties["minimum_days"] == 3
    assert rule.properties["minimum_samples"] == 1000


@pytest.mark.parametrize(
    ("document", "problems"),
    [
        ([], ['an object is expected, such as {"all": "advisory"}']),
        ({"over-provisoned": "mandatory"}, ["over-provisoned: no such rule; did you mean over-provisioned?"]),
        ({"tags-missing": 3}, ["tags-missing: write a level (advisory, mandatory, disabled) or an object"]),
        (
            {"all": "strict", "tags-missing": {"enforcementLevel": "remediate"}},
            [
                "all: 'strict' is not a level; write one of advisory, mandatory, disabled",
                "tags-missing: remediate: no rule of this pack changes a resource; write mandatory",
            ],
        ),
        (
            {"over-provisioned": {"headroom": 20, "headroom_percent": -1}},
            [
                "over-provisioned.headroom: no such property; the properties are headroom_percent, model_units_step",
                "over-provisioned.headroom_percent: -1 is less than 0",
            ],
        ),
        ({"over-provisioned": {"headroom_percent": True}}, ["over-provisioned.headroom_percent: True is not a number"]),
        ({"tags-missing": {"tags": ["a", 1]}}, ["tags-missing.tags[1]: 1 is not a string"]),
        (
            {"money-budget": {"bound": "middle", "teams": {"ml": "much"}}},
            [
                "money-budget.bound: 'middle' must be one of ceiling, floor",
                "money-budget.teams.ml: 'much' is not a number",
            ],
        ),
        (
            {"single-region": {"others": [{"region": "eu"}]}},
            ["single-region.others[0]: endpoints is missing"],
        ),
        (
            {"team-budget": {"others": {"tokens": 1}}},
            ["team-budget.others.tokens: no such property; the properties are tokens_per_second, model_units"],
        ),
        ({"observed-use": {"minimum_days": 1.5}}, ["observed-use.minimum_days: 1.5 is not an integer"]),
    ],
)
def test_everything_that_is_wrong_is_told_with_its_place(document: Any, problems: list[str]) -> None:
    with pytest.raises(BadConfiguration) as refused:
        configured(RULES, document)
    assert sorted(str(refused.value).splitlines()) == sorted(problems)


@pytest.mark.parametrize("path", STACKS, ids=lambda path: path.name)
def test_configuration_of_each_stack_is_sound_by_our_check_and_by_json_schema(path: Path) -> None:
    document = json.loads(path.read_text())
    for one in configured(RULES, document):
        schema = {"type": "object", "properties": dict(one.rule.properties)}
        jsonschema.validate(dict(one.properties), schema)


def test_every_rule_is_listed_once_and_its_defaults_have_their_shape() -> None:
    ids = [rule.id for rule in RULES]
    assert len(ids) == len(set(ids)) == 19
    for rule in RULES:
        configured(
            RULES, {rule.id: {name: one["default"] for name, one in rule.properties.items() if "default" in one}}
        )
        assert all("description" in schema for schema in rule.properties.values()), rule.id


def test_no_rules_id_is_taken_for_a_warning_mistyped() -> None:
    """`waiver-mistyped` would warn of its waivers."""
    warnings = [rule.id for rule in (*file_rules.ALL, *throughput_rules.ALL) if rule.severity == "warning"]
    assert {rule.id: meant for rule in RULES if (meant := nearest(rule.id, warnings, cutoff=0.8))} == {}


def test_version_is_that_of_the_pack_file() -> None:
    assert f"version: {VERSION}\n" in (ROOT / "policies" / "PulumiPolicy.yaml").read_text()


def test_page_of_policies_names_every_rule_and_every_property() -> None:
    page = PAGE.read_text()
    missing = [rule.id for rule in RULES if f"`{rule.id}`" not in page]
    missing += [f"{rule.id}.{name}" for rule in RULES for name in rule.properties if f"`{name}`" not in page]
    assert missing == []


def page_rows() -> dict[str, list[str]]:
    """Rule -> cells of its row in the table of the page."""
    rows = [line.strip("|").split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells] for cells in rows if len(cells) == 4}


def test_page_of_policies_has_the_levels_that_are_shipped() -> None:
    short = {"advisory": "adv", "mandatory": "mand", "disabled": "off"}
    shipped = [
        levels(json.loads((ROOT / "stacks" / f"policies.{stack}.json").read_text()))
        for stack in ("local", "dev", "prod")
    ]
    rows = page_rows()
    assert {rule: rows[rule][2] for rule in shipped[0]} == {
        rule: " / ".join(short[one[rule]] for one in shipped) for rule in shipped[0]
    }


def test_page_of_policies_states_each_default() -> None:
    rows = page_rows()
    for rule in RULES:
        for name, schema in rule.properties.items():
            default = schema.get("default")
            if isinstance(default, (int, str)) and not isinstance(default, bool) and default != "":
                assert f"`{name}` ({default})" in rows[rule.id][3] or f"`{name}` (`{default}`)" in rows[rule.id][3]


def test_examples_of_the_page_can_be_used() -> None:
    examples = re.findall(r"^```json\n(.*?)^```", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    configuration, measurements, region = examples
    assert levels(json.loads(configuration))["over-provisioned"] == "mandatory"
    jsonschema.validate(json.loads(measurements), json.loads((ROOT / "schemas/measurements.schema.json").read_text()))
    assert levels(json.loads(f"{{{region}}}"))["single-region"] == "mandatory"
    configured(RULES, {"money-budget": {"prices": "prices.yaml", "per_hour": 40}})
