"""`bandplan up`: deploy the stack, print its endpoints, and send each one query."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.engines.engine import Options, Result
from bandplan.cli.engines.event_document import document_of_refusal
from bandplan.cli.errors import CommandError
from bandplan.cli.refusal import failed_status, refusal_noted
from bandplan.cli.result_files import require_room_for
from bandplan.cli.seen_endpoints import NOTHING_SEEN, SeenEndpoints
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
    parser.add_argument(
        "--json",
        action="store_true",
        help="print what was done as JSON (`bandplan schema output`), and everything else on stderr",
    )


@dataclass(frozen=True)
class Deployed:
    """How a deployment ended: its result, what was seen of the endpoints afterwards, and the exit status."""

    opened: StackEngine
    result: Result
    seen: SeenEndpoints
    status: int


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.json_output import answered

    with refusal_noted():
        return answered(arguments, deploy, document_of)


def deploy(arguments: argparse.Namespace) -> Deployed:
    require_room_for([arguments.record])
    if arguments.plan is not None:
        return deploy_as_reviewed(arguments)
    opened = open_stack(arguments)
    prepare_workspace(opened)
    return ended(opened, opened.engine.up(engine_options(arguments)), arguments)


def engine_options(arguments: argparse.Namespace) -> Options:
    """Return the engine's options; with --json it shows its progress all the same, on stderr."""
    options = options_of(arguments)
    return replace(options, json=False, document=options.document or arguments.json)


def deploy_as_reviewed(arguments: argparse.Namespace) -> Deployed:
    """Apply a saved plan without asking: the plan was the review."""
    from bandplan.cli.reviewing import as_of, require_agreement
    from bandplan.cli.saved_plan.file import read_plan

    reviewed = read_plan(arguments.plan)
    opened = open_stack(arguments, as_of(reviewed.made_at))
    prepare_workspace(opened)
    options = replace(engine_options(arguments), ask=False)

    def agree(document: Mapping[str, Any]) -> None:
        try:
            require_agreement(reviewed, arguments.plan, opened, document)
        except CommandError as refusal:
            # Record that nothing was done, and why.
            write_record({"refused": True, **document_of_refusal(str(refusal))}, arguments.record)
            raise

    return ended(opened, opened.engine.up(options, agree), arguments)


def document_of(done: Deployed) -> dict[str, Any]:
    """Return what `--json` prints."""
    from bandplan.cli.deployment_document import deployment_of
    from bandplan.cli.json_output import VERSION

    opened = done.opened
    return {
        "version": VERSION,
        "command": "up",
        "stack": opened.stack,
        "engine": opened.engine.name,
        "workspace": opened.environ.get("DATABRICKS_HOST") or None,
        **deployment_of(opened, done.result, done.seen),
        "exitStatus": done.status,
    }


def prepare_workspace(opened: StackEngine) -> None:
    """Apply the settings of the stack's file to the local workspace. Errors: UsageProblem, CommandError."""
    if opened.is_local:
        from bandplan.cli.local_engines import tell_engines
        from bandplan.cli.stack_choice import StackChoice, contents_of

        choice = StackChoice(opened.project, opened.stack, opened.environ)
        tell_engines(opened.project, lambda: contents_of(choice.models))


def ended(opened: StackEngine, result: Result, arguments: argparse.Namespace) -> Deployed:
    write_record(result.document if arguments.record is not None else None, arguments.record)
    if not result.ok:
        return Deployed(opened, result, NOTHING_SEEN, failed_status())
    seen = report(opened, result.outputs.get("endpoints") or [], query=not arguments.no_query)
    return Deployed(opened, result, seen, 1 if seen.failure else 0)


def write_record(document: Mapping[str, Any] | None, path: Path | None) -> None:
    """Write the record of what was done. Errors: CommandError if the file cannot be written."""
    if path is None or document is None:
        return
    try:
        path.write_text(json.dumps(document, indent=1), encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path}: {error.strerror}") from error


def report(opened: StackEngine, outputs: list[dict[str, Any]], *, query: bool) -> SeenEndpoints:
    """Print the endpoints and their answers, and return them. Only the local stack is queried: others bill queries."""
    from bandplan.cli.columns import terminal_width
    from bandplan.cli.endpoints import lines, live_states, rows
    from bandplan.cli.local_engines import await_engines, engine_cells, failed, reasons
    from bandplan.cli.query import Query, QueryResult, ask_all, render

    if not outputs:
        print("\nno endpoints: models.yaml lists none for this stack")
        return NOTHING_SEEN
    client = opened.client()
    endpoints = rows(outputs)
    names = [endpoint.name for endpoint in endpoints]
    if not opened.is_local:
        states = live_states(client, names)
        tell(lines(endpoints, states, width=terminal_width()))
        return SeenEndpoints(states, {})
    answering = await_engines(opened.project, names)
    states, engines = live_states(client, names), engine_cells(answering)
    tell(lines(endpoints, states, engines, terminal_width()))
    if why := reasons(answering, of_answers_only=True):
        print("\nNot answered by the requested engine:\n" + "\n".join(why))
    if not query:
        return SeenEndpoints(states, engines)
    silent = failed(answering)
    print("\nOne query each:", flush=True)
    answers = []
    for answer in ask_all(client, [Query(one.name, one.task) for one in endpoints if one.name not in silent]):
        print(render(answer), flush=True)
        answers.append(answer)
    for name in sorted(silent.intersection(names)):
        print(f"  {name}: FAILED: its engine has failed, as said above", flush=True)
        answers.append(QueryResult(name, False, "its engine has failed"))
    refused = [answer.endpoint for answer in answers if not answer.ok]
    return SeenEndpoints(states, engines, answers, f"no answer from {', '.join(refused)}" if refused else "")


def tell(table: Sequence["Line"]) -> None:
    from bandplan.cli.paint import say

    print()
    for line in table:
        say(*line)
