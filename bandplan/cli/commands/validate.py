"""`bandplan validate`: report every problem of models.yaml that can be found before a deployment, in one run."""

import argparse
import json
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.annotations.output import Findings, add_format_arguments, published
from bandplan.cli.paint import say_finding
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.refusal import WRONG_MODELS
from bandplan.cli.stack_argument import add_stack_argument
from bandplan.cli.watching import add_watch_argument, watch
from bandplan.counted import counted

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.serving.planning.checked import Checked
    from bandplan.serving.planning.request import PlanRequest
    from bandplan.serving.workspace.cache import Cache
    from bandplan.serving.workspace.client import WorkspaceClient

VERSION = 1
"""Of the shape that `--json` prints."""


def configure(parser: argparse.ArgumentParser) -> None:
    add_stack_argument(parser, f"stack whose overrides apply (default: {LOCAL})")
    parser.add_argument("--models", type=Path, metavar="FILE", help="file to check (default: that of the stack)")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("--json", action="store_true", help="print the problems as JSON (`bandplan schema output`)")
    shown.add_argument("--show", action="store_true", help="print the fleet after merging defaults and overrides")
    add_format_arguments(parser, shown)
    add_watch_argument(parser)
    parser.add_argument(
        "--record",
        action="store_true",
        help="write optimization info and aliases to stacks/optimization-info.json, which you commit",
    )
    asking = parser.add_mutually_exclusive_group()
    asking.add_argument(
        "--offline", action="store_true", help="use recorded optimization info and contact no workspace"
    )
    asking.add_argument("--refresh", action="store_true", help="read all optimization info from the workspace again")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.stack_choice import choose_stack

    project = find_project(Path.cwd())
    choice = choose_stack(project, arguments.stack, os.environ, arguments.models)
    if arguments.watch:
        return watch(arguments, project, choice.models)
    with published(arguments, project, f"validate/{choice.name}") as findings:
        return validate(choice, arguments, findings)


def validate(choice: "StackChoice", arguments: argparse.Namespace, findings: Findings) -> int:
    """Check the file, print what was found and add it to `findings`; return the exit status."""
    from bandplan.cli.annotations.annotation import in_repository, of_problems
    from bandplan.cli.errors import CommandError
    from bandplan.serving.planning.deployment import planned_amounts
    from bandplan.serving.planning.plan import Plan, Refused, plan_stack

    request = plan_request(choice, arguments)
    plan = plan_stack(request)
    checked = plan.checked
    failure = f"throughput was not checked: {plan.error}" if isinstance(plan, Refused) and plan.error else ""
    if not failure:
        if arguments.offline:
            show_unrecorded(checked)
        try:
            if arguments.record:
                record(request.record, choice.project.root, checked)
        except CommandError as error:
            failure = str(error)
    findings.annotations += of_problems(
        (*checked.errors, *checked.warnings), in_repository(choice.models, choice.project.root)
    )
    findings.failure = failure or None
    if arguments.json:
        print(json.dumps(document(checked, choice.models, arguments.stack, failure or None), indent=2))
        return WRONG_MODELS if checked.errors else 1 if failure else 0
    if isinstance(plan, Plan) and not arguments.show:
        for line in planned_amounts(plan.sizings):
            print(line)
    status = report(checked, choice, arguments)
    if failure:
        say_finding(f"error: {failure}", sys.stderr)
        return status or 1
    return status


