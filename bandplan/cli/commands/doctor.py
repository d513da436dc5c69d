"""`bandplan doctor`: what is installed, reachable, logged in and locked, with a step for everything that is wrong.

With --json: `version` (of this shape, 1), `command` and `findings`, each with `level` (ok, warning or error),
`subject`, `finding` and `step` ("" if nothing is to be done); `bandplan schema output` has the shape.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.columns import terminal_width
from bandplan.cli.errors import NoProject, UsageProblem
from bandplan.cli.paint import GREEN, RED, YELLOW, painted, say
from bandplan.cli.project import LOCAL, find_project
from bandplan.counted import counted
from bandplan.embedded.layout import wrapped

if TYPE_CHECKING:
    from bandplan.cli.diagnosis import Finding

VERSION = 1

COLUMN = 24
"""Where findings begin."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stack", help="check the workspace of this stack alone, and fail if it cannot be used (default: every stack)"
    )
    parser.add_argument(
        "--profile",
        metavar="NAME",
        help="log in with this profile of ~/.databrickscfg (with --stack: to its workspace), and fail if that fails",
    )
    parser.add_argument("--offline", action="store_true", help="contact no workspace")
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")


def run(arguments: argparse.Namespace) -> int:
    findings: list[Finding] = []
    for finding in diagnose(arguments):
        findings.append(finding)
        if not arguments.json:
            show(finding)
    errors = sum(finding.level == "error" for finding in findings)
    if arguments.json:
        told = [vars(finding) for finding in findings]
        print(json.dumps({"version": VERSION, "command": "doctor", "findings": told}, indent=2))
    else:
        warnings = sum(finding.level == "warning" for finding in findings)
        print(f"\n{counted(errors, 'problem')}, {counted(warnings, 'warning')}")
    return 1 if errors else 0


def diagnose(arguments: argparse.Namespace) -> Iterator["Finding"]:
    """Yield every finding, the quick ones first. Errors: UsageProblem for an unknown stack."""
    from bandplan.cli import diagnosis
    from bandplan.cli.stack_choice import choose_stack

    require_used(arguments)
    profile = None if arguments.stack else arguments.profile
    try:
        project = find_project(Path.cwd())
    except NoProject:
        yield from diagnosis.installation(os.environ)
        yield diagnosis.Finding("error", "project", f"none at or above {Path.cwd()}", "run `bandplan init`, or give -C")
        yield from diagnosis.of_logins(diagnosis.profile_login(profile, os.environ))
        return
    if arguments.stack is not None:
        choose_stack(project, arguments.stack, os.environ)
    yield from diagnosis.installation(os.environ)
    yield from diagnosis.of_project(project, os.environ)
    if not arguments.offline:
        stacks: Sequence[str] = [arguments.stack] if arguments.stack else project.configured_stacks
        logins = diagnosis.stack_logins(project, stacks, os.environ, must_answer=arguments.stack is not None)
        yield from diagnosis.of_logins({**diagnosis.profile_login(profile, os.environ), **logins})


def require_used(arguments: argparse.Namespace) -> None:
    """Raise UsageProblem for a profile that no workspace would be asked with."""
    if arguments.profile is not None and (arguments.offline or arguments.stack == LOCAL):
        reason = "--offline contacts no workspace" if arguments.offline else f"the stack {LOCAL} has no profile"
        raise UsageProblem(f"--profile {arguments.profile}: {reason}; leave one of them out, or name another stack")


def show(finding: "Finding") -> None:
    from bandplan.serving.spec.problem import printable

    mark, style = {"ok": ("ok", GREEN), "warning": ("warn", YELLOW), "error": ("FAIL", RED)}[finding.level]
    room = max((terminal_width() or 10**6) - COLUMN, 24)
    first, *others = wrapped(printable(finding.finding), room)
    say(painted(f"{mark:<4}", style), f"  {printable(finding.subject):<16}  {first}")
    for line in [*others, *(wrapped(printable(finding.step), room) if finding.step else ())]:
        say(" " * COLUMN + line)
    sys.stdout.flush()
