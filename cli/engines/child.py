"""Runs another program to its end with this terminal as its own."""

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from cli.errors import CommandError


def run_child(command: Sequence[str], folder: Path, environ: Mapping[str, str], output: IO[bytes] | None = None) -> int:
    """The program's exit status; output and input are this process's own, but for standard output with `output`.

    Ctrl-C reaches the program too, which decides how to stop: a deployment under way must not be killed, so this
    process waits for it, however often it is interrupted. Errors: CommandError when the program cannot be started.
    """
    try:
        child = subprocess.Popen(command, cwd=folder, env=dict(environ), stdout=output)
    except OSError as error:
        raise CommandError(f"{command[0]}: cannot be started: {error.strerror}") from error
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            continue
