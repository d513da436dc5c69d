"""`bandplan observe`: store the last minute of every endpoint's metrics export, once or for a time."""

import argparse
import os
import re
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.project import LOCAL
from bandplan.cli.stack_argument import add_stack_argument
from bandplan.counted import counted

if TYPE_CHECKING:
    from bandplan.cli.observing import Look
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.usage.store import UseStore

LEAST_EVERY = 60
"""Seconds: the gauges of the export are of the last minute, so reading more often tells nothing new."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("endpoint", nargs="*", metavar="ENDPOINT", help="endpoints (default: all of the models file)")
    add_stack_argument(parser, f"stack whose workspace to read (default: {LOCAL})")
    parser.add_argument(
        "--models", type=Path, metavar="FILE", help="file with the entries (default: that of the stack)"
    )
    parser.add_argument(
        "--for",
        dest="seconds",
        type=duration,
        default=0,
        metavar="TIME",
        help="keep reading for this long, such as 1h or 7d",
    )
    parser.add_argument(
        "--every", type=duration, default=LEAST_EVERY, metavar="TIME", help="time between two readings (default: 1m)"
    )
    parser.add_argument("--quiet", action="store_true", help="print only what could not be read, for cron")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.errors import CommandError, UsageProblem
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.observing import watch
    from bandplan.cli.project import find_project
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.rest.clock import Clock
    from bandplan.serving.workspace.endpoints import Endpoints
    from bandplan.serving.workspace.errors import NotConfigured, WorkspaceError
    from bandplan.usage.problem import BadUsage
    from bandplan.usage.store import UseStore

    if arguments.every < LEAST_EVERY:
        raise UsageProblem("--every: the export is of the last minute; read it at most once a minute (60s)")
    project = find_project(Path.cwd())
    choice = choose_stack(project, arguments.stack, os.environ, arguments.models)
    names = endpoint_names(choice, arguments.endpoint)
    if choice.stack == LOCAL:
        require_running(project)
    try:
        endpoints = Endpoints(choice.client())
    except NotConfigured as error:
        raise UsageProblem(str(error)) from error
    except WorkspaceError as error:
        raise CommandError(str(error)) from error
    project.make_private(project.own_folder)
    store = UseStore(project.own_folder / "use.db")

    def told(found: "Look") -> None:
        print_look(found, quiet=arguments.quiet)

    try:
        seen = watch(
            endpoints.metrics,
            names,
            partial(store.add, choice.name),
            Clock(),
            told,
            seconds=arguments.seconds,
            every=arguments.every,
        )
        if not arguments.quiet:
            print_stored(store, choice.name, names)
    except (BadUsage, NotConfigured) as error:  # a login is tried with the first call
        raise UsageProblem(str(error)) from error
    return 0 if seen else 1


def endpoint_names(choice: "StackChoice", named: list[str]) -> list[str]:
    """Return the endpoints to read, each once. Errors: UsageProblem."""
    from bandplan.cli.errors import UsageProblem
    from bandplan.serving.spec.loading import load
    from bandplan.serving.spec.suggestion import name_one_of

    loaded = load(choice.models, choice.name, choice.shown_models)
    if loaded.fleet is None:
        errors = [problem.render() for problem in loaded.problems if problem.severity == "error"]
        raise UsageProblem("\n".join(errors))
    known = [entry.name for entry in loaded.fleet.models]
    unknown = [name for name in dict.fromkeys(named) if name not in known]
    if unknown:
        lines = [f"{choice.shown_models}: has no entry {one}; {name_one_of(one, known)}" for one in unknown]
        raise UsageProblem("\n".join(lines))
    if not known:
        raise UsageProblem(f"{choice.shown_models}: has no entry; add one, or name another stack with --stack")
    return list(dict.fromkeys(named)) or known


def print_look(found: "Look", *, quiet: bool) -> None:
    """Print what a reading found; what is missing goes to stderr."""
    from bandplan.counted import counted
    from bandplan.serving.spec.problem import printable
    from bandplan.usage.verdict import moment

    reasons: dict[str, list[str]] = {}
    for name, why in found.missing.items():
        reasons.setdefault(why, []).append(name)
    for why, names in reasons.items():
        print(printable(f"{', '.join(names)}: not read: {why}"), file=sys.stderr)
    if quiet:
        return
    at = moment(found.minute)[11:16]
    for name, one in found.scrapes.items():
        concurrency = "-" if one.concurrency is None else f"{one.concurrency:g}"
        gpu = "-" if one.gpu_percent is None else f"{one.gpu_percent:.0f}%"
        print(
            printable(
                f"{at}  {name}: {counted(one.requests, 'request')}, {one.answered_4xx:,} answered 4xx, "
                f"{one.answered_5xx:,} answered 5xx, provisioned concurrency {concurrency}, GPU {gpu}"
            ),
            flush=True,
        )


def print_stored(store: "UseStore", stack: str, names: list[str]) -> None:
    """Print how much is stored of each endpoint."""
    from bandplan.usage.verdict import moment

    stored = store.stored(stack)
    for name in names:
        one = stored.get(name)
        if one is not None:
            since = moment(one.first)[:16].replace("T", " ")
            print(f"{name}: {counted(one.minutes, 'minute')} stored since {since} UTC, {one.gap_percent:.1f}% gaps")


def duration(text: str) -> float:
    """Read 90s, 5m, 1h, 7d or a number of seconds."""
    found = re.fullmatch(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhd]?)", text)
    seconds = float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}[found[2]] if found else -1.0
    if not 0 <= seconds <= 366 * 86400:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} must be a time such as 90s, 5m, 1h or 7d, up to 366d")
    return seconds
