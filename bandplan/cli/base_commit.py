"""The models file that a stack had in a commit, located by that commit's own configuration."""

import os
import subprocess
from pathlib import Path, PurePosixPath

from bandplan.cli.errors import CommandError
from bandplan.cli.stack_choice import StackChoice
from bandplan.cli.stack_configuration import configured_in
from bandplan.serving.spec.models_file import VARIABLE, models_file
from bandplan.serving.spec.problem import printable

NOTHING = "version: 1\nmodels: []\n"
"""The models file of a stack before the stack or its models file existed."""


def models_in_commit(choice: StackChoice, commit: str) -> tuple[str, bytes]:
    """Return the file's name, relative to the project, and its text; NOTHING if the commit lacks the stack.

    Errors: CommandError for an unknown commit, an unreadable configuration, or a file outside the project.
    """
    root = choice.project.root
    resolved = _git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^{{commit}}")
    if resolved is None:
        step = "in a shallow clone, fetch it: `git fetch --depth=1 origin COMMIT`"
        raise CommandError(printable(f"--against-commit {commit}: this repository has no such commit; {step}"))
    identity = resolved.decode("ascii").strip()

    def text_of(file: str) -> bytes | None:
        return _git(root, "show", f"{identity}:./{file}")

    if choice.variables.get(VARIABLE):
        name = models_file(None, choice.variables)
    else:
        configuration = f"stacks/Pulumi.{choice.name}.yaml"
        if text_of(configuration) is None and (root / configuration).is_file():
            return choice.models_name, NOTHING.encode()
        name = models_file(configured_in(text_of, choice.project, choice.name), choice.variables)
    found = text_of(_within(root, name))
    return name, NOTHING.encode() if found is None else found


def _within(root: Path, name: str) -> str:
    """Convert the path to the form that Git uses. Errors: CommandError if it is outside the project."""
    relative = os.path.relpath(root / name, root)
    if relative.startswith(os.pardir):
        raise CommandError(f"{name}: lies outside the project, so no commit contains it; give the file with --against")
    return str(PurePosixPath(relative))


def _git(root: Path, *arguments: str) -> bytes | None:
    """Return Git's output, or None if Git fails. Errors: CommandError if Git is not installed."""
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise CommandError(f"--against-commit: git cannot be started: {error.strerror}") from error
    return done.stdout if done.returncode == 0 else None
