"""`bandplan adopt`: take existing endpoints over into models.yaml and the stack without changing them."""

import argparse
import os
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL, find_project

if TYPE_CHECKING:
    from bandplan.adoption.entry import Proposal, Skipped
    from bandplan.cli.adoption import Adoptable
    from bandplan.cli.models_text import ModelsText

MOST_NAMES = 20
"""Most names shown in one list; an arbitrary choice."""


def configure(parser: argparse.ArgumentParser) -> None:
    from bandplan.cli.stack_engine import add_stack_arguments

    parser.add_argument(
        "names",
        nargs="*",
        metavar="NAME",
        help="endpoint to take over (default: list the endpoints that are not in the stack)",
    )
    parser.add_argument("--all", action="store_true", help="take over every endpoint that can be")
    add_stack_arguments(parser)
    parser.add_argument(
        "--write", action="store_true", help="write models.yaml and the stack's state (default: only show the diff)"
    )
    parser.add_argument(
        "--entries",
        action="store_true",
        help="write models.yaml alone, without reading the state; a later --write adds the endpoints to the state",
    )
    parser.add_argument(
        "--json", action="store_true", help="print what was found and done as JSON, and everything else on stderr"
    )


@dataclass(frozen=True)
class Done:
    """What the command found and did. `difference` is that of the models file; `waiting` is what the next preview
    shows once the endpoints are in the state, None before.
    """

    status: int
    findings: "Adoptable"
    difference: str = ""
    is_written: bool = False
    waiting: tuple[str, ...] | None = None


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.json_output import answered

    return answered(arguments, look, lambda done: document(arguments, done))


def document(arguments: argparse.Namespace, done: Done) -> dict[str, Any]:
    """Return what `--json` prints."""
    from bandplan.cli.json_output import VERSION

    added = {one.name: one for one in done.findings.draft.added}
    status = "adopted" if done.waiting is not None else "adoptable"
    taken = [
        {
            "name": name,
            "status": status,
            "hasEntry": name not in added or done.is_written,
            "notes": list(added[name].notes) if name in added else [],
            "reason": None,
        }
        for name in done.findings.names
    ]
    skipped = [
        {"name": one.name, "status": "skipped", "hasEntry": False, "notes": [], "reason": one.reason}
        for one in done.findings.skipped
    ]
    return {
        "version": VERSION,
        "command": "adopt",
        "stack": arguments.stack,
        "endpoints": [*taken, *skipped],
        "difference": done.difference,
        "isWritten": done.is_written,
        "nextPreview": None if done.waiting is None else list(done.waiting),
        "failure": "nothing to take over" if done.status else None,
        "exitStatus": done.status,
    }


def look(arguments: argparse.Namespace) -> Done:
    from bandplan.cli.adoption import find, unmanaged
    from bandplan.cli.commands.drift import record_of, recorded_stack
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.models_text import open_models
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.workspace.errors import WorkspaceError

    if arguments.names and arguments.all:
        raise UsageProblem("NAME and --all: give only one of them")
    if arguments.write and arguments.entries:
        raise UsageProblem("--write and --entries: give only one of them")
    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    if choice.stack == LOCAL and not arguments.write:
        require_running(choice.project)
    state = record_of({}) if arguments.entries else recorded_stack(choice.project, arguments)
    try:
        client = choice.client()
        caller = client.ping()
        models = open_models(choice, client, may_be_missing=True)
        require_sound(models)
        there = [one.name for one in unmanaged(client, state)]
        names = wanted_names(arguments, there, {one.name for one in state.endpoints})
        findings = find(models, names, caller)
    except WorkspaceError as error:
        raise CommandError(f"the workspace could not be read: {error}") from error
    require_there(arguments, findings, models.names, there, is_empty=not there and not state.endpoints)
    if not arguments.names and not arguments.all:
        show_list(findings, there, arguments, models.path.name)
        return Done(0, findings)
    return adopt(arguments, models, findings)


def require_there(
    arguments: argparse.Namespace,
    findings: "Adoptable",
    entries: Collection[str],
    there: Sequence[str],
    *,
    is_empty: bool,
) -> None:
    """Raise UsageProblem for a name that neither an endpoint nor an entry has.

    The next step is the nearest of `there`, the endpoints outside the stack. `is_empty`: the workspace has none at all.
    """
    from bandplan.serving.spec.problem import printable
    from bandplan.serving.spec.suggestion import name_one_of

    seen = findings.surveyed
    missing = [
        name
        for name in dict.fromkeys(arguments.names)
        if name not in entries and seen[name].live is None and not seen[name].refusal
    ]
    if missing:
        place = f"no such endpoint in the workspace of {arguments.stack}"
        every = f"every endpoint of the workspace is in the stack {arguments.stack}"
        steps = {name: name_one_of(name, sorted(there)) if there or is_empty else every for name in missing}
        told = [printable(f"{name}: {place}; {step}") for name, step in steps.items()]
        raise UsageProblem("\n".join(told))


def require_sound(models: "ModelsText") -> None:
    """Raise WrongModels if the file already has errors: they would hide errors of the new entries."""
    from bandplan.cli.models_text import problems
    from bandplan.cli.stack_fleet import refuse

    found = tuple(one for one in problems(models, models.text) if one.severity == "error") if models.text else ()
    if found:
        refuse(models.path.name, found)


