"""`bandplan migrate`: convert legacy workloads of models.yaml to provisioned throughput, as a diff for review."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL, find_project
from bandplan.cli.stack_argument import add_stack_argument

if TYPE_CHECKING:
    from bandplan.adoption.migration import Left, Migration
    from bandplan.cli.models_text import ModelsText


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("names", nargs="*", metavar="NAME", help="entry to migrate (default: every legacy entry)")
    add_stack_argument(parser, f"stack whose workspace provides the chunk sizes (default: {LOCAL})")
    parser.add_argument("--write", action="store_true", help="write models.yaml (default: only show the diff)")
    parser.add_argument(
        "--json", action="store_true", help="print what changes and why as JSON, and everything else on stderr"
    )


@dataclass(frozen=True)
class Done:
    """What was found for each entry, the difference of the models file, and whether that was written."""

    found: "Sequence[Migration | Left]"
    difference: str
    is_written: bool

    @property
    def status(self) -> int:
        return 0


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.json_output import answered

    return answered(arguments, migrate, lambda done: document(arguments.stack, done))


def document(stack: str, done: Done) -> dict[str, Any]:
    """Return what `--json` prints."""
    from bandplan.adoption.migration import DEPLOYMENT, Left
    from bandplan.cli.json_output import VERSION

    moving = [one for one in done.found if not isinstance(one, Left)]
    return {
        "version": VERSION,
        "command": "migrate",
        "stack": stack,
        "entries": [
            {"name": one.name, "isMigrated": False, "reason": one.reason, "changes": [], "unknown": []}
            if isinstance(one, Left)
            else {
                "name": one.name,
                "isMigrated": True,
                "reason": None,
                "changes": list(one.reasons),
                "unknown": list(one.unknown),
            }
            for one in done.found
        ],
        "difference": done.difference,
        "isWritten": done.is_written,
        "deployment": list(DEPLOYMENT) if moving else [],
        "failure": None,
        "exitStatus": 0,
    }


def migrate(arguments: argparse.Namespace) -> Done:
    from bandplan.adoption.migration import Migration, legacy_versions, migrated, migrations
    from bandplan.cli.adoption import optimization_info
    from bandplan.cli.commands.adopt import require_sound
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.models_text import diff, open_models, write
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.serving.editing.edits import CannotEdit
    from bandplan.serving.spec.loading import load_text
    from bandplan.serving.workspace.errors import WorkspaceError

    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    if choice.stack == LOCAL and not arguments.write:
        require_running(choice.project)
    try:
        client = choice.client()
        client.ping()  # reports a workspace that never answers within seconds, not minutes
        path, models = choice.models, open_models(choice, client)
        require_sound(models)
        loaded = load_text(models.text, path.name, choice.name)
        if loaded.checkable is None or not isinstance(loaded.data, dict):
            raise CommandError(f"{path.name}: has no entries")
        require_names(path.name, arguments.names, [entry.name for entry in loaded.checkable.models])
        answers = optimization_info(models, legacy_versions(loaded.checkable))
        found = migrations(loaded.checkable, loaded.data, answers, arguments.names)
    except WorkspaceError as error:
        raise CommandError(f"the workspace could not be read: {error}") from error
    moving = [one for one in found if isinstance(one, Migration)]
    try:
        text = migrated(models.text, loaded.data, moving) if moving else models.text
    except CannotEdit as error:
        raise CommandError(f"{path.name}: {error}") from error
    require_sound_after(models, text, moving)
    difference = diff(models, text)
    print(difference, end="")
    show(found)
    if moving and arguments.write:
        write(models, text)
        print(f"\nwrote {path.name}; `bandplan preview` shows what `up` would do")
    elif moving:
        print("\nnothing was written; add --write to write it")
    return Done(found, difference, bool(moving and arguments.write))


def require_names(file: str, names: Sequence[str], there: Sequence[str]) -> None:
    """Raise UsageProblem if a name is not an entry."""
    from bandplan.serving.spec.suggestion import name_one_of

    missing = [name for name in names if name not in there]
    if missing:
        told = [f"{file}: has no entry {name}; {name_one_of(name, there)}" for name in missing]
        raise UsageProblem("\n".join(told))


def require_sound_after(models: "ModelsText", text: str, moving: "Sequence[Migration]") -> None:
    """Raise CommandError if the new text breaks a rule, so that nothing is written."""
    from bandplan.cli.models_text import problems

    if not moving:
        return
    errors = [one for one in problems(models, text) if one.severity == "error"]
    if errors:
        told = ["nothing was written: the migrated file would break rules:", *(one.render() for one in errors)]
        raise CommandError("\n".join(told), errors)


def show(found: "Sequence[Migration | Left]") -> None:
    """Print for each entry what changes and why, what is unknown, and what a deployment will do."""
    from bandplan.adoption.migration import DEPLOYMENT, Left
    from bandplan.serving.spec.problem import printable

    if not found:
        print("nothing to migrate: no entry has a legacy workload")
    for one in found:
        print(f"\n{printable(one.name)}:")
        if isinstance(one, Left):
            print(f"  unchanged: {printable(one.reason)}")
            continue
        for title, lines in (("changes", one.reasons), ("unknown", one.unknown)):
            for line in lines:
                print(f"  {title}: {printable(line)}")
    if any(not isinstance(one, Left) for one in found):
        print("\nwhat `up` will do:")
        for line in DEPLOYMENT:
            print(f"  {line}")
