"""A stack's configuration of the pack, in Pulumi's own shape, with the rules' defaults.

```json
{"all": "advisory", "over-provisioned": {"enforcementLevel": "mandatory", "headroom_percent": 30}}
```
"""

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from bandplan.policies.errors import BadConfiguration
from bandplan.policies.finding import Level
from bandplan.policies.rule import Rule
from bandplan.policies.shape import problems_of

LEVELS: Final[tuple[Level, ...]] = ("advisory", "mandatory", "disabled")


@dataclass(frozen=True, slots=True)
class Configured:
    """A rule with its level and its properties in one stack."""

    rule: Rule
    level: Level
    properties: Mapping[str, Any]


def configured(rules: Sequence[Rule], document: Any) -> tuple[Configured, ...]:
    """Return every rule as configured in the document, which may be None.

    Source of the merge rules: pkg/resource/analyzer/config.go in github.com/pulumi/pulumi (read 2026-11). Errors:
    BadConfiguration.
    """
    if document is None:
        document = {}
    if not isinstance(document, Mapping):
        raise BadConfiguration('an object is expected, such as {"all": "advisory"}')
    problems: list[str] = []
    given = {name: _given(str(name), value, problems) for name, value in document.items() if name != "environments"}
    problems += unknown_names(given.keys() - {"all"}, [rule.id for rule in rules])
    everywhere, _ = given.get("all", (None, {}))
    found = []
    for rule in rules:
        level, properties = given.get(rule.id, (None, {}))
        problems += property_problems(rule, properties)
        found.append(Configured(rule, level or everywhere or rule.level, {**defaults(rule), **properties}))
    if problems:
        raise BadConfiguration("\n".join(problems))
    return tuple(found)


def defaults(rule: Rule) -> dict[str, Any]:
    """Return the default values of a rule's properties."""
    return {name: schema["default"] for name, schema in rule.properties.items() if "default" in schema}


def unknown_names(names: Iterable[str], known: Sequence[str]) -> list[str]:
    """Return one problem for each name that is not a rule's."""
    found = []
    for name in sorted(set(names) - set(known)):
        likely = difflib.get_close_matches(name, known, n=1)
        step = f"did you mean {likely[0]}?" if likely else f"the rules are {', '.join(known)}"
        found.append(f"{name}: no such rule; {step}")
    return found


def property_problems(rule: Rule, properties: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with a rule's properties."""
    found = []
    for name, value in properties.items():
        schema = rule.properties.get(name)
        if schema is None:
            there = ", ".join(rule.properties) or "none"
            found.append(f"{rule.id}.{name}: no such property; the properties are {there}")
        else:
            found += problems_of(value, schema, f"{rule.id}.{name}")
    return found


def _given(name: str, value: Any, problems: list[str]) -> tuple[Level | None, dict[str, Any]]:
    """Return (level, properties) of one entry; add what is wrong with the level to `problems`."""
    properties = dict(value) if isinstance(value, Mapping) else {}
    level = properties.pop("enforcementLevel", None) if isinstance(value, Mapping) else value
    if not isinstance(value, (str, Mapping)):
        problems.append(f"{name}: write a level ({', '.join(LEVELS)}) or an object")
        return None, {}
    if level == "remediate":
        problems.append(f"{name}: remediate: no rule of this pack changes a resource; write mandatory")
        return None, properties
    if level is not None and level not in LEVELS:
        problems.append(f"{name}: {level!r} is not a level; write one of {', '.join(LEVELS)}")
        return None, properties
    return level, properties