def wanted_names(arguments: argparse.Namespace, there: list[str], deployed: set[str]) -> list[str]:
    """Return the endpoints to examine. Errors: UsageProblem if the stack already has one of them."""
    if not arguments.names:
        return sorted(there)
    managed = [name for name in arguments.names if name in deployed]
    if managed:
        raise UsageProblem(f"{', '.join(managed)}: already in the stack {arguments.stack}; leave it out")
    return list(dict.fromkeys(arguments.names))


def show_list(findings: "Adoptable", there: list[str], arguments: argparse.Namespace, file: str) -> None:
    """Print the endpoints outside the stack, and which of them can be taken over."""
    option = "" if arguments.stack == LOCAL else f" --stack {arguments.stack}"
    if not there:
        print(f"every endpoint of the workspace is in the stack {arguments.stack}")
        return
    print("in the workspace, not in this stack:")
    for name in findings.names:
        where = f"already has an entry in {file}" if name in findings.known else "can be taken over"
        print(f"  {name}: {where}")
    show_skipped(findings.skipped, "skipped: ")
    if findings.names:
        print(
            f"\nnext: `bandplan adopt NAME{option}` shows the entry; `bandplan adopt --all "
            f"--write{option}` takes over all of them"
        )


def show_skipped(skipped: "tuple[Skipped, ...]", verdict: str = "") -> None:
    from bandplan.serving.spec.problem import printable

    for one in skipped:
        print(printable(f"  {one.name}: {verdict}{one.reason}"))


def adopt(arguments: argparse.Namespace, models: "ModelsText", findings: "Adoptable") -> Done:
    """Show what would be written, and write it if asked to; status 1 if nothing could be taken over."""
    from bandplan.cli.adoption import take_over
    from bandplan.cli.engines.choice import choose_engine, find_pulumi
    from bandplan.cli.engines.engine import Engine
    from bandplan.cli.models_text import diff
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.cli.stack_engine import make_engine
    from bandplan.serving.spec.models_file import STANDING, VARIABLE

    text = findings.draft.text
    difference = diff(models, text) if findings.draft.added else ""
    print(difference, end="")
    show_notes(findings.draft.added)
    if findings.skipped:
        print("\nskipped:")
        show_skipped(findings.skipped)
    if not findings.names:
        print("nothing to take over", file=sys.stderr)
        return Done(1 if arguments.names else 0, findings)
    if arguments.entries:
        is_written = write_entries(arguments, models, findings)
        return Done(0, findings, difference, is_written)
    if not arguments.write:
        print(f"\nnothing was written; add --write to take over {shortened(findings.names)}")
        return Done(0, findings, difference)
    engine_name = choose_engine(arguments.engine, arguments.stack, find_pulumi(os.environ))
    environ = choose_stack(models.project, arguments.stack, os.environ).environ()

    def engine_with(path: Path) -> Engine:
        chosen = {**environ, VARIABLE: str(path), STANDING: ""}
        return make_engine(engine_name, models.project, arguments.stack, chosen)

    waiting = take_over(engine_with, replace(models, text=text), findings, is_new=bool(difference))
    tell(arguments, findings, waiting, models)
    return Done(0, findings, difference, bool(difference), waiting)


def write_entries(arguments: argparse.Namespace, models: "ModelsText", findings: "Adoptable") -> bool:
    """Write the new entries and nothing else; report whether there were any.

    Errors: CommandError if the file cannot be written.
    """
    from bandplan.cli.models_text import write

    new = [one.name for one in findings.draft.added]
    if not new:
        print(f"every endpoint that can be taken over has an entry in {models.path.name}")
        return False
    write(models, findings.draft.text)
    option = "" if arguments.stack == LOCAL else f" --stack {arguments.stack}"
    print(
        f"\n{models.path.name} has {shortened(new)} now; `bandplan adopt --all --write{option}` adds them to the "
        "state, and until then a preview would create them"
    )
    return True


def show_notes(added: "tuple[Proposal, ...]") -> None:
    from bandplan.serving.spec.problem import printable

    notes = [f"  {one.name}: {note}" for one in added for note in one.notes]
    if notes:
        print("\nnotes:")
        print("\n".join(printable(note) for note in notes))


def shortened(names: Sequence[str]) -> str:
    """Join the names; of a long list, the first names and the number of the others."""
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


def tell(arguments: argparse.Namespace, findings: "Adoptable", waiting: tuple[str, ...], models: "ModelsText") -> None:
    """Print what was done, what the next preview shows, and which other stacks use the entries."""
    from bandplan.cli.stack_choice import choose_stack, others_of_file

    print(f"\ntaken over: {shortened(findings.names)}; nothing was sent to the workspace")
    if waiting:
        print("the next preview shows:")
        for line in waiting[:MOST_NAMES]:
            print(f"  {line}")
        if len(waiting) > MOST_NAMES:
            print(f"  and {len(waiting) - MOST_NAMES:,} more")
    else:
        print("the next preview is empty")
    others = others_of_file(choose_stack(models.project, arguments.stack, os.environ))
    if findings.draft.added and others:
        print(
            f"the entries apply to every stack that uses {models.path.name}: {', '.join(others)} would create them too"
        )
