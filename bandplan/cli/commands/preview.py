"""`bandplan preview`: show what `up` would change."""

import argparse
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bandplan.cli.engines.event_document import document_of_refusal
from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import find_project
from bandplan.cli.refusal import failed_status, refusal_noted
from bandplan.cli.result_files import require_room_for
from bandplan.cli.stack_choice import choose_stack
from bandplan.cli.stack_engine import add_run_arguments, open_stack, options_of
from bandplan.cli.watching import add_watch_argument, watch


def configure(parser: argparse.ArgumentParser) -> None:
    add_run_arguments(parser)
    parser.add_argument(
        "--json",
        action="store_true",
        help="print the plan as `pulumi preview --json` does, with unchanged components and policy findings",
    )
    parser.add_argument("--refresh", action="store_true", help="read the live state from the workspace before planning")
    parser.add_argument(
        "--save-plan", type=Path, metavar="FILE", help="save the plan for `up --plan`; it contains no values"
    )
    parser.add_argument(
        "--against",
        type=Path,
        metavar="FILE",
        help="compare with that models file as if it were deployed; reads no workspace and no state (needs --offline)",
    )
    parser.add_argument(
        "--against-commit",
        metavar="COMMIT",
        help="like --against, with the stack's models file from that commit, wherever it was then",
    )
    add_watch_argument(parser)


def run(arguments: argparse.Namespace) -> int:
    if arguments.watch:
        project = find_project(Path.cwd())
        return watch(arguments, project, choose_stack(project, arguments.stack, os.environ).models)
    with refusal_noted():
        return preview(arguments)


def preview(arguments: argparse.Namespace) -> int:
    with whole_document(arguments):
        if arguments.against is not None or arguments.against_commit is not None:
            return against(arguments)
        if arguments.save_plan is None:
            return 0 if open_stack(arguments).engine.preview(options_of(arguments)).ok else failed_status()
        if arguments.offline:
            raise UsageProblem("--save-plan: a plan depends on the live workspace; remove --offline")
        require_room_for([arguments.save_plan])
    return save_plan(arguments)


@contextmanager
def whole_document(arguments: argparse.Namespace) -> Iterator[None]:
    """With `--json`, print a document for a refusal too, so that its readers, such as `report`, learn the reason."""
    try:
        yield
    except CommandError as error:
        if arguments.json:
            print(json.dumps(document_of_refusal(str(error)), indent=4))
            error.has_document = True
        raise


def against(arguments: argparse.Namespace) -> int:
    """Preview a pull request from a fork, which has access to neither a workspace nor a state."""
    from bandplan.cli.engines.offline import Base, preview_against

    if arguments.against is not None and arguments.against_commit is not None:
        raise UsageProblem("--against and --against-commit: give only one of them")
    if not arguments.offline or arguments.save_plan is not None or arguments.refresh:
        raise UsageProblem("--against: reads no workspace; add --offline, and remove --save-plan and --refresh")
    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    base: Base | Path = arguments.against
    if arguments.against is None:
        from bandplan.cli.base_commit import models_in_commit

        name, text = models_in_commit(choice, arguments.against_commit)
        base = Base(f"--against-commit {arguments.against_commit}", Path(name).name, text)
    return 0 if preview_against(choice.project, choice.name, base, options_of(arguments)).ok else failed_status()


def save_plan(arguments: argparse.Namespace) -> int:
    """Preview and save the plan. A failed preview saves none and removes an older plan, so that nobody applies that
    one.
    """
    from bandplan.cli.reviewing import as_of, now, plan_of
    from bandplan.cli.saved_plan.file import write_plan

    began = now()
    with whole_document(arguments):
        opened = open_stack(arguments, as_of(began))
        arguments.save_plan.unlink(missing_ok=True)
        result = opened.engine.preview(options_of(arguments))
    if not result.ok or result.document is None:
        return failed_status()
    write_plan(arguments.save_plan, plan_of(opened, result.document, began))
    return 0
