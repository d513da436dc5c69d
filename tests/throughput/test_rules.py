import re
from pathlib import Path
from types import ModuleType

import pytest

from bandplan.serving.spec import rules as file_rules
from bandplan.serving.spec.problem import Rule
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.rule_page import markdown

ROOT = Path(__file__).parents[2]


def test_page_of_rules_is_current() -> None:
    assert (ROOT / "docs" / "rules.md").read_text(encoding="utf-8") == markdown()


def test_ids_are_unique_and_those_of_warnings_are_kebab_case() -> None:
    every = [*file_rules.ALL, *rules.ALL]
    assert len({rule.id for rule in every}) == len(every)
    assert [
        rule.id for rule in every if rule.severity == "warning" and not re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.id)
    ] == []


@pytest.mark.parametrize("module", [file_rules, rules])
def test_every_rule_of_a_module_is_in_its_list(module: ModuleType) -> None:
    assert {value for value in vars(module).values() if isinstance(value, Rule)} == set(module.ALL)


def test_every_rule_has_a_test_that_names_its_id() -> None:
    tests = "".join(
        path.read_text(encoding="utf-8")
        for room in ("spec", "throughput")
        for path in (ROOT / "tests" / room).glob("*.py")
    )
    untested = {rule.id for rule in [*file_rules.ALL, *rules.ALL] if f'"{rule.id}"' not in tests}
    assert untested == set()
