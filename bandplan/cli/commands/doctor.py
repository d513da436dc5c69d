"""`bandplan doctor`: what is installed, reachable, logged in and locked, with a step for everything that is wrong.

With --json: `version` (of this shape, 1), `command` and `findings`, each with `level` (ok, warning or error),
`subject`, `finding` and `step` ("" if nothing is to be done); schemas/output.schema.json has the shape.
"""

import argparse
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.columns import aligned
from bandplan.cli.errors import NoProject
from bandplan.cli.project import find_project
from bandplan.counted import counted

if TYPE_CHECKING:
    from bandplan.cli.diagnosis import Finding

VERSION = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stack", help="check the workspace of this stack alone, and fail if it cannot be used (default: every stack)"
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

    try:
        project = find_project(Path.cwd())
    except NoProject:
        yield from diagnosis.installation(os.environ)
        yield diagnosis.Finding("error", "project", f"none at or above {Path.cwd()}", "run `bandplan init`, or give -C")
        return
    if arguments.stack is not None:
        choose_stack(project, arguments.stack, os.environ)
    yield from diagnosis.installation(os.environ)
    yield from diagnosis.of_project(project, os.environ)
    if not arguments.offline:
        stacks: Sequence[str] = [arguments.stack] if arguments.stack else project.configured_stacks
        yield from diagnosis.of_workspaces(project, stacks, os.environ, must_answer=arguments.stack is not None)


def show(finding: "Finding") -> None:
    from bandplan.serving.spec.problem import printable

    mark = {"ok": "ok", "warning": "warn", "error": "FAIL"}[finding.level]
    (line,) = aligned([(f"{mark:<4}", f"{finding.subject:<16}", finding.finding)])
    print(printable(line), flush=True)
    if finding.step:
        print(printable(f"{'':<24}{finding.step}"), flush=True)
