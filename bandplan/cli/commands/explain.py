"""`bandplan explain`: what a rule's code in a message means, where it is from, and whether it can be waived."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.columns import show_facts
from bandplan.cli.errors import NoProject, UsageProblem
from bandplan.cli.project import find_project

if TYPE_CHECKING:
    from bandplan.serving.spec.problem import Rule


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("code", nargs="?", metavar="CODE", help="code of a message, as S8-chunk (default: list them)")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.serving.spec.suggestion import did_you_mean

    file_rules, policies = rules_of_the_file(), rules_of_the_pack()
    code = arguments.code
    if code is None:
        rows: list[tuple[str, str, str]] = [(rule.id, rule.severity, rule.text) for rule in file_rules.values()]
        rows += [(name, "policy", rule.description) for name, rule in policies.items()]
        show_facts(rows)
        print("\n`bandplan explain CODE` prints more about one", file=sys.stderr)
        return 0
    known = {name.lower(): name for name in (*file_rules, *policies)}
    # A policy and a rule of the file may share a code; both are meant then.
    name = known.get(code.lower())
    if name is None:
        begun = [one for one in known.values() if one.lower().startswith(f"{code.lower()}-")]
        if len(begun) != 1:
            step = f"codes that begin with it: {', '.join(begun)}" if begun else "`bandplan explain` lists them"
            raise UsageProblem(f"{code}: no such code; {step if begun else did_you_mean(code, known.values(), step)}")
        name = begun[0]
    found = [*about_rule(file_rules[name])] if name in file_rules else []
    if name in policies:
        found += [*([""] if found else []), *about_policy(policies[name])]
    print("\n".join(found))
    return 0


def rules_of_the_file() -> dict[str, "Rule"]:
    """Return the rules of models.yaml by code."""
    from bandplan.serving.spec import rules as file_rules
    from bandplan.serving.throughput import rules

    return {rule.id: rule for rule in (*file_rules.ALL, *rules.ALL)}


def rules_of_the_pack() -> Mapping[str, Any]:
    """Return the policies by id, the project's own included. Errors: UsageProblem if one of those cannot be read."""
    from bandplan.plugin.lean_sdk import import_late

    import_late()
    from bandplan.policies.errors import BadConfiguration
    from bandplan.policies.own import rules_of

    try:
        root = find_project(Path.cwd()).root
    except NoProject:
        root = Path(__file__).parent  # has no rules of its own
    try:
        return {rule.id: rule for rule in rules_of(root)}
    except BadConfiguration as error:
        raise UsageProblem(str(error)) from error


def about_rule(rule: "Rule") -> Iterator[str]:
    """Yield the rule, its source, what it means for a deployment, and the platform's refusals that it comes before."""
    from bandplan.serving.throughput.refusals import REFUSALS

    yield f"{rule.id} ({rule.severity} of models.yaml): {rule.text}"
    yield f"source: {rule.origin}"
    if rule.severity == "error":
        yield "An error stops validate, preview and up before anything is changed; it cannot be waived."
    else:
        yield "A warning stops nothing. To waive it, write in the entry:"
        yield f"  waivers: [{{policy: {rule.id}, reason: WHY, owner: WHO, expires: YYYY-MM-DD}}]"
    refused = [one for one in REFUSALS if f"`{rule.id}`" in one.by]
    if refused:
        yield "It comes before the platform's refusal of:"
        yield from (f"  - {one.what} (caught by {one.caught})" for one in refused)


def about_policy(rule: Any) -> Iterator[str]:
    """Yield the policy, its level unless a stack sets one, and its properties with their defaults."""
    yield f"{rule.id} (policy): {rule.description}"
    yield f"level: {rule.level}, unless policies.STACK.json sets another; `bandplan policy list` shows each stack's"
    for name, schema in rule.properties.items():
        default = f" (default: {schema['default']})" if "default" in schema else ""
        yield f"  {name}: {schema.get('description', schema.get('type', ''))}{default}"
    yield "more: bandplan docs policies"
