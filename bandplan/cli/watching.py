"""`--watch`: run a command again after each save of a file of the project, until Ctrl-C."""

import argparse
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bandplan.cli.errors import UsageProblem
from bandplan.cli.project import Project
from bandplan.cli.warm.files import Stamp, stamp
from bandplan.serving.spec.models_file import STANDING

POLL_SECONDS: Final = 0.2
"""Between two looks at the files; a look takes a millisecond."""
QUIET_SECONDS: Final = 0.1
"""How long the files must stay the same before the command runs: an editor or `git` writes several."""

FOLDERS: Final = ("stacks", "policies", "components", "provider")
KINDS: Final = (".yaml", ".yml", ".json", ".py")
WRITING: Final = ("json", "save_plan", "record", "sarif")
"""Options that write a document or a file, which somebody would read while it is written again."""
SHOWN: Final = 3


def add_watch_argument(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--watch", action="store_true", help="run again after each save of a file of the project, until Ctrl-C"
    )


def watch(arguments: argparse.Namespace, project: Project, models: Path) -> int:
    """Run the command, and again after each change of what it reads. Ends with KeyboardInterrupt, like any command.

    Each run is a process of its own, so that changed code of the project is imported again. Errors: UsageProblem.
    """
    for name in WRITING:
        if getattr(arguments, name, None):
            raise UsageProblem(f"--watch: cannot be combined with --{name.replace('_', '-')}; remove one of them")
    if getattr(arguments, "format", None) == "sarif":
        raise UsageProblem("--watch: cannot be combined with --format sarif; remove one of them")
    command = [sys.executable, "-P", "-m", "bandplan.cli.start", *without_watch(arguments.typed)]
    known = stamps(project, models)
    while True:
        status = run_to_the_end(command)
        tell(f"exit status {status}; waiting for changes in {models.name}, stacks/ and policies/ (Ctrl-C ends)")
        known, names = next_change(project, models, known)
        tell(f"{told(names)} changed")


def run_to_the_end(command: Sequence[str]) -> int:
    """Run a process where the user gave the command; Ctrl-C, which reaches it too, waits for its end."""
    import subprocess

    with subprocess.Popen(command, cwd=os.environ[STANDING]) as process:
        try:
            return process.wait()
        except KeyboardInterrupt:
            process.wait()
            raise


def without_watch(typed: Sequence[str]) -> list[str]:
    """Return the arguments without the option, which argparse also takes if it is shortened."""
    return [argument for argument in typed if not (len(argument) > 2 and "--watch".startswith(argument))]


def next_change(project: Project, models: Path, known: Mapping[Path, Stamp]) -> tuple[dict[Path, Stamp], list[str]]:
    """Wait until files differ from what is known, and are not being written; return their stamps and the names."""
    while True:
        found = stamps(project, models)
        names = changed(known, found, project.root)
        if names:
            time.sleep(QUIET_SECONDS)
            if stamps(project, models) == found:
                return found, names
        else:
            time.sleep(POLL_SECONDS)


def stamps(project: Project, models: Path) -> dict[Path, Stamp]:
    """Return a stamp for each file that a command reads: the models file, and the project's own files."""
    found = {}
    for path in (models, *files(project.root)):
        try:
            found[path] = stamp(path.stat())
        except OSError:  # an editor is just replacing it
            continue
    return found


def files(root: Path) -> Iterator[Path]:
    """Yield the files of the kinds that a project consists of, at the root and in its folders."""
    yield from (path for path in root.iterdir() if path.suffix in KINDS and not path.name.startswith("."))
    for folder in FOLDERS:
        for place, folders, names in os.walk(root / folder):
            folders[:] = [name for name in folders if not name.startswith((".", "__"))]
            yield from (Path(place, name) for name in names if name.endswith(KINDS) and not name.startswith("."))


def changed(before: Mapping[Path, Stamp], after: Mapping[Path, Stamp], root: Path) -> list[str]:
    """Name the files that were written, created or removed, sorted, relative to the project."""
    paths = (path for path in {*before, *after} if before.get(path) != after.get(path))
    return sorted(str(path.relative_to(root)) if path.is_relative_to(root) else str(path) for path in paths)


def told(names: Sequence[str]) -> str:
    """List some names, and the number of the others."""
    others = len(names) - SHOWN
    return ", ".join(names[:SHOWN]) + (f" and {others:,} more" if others > 0 else "")


def tell(text: str) -> None:
    from bandplan.serving.spec.problem import printable

    print(printable(f"[{time.strftime('%H:%M:%S')}] {text}"), file=sys.stderr, flush=True)
