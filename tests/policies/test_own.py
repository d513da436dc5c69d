"""Rules of a project's own, beside bandplan's: found by themselves, and refused with every reason in one go."""

from datetime import date
from pathlib import Path

import pytest

from bandplan.policies.analyzer import Analyzer
from bandplan.policies.configuration import configured
from bandplan.policies.errors import BadConfiguration
from bandplan.policies.own import project_of, rules_of
from bandplan.policies.pack import RULES
from bandplan.policies.rule import EndpointRule
from bandplan.policies.testing import endpoint, findings, fleet
from bandplan.wire.types import ENDPOINT
from tests.policies import builders

RULE = """\
from bandplan.policies.finding import Finding
from bandplan.policies.rule import EndpointRule


def check(endpoint, settings):
    if endpoint.name.startswith("tmp-"):
        yield Finding("is temporary; choose a lasting name")


RULE = EndpointRule("{id}", "Names last.", "advisory", check)
"""


def write(root: Path, name: str, text: str) -> None:
    path = root / "policies" / "own" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def own_ids(root: Path) -> list[str]:
    return [rule.id for rule in rules_of(root)[len(RULES) :]]


def test_project_without_own_rules_has_bandplans(tmp_path: Path) -> None:
    assert rules_of(tmp_path) == RULES


def test_modules_are_found_by_themselves_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "b.py", RULE.format(id="second"))
    write(tmp_path, "a.py", RULE.format(id="first"))
    write(tmp_path, "_names.py", "raise SystemError\n")
    write(tmp_path, "test_a.py", "raise SystemError\n")
    assert own_ids(tmp_path) == ["first", "second"]


def test_a_module_may_state_several(tmp_path: Path) -> None:
    write(tmp_path, "a.py", RULE.format(id="first") + "RULES = (RULE, EndpointRule('more', 'D.', 'advisory', check))\n")
    assert own_ids(tmp_path) == ["first", "more"]


def test_every_problem_is_told_with_its_place(tmp_path: Path) -> None:
    write(tmp_path, "a.py", "x = 1\n\nraise ValueError('no table')\n")
    write(tmp_path, "b.py", "def check(:\n")
    write(tmp_path, "c.py", "x = 1\n")
    write(tmp_path, "d.py", RULE.format(id="over-provisioned"))
    write(tmp_path, "e.py", RULE.format(id="twice"))
    write(tmp_path, "f.py", RULE.format(id="twice"))
    with pytest.raises(BadConfiguration) as refused:
        rules_of(tmp_path)
    lines = str(refused.value).splitlines()
    assert lines[0] == "policies/own/a.py:3: cannot be imported: ValueError: no table"
    assert lines[1].startswith("policies/own/b.py:1: cannot be imported: SyntaxError: ")
    assert lines[2].startswith("policies/own/c.py: states no rule; write RULE = EndpointRule(")
    assert lines[3] == "policies/own/d.py: the id over-provisioned is one of bandplan's; choose another one"
    assert lines[4] == "policies/own/f.py: the id twice is that of policies/own/e.py too; choose another one"


BROKEN = """\
from bandplan.policies.rule import EndpointRule


def raises(endpoint, settings):
    return endpoint.tags["cost centre"]


def gives_text(endpoint, settings):
    yield "too large"


def bounds(endpoint, entity, settings):
    raise ValueError("no table")


RULES = (
    EndpointRule("raises", "Has a cost centre.", "advisory", raises),
    EndpointRule("gives-text", "Is small.", "advisory", gives_text),
    EndpointRule("bounds", "Fits.", "advisory", lambda endpoint, settings: (), bounds=bounds),
)
"""


def test_rule_that_fails_is_told_with_its_place_and_the_others_judge_on(tmp_path: Path) -> None:
    write(tmp_path, "broken.py", BROKEN)
    write(tmp_path, "names.py", RULE.format(id="names"))
    rules = configured(rules_of(tmp_path)[len(RULES) :], {"all": "advisory"})
    inputs = builders.endpoint(builders.band(), name="tmp-chat")
    found = Analyzer(rules, tmp_path, date(2026, 11, 30)).analyze("urn", ENDPOINT, "tmp-chat", inputs)
    told = {one.policy: (one.level, one.message.split("\n")[1]) for one in found}
    file = "policies/own/broken.py"
    tail = "; correct the rule"
    assert told == {
        "raises": ("mandatory", f"{file}:5: the rule failed: KeyError: 'cost centre'{tail}"),
        "gives-text": (
            "mandatory",
            f"{file}: the rule failed: TypeError: it gives a str where a Finding is expected{tail}",
        ),
        "bounds": ("mandatory", f"{file}:13: the rule failed: ValueError: no table{tail}"),
        "names": ("advisory", "is temporary; choose a lasting name"),
    }
    assert len(found) == len(told), "a rule that failed twice is reported once"


def test_project_of_a_pack_is_the_nearest_above_it(tmp_path: Path) -> None:
    """Its folder is `policies`, or `.bandplan/policies` for the rules that bandplan ships."""
    assert project_of(tmp_path / "policies") == tmp_path
    (tmp_path / "Pulumi.yaml").touch()
    assert project_of(tmp_path / "policies") == project_of(tmp_path / ".bandplan/policies") == tmp_path


def rule_of(id: str) -> EndpointRule:
    (found,) = [rule for rule in RULES if rule.id == id]
    assert isinstance(found, EndpointRule)
    return found


def test_builders_make_what_the_rules_judge() -> None:
    """1,000 tokens/s and 20% are 1,200: two chunks of 980, so a ceiling of three is too much and two are not."""
    over = rule_of("over-provisioned")
    assert findings(over, endpoint(bands=(1, 2), demand_tokens_per_second=1000)) == []
    (found,) = findings(over, endpoint(bands=(1, 3), demand_tokens_per_second=1000))
    assert "ceiling 2,940 tokens/s" in found
    assert findings(rule_of("owner-missing"), endpoint(tags={"owner": "ana@example.com"})) == []
    assert findings(rule_of("owner-missing"), endpoint(tags={"lead": "ana"}), tag="lead") == []


def test_builders_make_a_fleet_and_model_units() -> None:
    (budget,) = [rule for rule in RULES if rule.id == "stack-budget"]
    whole = fleet(endpoint(bands=(1, 2)), endpoint("units", model_units=50))
    assert findings(budget, whole, tokens_per_second=1960, model_units=50) == []
    assert len(findings(budget, whole, tokens_per_second=1959, model_units=49)) == 2
