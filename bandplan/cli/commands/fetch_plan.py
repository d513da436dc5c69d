"""`bandplan fetch-plan`: fetch the plan that was reviewed with the pull request whose merge is being deployed."""

import argparse
import os
from contextlib import suppress
from pathlib import Path

from bandplan.cli.errors import CommandError, NoProject
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_choice import choose_stack
from bandplan.counted import counted


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="file to write the plan to, for `up --plan`")
    parser.add_argument("--stack", default=LOCAL, help=f"stack that the plan is for (default: {LOCAL})")
    parser.add_argument(
        "--run",
        type=int,
        metavar="N",
        help="take the plan from this run of the preview, started manually on this commit",
    )
    parser.add_argument(
        "--workflow",
        metavar="NAME",
        help="workflow file that runs the preview (default: preview.yml); on GitLab, the job (default: preview)",
    )


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.saved_plan.file import MOST_BYTES, read_plan
    from bandplan.forge.choice import forge_of
    from bandplan.forge.errors import ForgeError
    from bandplan.rest.clock import Clock

    with suppress(NoProject):  # a plan may be fetched anywhere
        choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    try:
        forge = forge_of(os.environ, default="github")
        plans = forge.reviewed_plans(os.environ, arguments.workflow, MOST_BYTES, Clock())
        number = plans.run_of_merge() if arguments.run is None else arguments.run
        if arguments.run is not None:
            plans.require_own_run(number)
        content = plans.plan(number, arguments.stack)
    except ForgeError as error:
        raise CommandError(str(error)) from error
    try:
        arguments.file.write_bytes(content)
    except OSError as error:
        raise CommandError(f"{arguments.file}: {error.strerror}") from error
    plan = read_plan(arguments.file)
    steps = counted(len(plan.steps), "step")
    print(f"{arguments.file}: the plan of run {number}, {plan.origin}: {steps} for {plan.stack}")
    return 0
