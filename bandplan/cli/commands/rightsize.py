"""`bandplan rightsize`: a larger or smaller band from observed use, with its evidence; or why there is none."""

import argparse
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.json_output import print_document
from bandplan.cli.number_types import digits, number, whole
from bandplan.cli.project import LOCAL
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.cli.judged_entry import Settings
    from bandplan.cli.project import Project
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.cli.usage_files import Usage
    from bandplan.serving.spec.entry import Entry
    from bandplan.usage.verdict import Verdict

FORMAT = 1


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("entry", nargs="*", metavar="ENTRY", help="entries to judge (default: all of the models file)")
    add_stack_argument(parser, f"stack whose entries to judge (default: {LOCAL})")
    parser.add_argument("--models", type=Path, metavar="FILE", help="file with the entries (default: the stack's)")
    parser.add_argument(
        "--usage",
        type=Path,
        action="append",
        default=[],
        metavar="FILE",
        help="rows of a usage table as CSV or Parquet, also /Volumes/...; repeatable",
    )
    parser.add_argument(
        "--sql",
        nargs="?",
        const="endpoint",
        choices=("endpoint", "gateway"),
        help="print the query for --usage, of endpoints (default) or of the gateway, and do nothing else",
    )
    parser.add_argument(
        "--workspace-id",
        type=digits,
        metavar="ID",
        help="id of the stack's workspace (the number after ?o= in its URLs), to leave out rows of others",
    )
    parser.add_argument(
        "--curve",
        action="append",
        default=[],
        metavar="ENTRY=FILE",
        help="curve of an entry's model, measured by `bandplan bench`; repeatable",
    )
    parser.add_argument(
        "--curve-capacity",
        action="append",
        default=[],
        metavar="ENTRY=N",
        help="chunks or model units that ran while it was measured",
    )
    parser.add_argument("--days", type=whole(1, 60), default=14, metavar="N", help="length of the window (default: 14)")
    parser.add_argument(
        "--percentile",
        type=number(50, 100, least=True),
        default=99.0,
        metavar="N",
        help="share of the minutes that the target covers, in percent (default: 99)",
    )
    parser.add_argument(
        "--minimum-change",
        type=number(0, 100, least=True),
        default=10.0,
        metavar="PERCENT",
        help="change nothing by less than this (default: 10)",
    )
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print the answer as JSON")
    form.add_argument("--markdown", action="store_true", help="print the answer as Markdown, as for a job's summary")
    parser.add_argument("--patch", type=Path, metavar="FILE", help="write a patch of the models file, for `git am`")
    parser.add_argument(
        "--measurements",
        type=Path,
        metavar="FILE",
        help="put measured use into the file that policies read",
    )
    parser.add_argument(
        "--trail",
        type=Path,
        metavar="FILE",
        help="file to which every decision is appended (default: .bandplan/rightsize/STACK.jsonl)",
    )


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.columns import show_text
    from bandplan.cli.entry_curves import read_curves
    from bandplan.cli.judged_subject import subjects_of
    from bandplan.cli.project import find_project
    from bandplan.cli.rightsizing import judged, settings_of
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.cli.usage_files import read_usage
    from bandplan.serving.spec.problem import printable

    project = find_project(Path.cwd())
    choice = choose_stack(project, arguments.stack, os.environ, arguments.models)
    require_own_files(arguments, choice)
    text, entries = chosen_entries(choice, arguments.entry)
    if arguments.sql:
        from bandplan.usage.query import query

        names = [entry.name for entry in entries]
        print(query(arguments.sql, names, arguments.days, arguments.workspace_id), end="")
        return 0
    models = {subject.name: subject.entity.model for subject in subjects_of(entries)}
    curves = read_curves(arguments.curve, arguments.curve_capacity, models)
    settings = settings_of(choice, arguments.days, arguments.percentile, arguments.minimum_change, curves)
    usage = read_usage(
        arguments.usage,
        {*(entry.name for entry in entries), *models},
        datetime.fromtimestamp(settings.now, UTC),
        choice.client,
        arguments.workspace_id,
    )
    trail = arguments.trail or default_trail(project, choice)
    verdicts = judged(choice, entries, usage, settings, trail)
    written = write_files(arguments, Judged(choice, text, entries, verdicts, usage, settings), trail)
    if arguments.json:
        print_document(document(choice, usage, verdicts, settings))
    else:
        for line in told(arguments, choice.name, head_of(usage, settings), verdicts, settings):
            # Markdown is read by another program, also if somebody looks on.
            (print if arguments.markdown else show_text)(printable(line))
    if written:
        print("written: " + ", ".join(map(str, written)), file=sys.stderr)
    return 0


def require_own_files(arguments: argparse.Namespace, choice: "StackChoice") -> None:
    """Raise UsageProblem if a file to write is one that is read, or is to be written twice."""
    from bandplan.cli.errors import UsageProblem

    taken = {choice.models.resolve(): "the models file", **{path.resolve(): "--usage" for path in arguments.usage}}
    for option in ("patch", "measurements", "trail"):
        path: Path | None = getattr(arguments, option)
        if path is None:
            continue
        if (used := taken.get(path.resolve())) is not None:
            raise UsageProblem(f"--{option} {path}: is {used} too, and would be overwritten; name another file")
        taken[path.resolve()] = f"--{option}"


