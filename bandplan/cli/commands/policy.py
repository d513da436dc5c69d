"""`bandplan policy`: judge models.yaml against the policy pack, or list the pack's rules."""

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.annotations.output import Findings, add_format_arguments, published
from bandplan.cli.columns import show_described, terminal_width
from bandplan.cli.paint import RED, YELLOW, painted, say, say_finding
from bandplan.cli.project import LOCAL, Project, find_project
from bandplan.cli.refusal import WRONG_MODELS
from bandplan.cli.stack_choice import own_name
from bandplan.embedded.layout import hanging
from bandplan.wire.visible import visible

if TYPE_CHECKING:
    from bandplan.policies.finding import Violation
    from bandplan.serving.spec.problem import Problem

LIST_VERSION = 1
"""Of the shape that `list --json` prints."""


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    test = actions.add_parser(
        "test", help="judge models.yaml without a workspace or state; exit status 1 if a mandatory policy is violated"
    )
    test.add_argument("--stack", default=LOCAL, help=f"stack whose overrides and policies apply (default: {LOCAL})")
    test.add_argument("--models", type=Path, metavar="FILE", help="file to judge (default: that of the stack)")
    shown = test.add_mutually_exclusive_group()
    shown.add_argument(
        "--json", action="store_true", help="print `policyEvents` in the shape of `bandplan preview --json`"
    )
    add_format_arguments(test, shown)
    listing = actions.add_parser("list", help="list every rule and its level in each stack")
    listing.add_argument("--json", action="store_true", help="print the rules as JSON (`bandplan schema output`)")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.plugin.lean_sdk import import_late

    import_late()
    project = find_project(Path.cwd())
    if arguments.action == "list":
        return show_rules(project, is_json=arguments.json)
    with published(arguments, project, f"policy/{own_name(arguments.stack)}") as findings:
        return test(project, arguments.stack, arguments.models, findings, is_json=arguments.json)


def test(project: Project, stack: str, models: Path | None, findings: Findings, *, is_json: bool = False) -> int:
    """Judge the file and add what is found to `findings`; return 1 if a mandatory rule is violated, 2 if the file has
    errors.
    """
    from bandplan.cli.annotations.annotation import in_repository, of_problems, of_violations
    from bandplan.cli.policies import analyzer_of, configuration_file
    from bandplan.cli.policy_subjects import policy_subjects
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.planning.plan import Refused, plan_stack
    from bandplan.serving.planning.record import record_of
    from bandplan.serving.planning.request import PlanRequest

    choice = choose_stack(project, stack, os.environ, models)
    analyzer = analyzer_of(project, choice.name)
    configuration = configuration_file(project, stack)
    if not configuration.is_file():
        shown = project.shown(configuration)
        print(f"{shown} does not exist, so every rule has the policy pack's default level", file=sys.stderr)
    plan = plan_stack(
        PlanRequest(
            project.root,
            choice.models,
            choice.name,
            record_of(project.root),
            file=choice.shown_models,
            offline=True,
            judges_registry=False,
            takes_unrecorded=True,
        )
    )
    file = in_repository(choice.models, project.root)
    if isinstance(plan, Refused):
        findings.annotations += of_problems(plan.checked.errors, file)
        return tell_problems(plan.checked.problems, choice.shown_models, is_json=is_json)
    subjects = policy_subjects(plan, project.name, stack)
    for version in plan.checked.unrecorded:
        told = f"{version.model} version {version.version}"
        print(
            f"not sized because its optimization info is not recorded on this machine: {told} (run "
            "`bandplan validate` to record it)",
            file=sys.stderr,
        )
    violations = [
        violation
        for urn, type_token, properties in subjects.endpoints
        for violation in analyzer.analyze(urn, type_token, urn.rsplit("::", 1)[-1], properties)
    ]
    violations += analyzer.analyze_stack(subjects.stack)
    findings.annotations += of_violations(violations, plan.checked.source, file)
    tell(violations, len(subjects.endpoints), analyzer.place, is_json=is_json)
    return 1 if any(violation.level == "mandatory" for violation in violations) else 0


def tell_problems(problems: Sequence["Problem"], file: str, *, is_json: bool) -> int:
    """Print the file's errors and that nothing was judged; with `is_json`, as diagnostics of a preview."""
    errors = [problem.render() for problem in problems if problem.severity == "error"]
    if is_json:
        print("\n".join(errors), file=sys.stderr)
        told = [{"severity": "error", "message": f"error: {error}\n"} for error in errors]
        print(json.dumps({"policyEvents": [], "diagnostics": told}, indent=4))
    else:
        for error in errors:
            say_finding(error)
        print(f"nothing was judged: {file} has errors")
    return WRONG_MODELS


def tell(violations: Sequence["Violation"], judged: int, place: str, *, is_json: bool) -> None:
    """Print the violations as a preview does; `judged` is the number of endpoints, `place` where the pack is."""
    from bandplan.embedded.digest import in_order, policy_event_json
    from bandplan.embedded.events import Judged, PolicyViolated
    from bandplan.embedded.policy_lines import policy_section
    from bandplan.policies.pack import NAME, VERSION

    events = [PolicyViolated(NAME, VERSION, one.policy, one.urn, f"{one.message}\n", one.level) for one in violations]
    if is_json:
        json.dump({"policyEvents": in_order([policy_event_json(event) for event in events])}, sys.stdout, indent=4)
        print()
    else:
        section = "\n".join(policy_section(f"{NAME}@v{VERSION} ({place})", events, Judged(judged, stack=True)))
        for line in section.rstrip().split("\n"):
            style = RED if "[mandatory]" in line else YELLOW if "[advisory]" in line else ""
            for part in hanging(visible(line), terminal_width()):
                say(painted(part, style))


def show_rules(project: Project, *, is_json: bool) -> int:
    """Print one line per rule: its id, its level in each configured stack, and its description; or all that as JSON."""
    from bandplan.cli.errors import UsageProblem
    from bandplan.cli.policies import configuration_file, configured_rules
    from bandplan.policies.errors import BadConfiguration
    from bandplan.policies.own import rules_of

    try:
        rules = rules_of(project.root)
    except BadConfiguration as error:
        raise UsageProblem(str(error)) from error
    stacks = [stack for stack in project.configured_stacks if configuration_file(project, stack).is_file()]
    levels = [[one.level for one in configured_rules(project, stack)] for stack in stacks]
    if is_json:
        told = [
            {
                "id": rule.id,
                "description": rule.description,
                "kind": rule.kind,
                "levels": {stack: str(column[index]) for stack, column in zip(stacks, levels, strict=True)},
            }
            for index, rule in enumerate(rules)
        ]
        print(json.dumps({"version": LIST_VERSION, "command": "policy list", "rules": told}, indent=2))
        return 0
    rows = [("RULE", *(stack.upper() for stack in stacks), "")]
    rows += [(rule.id, *(column[index] for column in levels), rule.description) for index, rule in enumerate(rules)]
    show_described(rows)
    return 0
