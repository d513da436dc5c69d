"""`bandplan logs`: print the service log or the build log of what an endpoint serves, once or as it grows.

With --json: `version` (of this shape, 1), `command`, `stack`, `endpoint`, `kind` and `entities`; `bandplan schema
output` has the shape.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.json_output import print_document
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.cli.entity_logs import EntityLog, Kind, Served
    from bandplan.cli.stack_choice import StackChoice

VERSION = 1
POLL_SECONDS = 2.0
"""How often a followed log is read; a choice: the platform offers no stream."""


def configure(parser: argparse.ArgumentParser) -> None:
    from bandplan.cli.stack_engine import positive

    parser.add_argument("endpoint", metavar="NAME", help="endpoint to look at")
    add_stack_argument(parser, f"stack whose workspace has the endpoint (default: {LOCAL})")
    parser.add_argument("--entity", metavar="ENTITY", help="served entity (default: every one, each under its name)")
    parser.add_argument("--build", action="store_true", help="print the log of the build instead")
    parser.add_argument("--tail", type=positive, metavar="N", help="print only the last N lines of each log")
    shown = parser.add_mutually_exclusive_group()
    shown.add_argument("-f", "--follow", action="store_true", help="then print new lines as they appear, until Ctrl-C")
    shown.add_argument("--json", action="store_true", help="print the logs as JSON (`bandplan schema output`)")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.stack_choice import choose_stack

    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    if choice.stack == LOCAL:
        require_running(choice.project)
    logs = read(choice, arguments)
    if arguments.json:
        print_document(document(choice.stack, arguments, logs))
    else:
        show(logs, arguments.tail)
    if arguments.follow:
        follow(logs, lambda: read(choice, arguments), time.sleep)
    return 0 if any(log.failure is None for log in logs) else 1


def read(choice: "StackChoice", arguments: argparse.Namespace) -> "list[EntityLog]":
    """Read the logs of the entities that the arguments name. Errors: UsageProblem, CommandError."""
    from bandplan.cli.entity_logs import read_log, served_entities
    from bandplan.cli.live_endpoint import live_endpoint
    from bandplan.serving.workspace.errors import WorkspaceError

    client, live = live_endpoint(choice, arguments.endpoint)
    chosen = chosen_entities(served_entities(live), arguments)
    kind: Kind = "build-logs" if arguments.build else "logs"
    try:
        return [read_log(client, arguments.endpoint, served, kind) for served in chosen]
    except WorkspaceError as error:
        raise CommandError(f"{arguments.endpoint}: {error}") from error


def chosen_entities(there: "Sequence[Served]", arguments: argparse.Namespace) -> "list[Served]":
    """Return the entities whose logs are wanted. Errors: UsageProblem, with the nearest name."""
    from bandplan.serving.spec.suggestion import name_one_of

    name, wanted = arguments.endpoint, arguments.entity
    if not there:
        raise CommandError(f"{name}: has no served entity yet, so it has no log; `bandplan up` configures it")
    if wanted is None:
        return list(there)
    found = [served for served in there if served.name == wanted]
    if not found:
        known = [served.name for served in there]
        raise UsageProblem(f"--entity {wanted}: {name} serves no such entity; {name_one_of(wanted, known)}")
    return found


def show(logs: "Sequence[EntityLog]", tail: int | None) -> None:
    """Print each log, under the name of its entity if there are several; what has none is named on stderr."""
    for log in logs:
        heading(log, logs)
        for line in log.lines[-tail:] if tail else log.lines:
            print(line)
        sys.stdout.flush()
        if not log.lines:
            print(nothing(log), file=sys.stderr)


def heading(log: "EntityLog", logs: "Sequence[EntityLog]") -> None:
    if len(logs) > 1 and log.lines:
        print(f"==> {log.served.name} <==")


def nothing(log: "EntityLog") -> str:
    """Say that an entity has no log, and why as far as the platform tells."""
    from bandplan.serving.spec.problem import printable

    served = log.served
    reason = f": {log.failure}" if log.failure else ""
    message = f": {served.message}" if served.message else ""
    return printable(f"{served.name}: no log{reason} ({served.state}{message})")


def follow(logs: "list[EntityLog]", again: "Callable[[], list[EntityLog]]", sleep: Callable[[float], None]) -> None:
    """Print what is added to the logs, until interrupted. Errors: as of `again`, such as for a deleted endpoint."""
    from bandplan.cli.entity_logs import added_lines

    known = {log.served.name: log.lines for log in logs}
    states = {log.served.name: (log.served.state, log.served.message) for log in logs}
    last = logs[-1].served.name
    while True:
        sleep(POLL_SECONDS)
        for log in again():
            name, state = log.served.name, (log.served.state, log.served.message)
            lines = added_lines(known.get(name, ()), log.lines)
            if states.get(name) != state:
                states[name] = state
                print(f"{name}: {': '.join(filter(None, state))}", file=sys.stderr, flush=True)
            if log.lines:
                known[name] = log.lines
            if lines:
                if name != last:
                    print(f"==> {name} <==")
                print("\n".join(lines), flush=True)
                last = name


def document(stack: str, arguments: argparse.Namespace, logs: "Sequence[EntityLog]") -> dict[str, object]:
    """Return what `--json` prints: `lines` is null where the platform gives no log, and `failure` says why."""
    tail = arguments.tail
    return {
        "version": VERSION,
        "command": "logs",
        "stack": stack,
        "endpoint": arguments.endpoint,
        "kind": "build" if arguments.build else "service",
        "entities": [
            {
                "name": log.served.name,
                "state": log.served.state,
                "message": log.served.message,
                "lines": None if log.failure is not None else list(log.lines[-tail:] if tail else log.lines),
                "failure": log.failure,
            }
            for log in logs
        ],
    }