def plan_request(choice: "StackChoice", arguments: argparse.Namespace) -> "PlanRequest":
    """Request every check that a workspace allows, and only the optimization info that is not recorded."""
    from bandplan.cli.errors import CommandError
    from bandplan.serving.planning.record import FOLDER, record_of
    from bandplan.serving.planning.request import PlanRequest
    from bandplan.serving.workspace.errors import WorkspaceError
    from bandplan.wire.band_policies import band_policies_of

    root = choice.project.root
    cache = record_of(root)

    def workspace(checked: "Checked") -> "WorkspaceClient | None":
        if arguments.offline or not checked.asks_anything:
            return None
        try:
            client = choice.client()
        except CommandError as error:
            raise WorkspaceError(str(error)) from error
        is_recorded = set(checked.needed) <= cache.recorded(client.host).keys()
        if checked.registered or checked.followed or checked.has_legacy or arguments.refresh or not is_recorded:
            client.require_answer()
        return client

    def cannot_record(error: OSError) -> None:
        reason = error.strerror or type(error).__name__
        print(f"warning: optimization info is not recorded in {root / FOLDER}: {reason}", file=sys.stderr)

    return PlanRequest(
        root,
        choice.models,
        choice.name,
        cache,
        workspace,
        date.today(),
        band_policies_of(root, choice.name),
        file=choice.shown_models,
        offline=arguments.offline,
        refresh=arguments.refresh,
        thorough=True,
        known_stacks={LOCAL, *choice.project.configured_stacks},
        cannot_record=cannot_record,
    )


def show_unrecorded(checked: "Checked") -> None:
    """Name the aliases without recorded info: whatever depends on them was not checked."""
    for alias in checked.followed:
        if alias not in checked.registry.aliases:
            told = f"{alias.model}@{alias.alias}"
            print(
                f"not checked because its optimization info is not recorded: {told} (run `bandplan validate --record`)",
                file=sys.stderr,
            )


def record(cache: "Cache", root: Path, checked: "Checked") -> None:
    """Write the workspace's answers, and what was recorded before, to the committed file.

    Outdated answers are dropped: an alias that no longer points anywhere, a version that is not eligible. Errors:
    CommandError.
    """
    from bandplan.cli.errors import CommandError
    from bandplan.serving.planning.record import COMMITTED
    from bandplan.serving.throughput.optimization_info import OptimizationInfo

    told = {**cache.recorded_anywhere(), **checked.answers}
    known = {key: info for key, info in told.items() if isinstance(info, OptimizationInfo) and info.optimizable}
    aliases = {**cache.recorded_aliases(), **checked.registry.aliases}
    numbers = {alias: number for alias, number in aliases.items() if isinstance(number, str)}
    try:
        cache.commit(known, numbers)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CommandError(f"{root / COMMITTED} cannot be written: {reason}") from error


def report(checked: "Checked", choice: "StackChoice", arguments: argparse.Namespace) -> int:
    """Print errors, warnings, waived warnings and a summary; or the fleet, and all that on standard error."""
    from bandplan.serving.spec.problem import printable

    stream = sys.stderr if arguments.show else sys.stdout
    for problem in (*checked.errors, *checked.warnings):
        say_finding(problem.render(), stream)
    for waived in checked.waived:
        print(waived.render(), file=stream)
    if arguments.show and checked.fleet is not None:
        from bandplan.serving.spec.show import to_yaml

        print(to_yaml(checked.fleet), end="")
    else:
        endpoints = "no fleet" if checked.fleet is None else counted(len(checked.fleet.models), "endpoint")
        found = f"{counted(checked.count('error'), 'error')}, {counted(checked.count('warning'), 'warning')}"
        found = found if checked.counted else f"at least {found}"
        aside = f", {len(checked.waived):,} waived" if checked.waived else ""
        print(printable(f"{choice.shown_models} (stack {arguments.stack}): {endpoints}, {found}{aside}"), file=stream)
    return WRONG_MODELS if checked.errors else 0


def document(checked: "Checked", models: Path, stack: str, failure: str | None) -> dict[str, Any]:
    """Return what `--json` prints: every problem in its parts. `failure` is what could not be checked, and why."""
    from bandplan.cli.json_output import problem_fields

    return {
        "version": VERSION,
        "command": "validate",
        "stack": stack,
        "models": models.name,
        "endpoints": None if checked.fleet is None else len(checked.fleet.models),
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
        "isComplete": checked.counted,
        "failure": failure,
        "problems": [problem_fields(problem) for problem in (*checked.errors, *checked.warnings)],
        "waived": [waived.render() for waived in checked.waived],
    }
