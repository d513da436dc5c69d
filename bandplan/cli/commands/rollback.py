"""`bandplan rollback NAME`: restore an entry's previous version in models.yaml, and move all its traffic back."""

import argparse
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import CommandError
from bandplan.cli.number_types import whole
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_engine import add_stack_arguments, open_stack, options_of

if TYPE_CHECKING:
    from bandplan.cli.engines.engine import Result
    from bandplan.cli.rollback import GoingBack
    from bandplan.cli.stack_engine import StackEngine


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="endpoint to roll back")
    add_stack_arguments(parser)
    parser.add_argument(
        "--to",
        type=version_number,
        metavar="VERSION",
        help="version to go back to (default: the one that still serves, or the last one in Git)",
    )
    parser.add_argument(
        "--write", action="store_true", help="write models.yaml only; the next `up` changes the endpoint"
    )
    parser.add_argument("--yes", action="store_true", help="write models.yaml and move the traffic back now")
    parser.add_argument(
        "--json", action="store_true", help="print what changes and what was done as JSON, everything else on stderr"
    )
    parser.set_defaults(offline=False, diff=False, parallel=None)


def version_number(text: str) -> str:
    """Read the number of a version, the only form in which an entry pins one."""
    return str(whole(1, 999_999_999)(text))


@dataclass(frozen=True)
class Done:
    """What was done: models.yaml written, traffic moved, or the stack deployed with this result."""

    back: "GoingBack"
    is_written: bool = False
    is_moved: bool = False
    deployment: "tuple[StackEngine, Result] | None" = None
    status: int = 0


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.json_output import answered
    from bandplan.cli.refusal import refusal_noted

    with refusal_noted():
        return answered(arguments, roll_back, lambda done: document(arguments.stack, done))


def document(stack: str, done: Done) -> dict[str, Any]:
    """Return what `--json` prints; `deployment` has the shape that `up --json` gives a deployment."""
    from bandplan.cli.deployment_document import deployment_of
    from bandplan.cli.json_output import VERSION
    from bandplan.cli.seen_endpoints import NOTHING_SEEN

    back = done.back
    deployed = None if done.deployment is None else deployment_of(*done.deployment, NOTHING_SEEN)
    return {
        "version": VERSION,
        "command": "rollback",
        "stack": stack,
        "endpoint": back.name,
        "model": back.goal.model,
        "toVersion": back.version,
        "knownFrom": back.goal.known_from,
        "stillServes": back.still_serves is not None,
        "traffic": [
            {"version": version, "beforePercent": before, "afterPercent": after}
            for version, before, after in back.shares
        ],
        "remarks": list(back.remarks),
        "difference": back.difference,
        "isWritten": done.is_written,
        "isMoved": done.is_moved,
        "deployment": deployed,
        "failure": None if deployed is None else deployed["failure"],
        "exitStatus": done.status,
    }


def roll_back(arguments: argparse.Namespace) -> Done:
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
        return Done(back)
    written(back)
    if not arguments.yes:
        print(f"\n{back.file} was written; commit it, and the next `up` moves all traffic back in one step.")
        return Done(back, is_written=True)
    return act(back, arguments)


def act(back: "GoingBack", arguments: argparse.Namespace) -> Done:
    """Move the traffic if the old version still serves; otherwise deploy the stack, without steps for this entry."""
    from bandplan.cli.refusal import failed_status
    from bandplan.cli.rollback import move_traffic

    if back.still_serves:
        move_traffic(back, lambda text: print(text, flush=True))
        print(
            f"{back.name}: version {back.version} has all traffic. Commit {back.file}; the next `up` "
            "releases the other version's capacity."
        )
        return Done(back, is_written=True, is_moved=True)
    os.environ["BANDPLAN_AT_ONCE"] = back.name
    opened = open_stack(arguments)
    done = opened.engine.up(replace(options_of(arguments), json=False, document=arguments.json))
    if done.ok:
        print(f"{back.name}: version {back.version} has all traffic. Commit {back.file}.")
    return Done(
        back,
        is_written=True,
        is_moved=done.ok,
        deployment=(opened, done),
        status=0 if done.ok else failed_status(),
    )
