"""`bandplan up`: deploy the stack, print its endpoints, and send each one query."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.engines.engine import Result
from bandplan.cli.engines.event_document import document_of_refusal
from bandplan.cli.errors import CommandError
from bandplan.cli.stack_engine import StackEngine, add_change_arguments, open_stack, options_of

if TYPE_CHECKING:
    from bandplan.cli.columns import Line


def configure(parser: argparse.ArgumentParser) -> None:
    add_change_arguments(parser)
    parser.add_argument("--refresh", action="store_true", help="read the live state from the workspace before planning")
    parser.add_argument("--no-query", action="store_true", help="do not query the endpoints afterwards")
    parser.add_argument(
        "--plan",
        type=Path,
        metavar="FILE",
        help="apply exactly the plan saved by `preview --save-plan`; refused if anything has changed since",
    )
    parser.add_argument(
        "--record",
        type=Path,
        metavar="FILE",
        help="write what was done in the shape of `preview --json`, for `report`",
    )


def run(arguments: argparse.Namespace) -> int:
    if arguments.plan is not None:
        return up_as_reviewed(arguments)
    opened = open_stack(arguments)
    prepare_workspace(opened)
    result = opened.engine.up(options_of(arguments))
    return ended(opened, result, arguments)


def up_as_reviewed(arguments: argparse.Namespace) -> int:
    """Apply a saved plan without asking: the plan was the review."""
    from bandplan.cli.reviewing import as_of, require_agreement
    from bandplan.cli.saved_plan.file import read_plan

    reviewed = read_plan(arguments.plan)
    opened = open_stack(arguments, as_of(reviewed.made_at))
    prepare_workspace(opened)
    options = replace(options_of(arguments), ask=False)

    def agree(document: Mapping[str, Any]) -> None:
        try:
            require_agreement(reviewed, arguments.plan, opened, document)
        except CommandError as refusal:
            # Record that nothing was done, and why.
            write_record({"refused": True, **document_of_refusal(str(refusal))}, arguments.record)
            raise

    return ended(opened, opened.engine.up(options, agree), arguments)


def prepare_workspace(opened: StackEngine) -> None:
    """Apply the settings of the stack's file to the local workspace. Errors: UsageProblem, CommandError."""
    if opened.is_local:
        from bandplan.cli.local_engines import tell_engines
        from bandplan.cli.stack_choice import StackChoice, contents_of

        choice = StackChoice(opened.project, opened.stack, opened.environ)
        tell_engines(opened.project, lambda: contents_of(choice.models))


def ended(opened: StackEngine, result: Result, arguments: argparse.Namespace) -> int:
    write_record(result.document, arguments.record)
    if not result.ok:
        return 1
    return report(opened, result.outputs.get("endpoints") or [], query=not arguments.no_query)


def write_record(document: Mapping[str, Any] | None, path: Path | None) -> None:
    """Write the record of what was done. Errors: CommandError if the file cannot be written."""
    if path is None or document is None:
        return
    try:
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error


def report(opened: StackEngine, outputs: list[dict[str, Any]], *, query: bool) -> int:
    """Print the endpoints and their answers; return 1 if one fails. Only the local stack is queried: others bill
    queries.
    """
    from bandplan.cli.columns import terminal_width
    from bandplan.cli.endpoints import lines, live_states, rows
    from bandplan.cli.local_engines import await_engines, engine_cells, failed, reasons
    from bandplan.cli.query import Query, ask_all, render

    if not outputs:
        print("\nno endpoints: models.yaml lists none for this stack")
        return 0
    client = opened.client()
    endpoints = rows(outputs)
    names = [endpoint.name for endpoint in endpoints]
    if not opened.is_local:
        tell(lines(endpoints, live_states(client, names), width=terminal_width()))
        return 0
    answering = await_engines(opened.project, names)
    tell(lines(endpoints, live_states(client, names), engine_cells(answering), terminal_width()))
    if why := reasons(answering, of_answers_only=True):
        print("\nNot answered by the requested engine:\n" + "\n".join(why))
    silent = failed(answering)
    if not query:
        return 0
    print("\nOne query each:", flush=True)
    refused = 0
    for answer in ask_all(client, [Query(one.name, one.task) for one in endpoints if one.name not in silent]):
        print(render(answer), flush=True)
        refused += not answer.ok
    for name in sorted(silent.intersection(names)):
        print(f"  {name}: FAILED: its engine has failed, as said above", flush=True)
    return 1 if refused or silent.intersection(names) else 0


def tell(table: Sequence["Line"]) -> None:
    from bandplan.cli.paint import say

    print()
    for line in table:
        say(*line)