def chosen_entries(choice: "StackChoice", named: Sequence[str]) -> "tuple[str, tuple[Entry, ...]]":
    """Return (the text of the models file, its entries, or those that are named). Errors: UsageProblem."""
    from bandplan.cli.errors import UsageProblem
    from bandplan.serving.spec.loading import load_text, read_text
    from bandplan.serving.spec.suggestion import name_one_of

    text, unreadable = read_text(choice.models)
    if unreadable is not None:
        raise UsageProblem(unreadable.render())
    text = choice.models.read_bytes().decode("utf-8")  # with the line endings that it has
    loaded = load_text(text, choice.shown_models, choice.name)
    if loaded.fleet is None:
        errors = [problem.render() for problem in loaded.problems if problem.severity == "error"]
        raise UsageProblem("\n".join(errors))
    entries = loaded.fleet.models
    known = [entry.name for entry in entries]
    unknown = [name for name in dict.fromkeys(named) if name not in known]
    if unknown:
        lines = [f"{choice.shown_models}: has no entry {one}; {name_one_of(one, known)}" for one in unknown]
        raise UsageProblem("\n".join(lines))
    return text, tuple(entry for entry in entries if not named or entry.name in named)


def default_trail(project: "Project", choice: "StackChoice") -> Path:
    return project.make_private(project.own_folder / "rightsize") / f"{choice.name}.jsonl"


@dataclass(frozen=True)
class Judged:
    """The entries of a stack with the text that holds them, and what their use says about each."""

    choice: "StackChoice"
    text: str
    entries: "Sequence[Entry]"
    verdicts: "Sequence[Verdict]"
    usage: "Usage"
    settings: "Settings"


def write_files(arguments: argparse.Namespace, found: Judged, trail: Path) -> list[Path]:
    """Write the trail, the patch and the measurements, and return those that were asked for. Errors: UsageProblem.

    All are prepared before the trail is written, so an error leaves nothing; what is suggested is always in the trail.
    """
    from bandplan.cli.errors import UsageProblem
    from bandplan.cli.staged_files import StagedFiles
    from bandplan.usage.problem import BadUsage
    from bandplan.usage.trail import append

    at = datetime.fromtimestamp(found.settings.now, UTC)
    contents = contents_of(arguments, found)
    with StagedFiles() as staged:
        for option, path, text in contents:
            staged.add(option, path, text.encode("utf-8"))
        try:
            append(trail, [one.trail(at, found.choice.name, found.settings.minute) for one in found.verdicts])
        except BadUsage as error:
            raise UsageProblem(str(error)) from error
        written = staged.place()
    return [*written, *([trail] if arguments.trail is not None else [])]


def contents_of(arguments: argparse.Namespace, found: Judged) -> list[tuple[str, Path, str]]:
    """Return (option, path, text) of the patch and of the measurements that are asked for. Errors: UsageProblem."""
    from bandplan.cli.measured_file import measured_text
    from bandplan.cli.rightsize_patch import edited_text, patch
    from bandplan.usage.verdict import entity_measurements

    choice, text, verdicts, settings = found.choice, found.text, found.verdicts, found.settings
    contents: list[tuple[str, Path, str]] = []
    if arguments.patch is not None:
        after = edited_text(text, choice.models, choice.name, found.entries, verdicts)
        changes = patch(choice.models, text, after, choice.name, verdicts, settings.now)
        contents.append(("--patch", arguments.patch, changes))
    if arguments.measurements is not None:
        observed = found.usage.observed
        endpoints = {entry.name for entry in found.entries}
        uses = {
            one.endpoint: one.use(settings.percentile, found.usage.source)
            for one in verdicts
            if one.endpoint in endpoints
        }
        served = {name: entity_measurements(observed[name]) for name in uses}
        measured = measured_text(
            arguments.measurements,
            {name: use for name, use in uses.items() if use is not None},
            {name: one for name, one in served.items() if one},
        )
        contents.append(("--measurements", arguments.measurements, measured))
    return contents


def document(
    choice: "StackChoice",
    usage: "Usage",
    verdicts: "Sequence[Verdict]",
    settings: "Settings",
) -> dict[str, Any]:
    """Return the answer as plain values."""
    return {
        "version": FORMAT,
        "command": "rightsize",
        "format": FORMAT,
        "stack": choice.name,
        "at": datetime.fromtimestamp(settings.now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "percentile": settings.percentile,
        "usage": [one.as_json() for one in usage.files],
        "other_endpoints": dict(usage.others),
        "endpoints": [one.as_json(settings.minute) for one in verdicts],
    }


def head_of(usage: "Usage", settings: "Settings") -> list[str]:
    """Return what was read."""
    lines = [file.described(settings.now) for file in usage.files]
    if usage.others:
        names = ", ".join(f"{name[:63]} ({rows:,})" for name, rows in usage.others.most_common(10))
        more = f" and {len(usage.others) - 10} more" if len(usage.others) > 10 else ""
        lines.append(f"rows of other endpoints: {names}{more}")
    return lines


def told(
    arguments: argparse.Namespace,
    stack: str,
    head: Sequence[str],
    verdicts: "Sequence[Verdict]",
    settings: "Settings",
) -> list[str]:
    """Return the answer in lines: the table, and the evidence of each endpoint below it."""
    from bandplan.cli.columns import table, terminal_width
    from bandplan.usage.text import decided, lines_of, markdown, rows

    if arguments.markdown:
        return markdown(stack, head, verdicts, settings.minute)
    bands = ["".join(line) for line in table(rows(verdicts), terminal_width(), cuts=(0, 5))]
    lines = [*head, *([""] if head else []), *bands]
    for one in verdicts:
        if one.window is not None:
            lines += ["", f"{one.endpoint}: {decided(one)}", *lines_of(one, settings.minute)]
    without = [one for one in verdicts if one.window is None]
    lines += [""] if without else []
    lines += [f"{one.endpoint}: {decided(one)}: {'; '.join(map(str, one.decision.reasons))}" for one in without]
    return lines
