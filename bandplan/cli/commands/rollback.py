"""`bandplan rollback NAME`: restore an entry's previous version in models.yaml, and move all its traffic back."""

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.errors import CommandError
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_engine import add_stack_arguments, open_stack, options_of

if TYPE_CHECKING:
    from bandplan.cli.rollback import GoingBack


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="endpoint to roll back")
    add_stack_arguments(parser)
    parser.add_argument(
        "--to",
        metavar="VERSION",
        help="version to go back to (default: the one that still serves, or the last one in Git)",
    )
    parser.add_argument(
        "--write", action="store_true", help="write models.yaml only; the next `up` changes the endpoint"
    )
    parser.add_argument("--yes", action="store_true", help="write models.yaml and move the traffic back now")
    parser.set_defaults(offline=False, diff=False, parallel=None)


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.models_text import open_models
    from bandplan.cli.rollback import going_back, require_deployable, written
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.workspace.errors import WorkspaceError

    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    if choice.stack == LOCAL and not (arguments.write or arguments.yes):
        require_running(choice.project)
    try:
        models = open_models(choice, choice.client())
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    back = going_back(models, arguments.name, arguments.to)
    print(back.described(), flush=True)
    require_deployable(back)
    if not (arguments.write or arguments.yes):
        steps = (
            f"add `--yes` to write {back.file} and move the traffic back now, or `--write` to write {back.file} only"
        )
        print(f"\nNothing was changed: {steps}.")
        return 0
    written(back)
    if not arguments.yes:
        print(f"\n{back.file} was written; commit it, and the next `up` moves all traffic back in one step.")
        return 0
    return act(back, arguments)


def act(back: "GoingBack", arguments: argparse.Namespace) -> int:
    """Move the traffic if the old version still serves; otherwise deploy the stack, without steps for this entry."""
    from bandplan.cli.rollback import move_traffic

    if back.still_serves:
        move_traffic(back, lambda text: print(text, flush=True))
        print(
            f"{back.name}: version {back.version} has all traffic. Commit {back.file}; the next `up` "
            "releases the other version's capacity."
        )
        return 0
    os.environ["BANDPLAN_AT_ONCE"] = back.name
    opened = open_stack(arguments)
    done = opened.engine.up(options_of(arguments))
    if done.ok:
        print(f"{back.name}: version {back.version} has all traffic. Commit {back.file}.")
    return 0 if done.ok else 1
