"""Runs another program to its end with this terminal as its own."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cli.errors import CommandError


def run_child(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> int:
    """The program's exit status; output and input are this process's own.

    Ctrl-C reaches the program too, which decides how to stop: a deployment under way must not be killed, so this
    process waits for it, however often it is interrupted. Errors: CommandError when the program cannot be started.
    """
    try:
        child = subprocess.Popen(command, cwd=folder, env=dict(environ))
    except OSError as error:
        raise CommandError(f"{command[0]}: cannot be started: {error.strerror}") from error
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue
