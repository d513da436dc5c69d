"""`bandplan check`: everything that a change has to pass, without a workspace, a state or a network."""

import argparse
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.annotations.output import Findings, add_format_arguments, published
from bandplan.cli.errors import CommandError
from bandplan.cli.paint import GREEN, RED, painted, say, say_finding
from bandplan.cli.progress import doing
from bandplan.cli.project import LOCAL, Project, find_project
from bandplan.counted import counted

if TYPE_CHECKING:
    from bandplan.serving.planning.checked import Checked

TESTS = "test_*.py"
TEST_SECONDS = 300
"""The limit for the tests of a project's own rules; arbitrary."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--stack",
        action="append",
        metavar="STACK",
        help="check only this stack; may be repeated (default: every stack)",
    )
    add_format_arguments(parser)


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.plugin.lean_sdk import import_late

    import_late()
    project = find_project(Path.cwd())
    stacks = arguments.stack or [LOCAL, *(one for one in project.configured_stacks if one != LOCAL)]
    for stack in stacks:
        choose_stack(project, stack, os.environ)
    with published(arguments, project, "check") as findings:
        told: set[str] = set()
        failed = [f"stack {stack}" for stack in stacks if not is_stack_sound(project, stack, findings, told)]
        failed += failures(project, stacks)
        # What several stacks have in common is shown once.
        findings.annotations = list(dict.fromkeys(findings.annotations))
        print()
        say("check: ", painted("failed", RED) if failed else painted("passed", GREEN), named(failed))
    return 1 if failed else 0


def named(failed: list[str]) -> str:
    return f": {', '.join(failed)}" if failed else ""


def is_stack_sound(project: Project, stack: str, findings: Findings, told: set[str]) -> bool:
    """Check the models file and judge it by the policies of the stack; print what is found and add it to `findings`.

    `told` are the problems that earlier stacks printed; they are counted and not printed again.
    """
    from bandplan.cli.annotations.annotation import in_repository, of_problems
    from bandplan.cli.commands import policy
    from bandplan.cli.stack_choice import choose_stack

    print(f"stack {stack}", flush=True)
    try:
        with doing(f"checking the stack {stack}"):
            checked = checked_file(project, stack)
        texts = [problem.render() for problem in checked.problems]
        for text in texts:
            if text not in told:
                say_finding(text)
        if again := sum(text in told for text in texts):
            print(f"{counted(again, 'problem')} of the models file, as above", flush=True)
        told.update(texts)
        file = in_repository(choose_stack(project, stack, os.environ).models, project.root)
        findings.annotations += of_problems(checked.problems, file)
        if checked.errors:
            print("nothing was judged: the models file has errors", flush=True)
            return False
        return policy.test(project, stack, None, findings) == 0
    except CommandError as error:
        say_finding(f"error: {error}", sys.stderr)
        return False


def checked_file(project: Project, stack: str) -> "Checked":
    """Check the stack's models file; versions whose optimization info is not recorded stay unsized."""
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.planning.plan import plan_stack
    from bandplan.serving.planning.record import record_of
    from bandplan.serving.planning.request import PlanRequest
    from bandplan.wire.band_policies import band_policies_of

    choice = choose_stack(project, stack, os.environ)
    return plan_stack(
        PlanRequest(
            project.root,
            choice.models,
            choice.name,
            record_of(project.root),
            policies=band_policies_of(project.root, choice.name),
            file=choice.shown_models,
            offline=True,
            thorough=True,
            takes_unrecorded=True,
            known_stacks={LOCAL, *project.configured_stacks},
        )
    ).checked


def failures(project: Project, stacks: list[str]) -> Iterator[str]:
    """Check the workflows, the requirements and the tests of the project's own rules; yield what failed."""
    from bandplan.cli.workflow_files import check_workflows

    workflows = check_workflows(project.root, project.configured_stacks, project.shown)
    for problem in workflows.problems:
        say_finding(f"error: {problem}", sys.stderr)
    files, commands = counted(workflows.files, "file"), counted(workflows.commands, "bandplan command")
    print(f"workflows: {files}, {commands}", flush=True)
    if workflows.problems:
        yield "workflows"
    problems = list(requirement_problems(project))
    for problem in problems:
        say_finding(f"error: {problem}", sys.stderr)
    if problems:
        yield "requirements.txt"
    if not have_tests_passed(project):
        yield "tests in policies/own/"


def requirement_problems(project: Project) -> Iterator[str]:
    """Compare the pin with this installation, and with what the models file needs."""
    from bandplan.cli.main import installed_version
    from bandplan.cli.requirement_file import NAME, read_pin

    pin = read_pin(project.root)
    if pin is None:
        return
    if pin.version != installed_version():
        yield (
            f"{NAME}: pins bandplan {pin.version}, and {installed_version()} is installed; "
            f"run `pip install -r {NAME}`, or `bandplan upgrade` to move the pin"
        )
    hashes = "with hashes" if pin.is_hashed else "without hashes (`bandplan upgrade --write` adds them)"
    print(f"{NAME}: bandplan {pin.version}, {hashes}", flush=True)


def have_tests_passed(project: Project) -> bool:
    """Run the tests beside the project's own rules with unittest; print their messages if one fails."""
    from bandplan.policies.own import FOLDER

    folder = project.root / FOLDER
    if not any(folder.glob(TESTS)):
        return True
    command = [sys.executable, "-m", "unittest", "discover", "-s", str(folder), "-t", str(folder), "-p", TESTS]
    try:
        with doing(f"running the tests in {FOLDER}"):
            done = subprocess.run(
                command,
                cwd=project.root,
                env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=TEST_SECONDS,
            )
    except subprocess.TimeoutExpired:
        print(f"error: {FOLDER}: the tests did not end within {TEST_SECONDS} s", file=sys.stderr)
        return False
    said = done.stderr.strip().splitlines()
    if done.returncode != 0:
        print("\n".join(said), file=sys.stderr)
        return False
    ran = next((line for line in reversed(said) if line.startswith("Ran ")), "tests passed")
    print(f"{FOLDER}: {ran.partition(' in ')[0].lower()}, all passed", flush=True)
    return True
