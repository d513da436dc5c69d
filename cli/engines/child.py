"""Runs another program to its end with this terminal as its own."""

import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from cli.errors import CommandError


def run_child(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    output: IO[bytes] | None = None,
    umask: int = -1,
) -> int:
    """The program's exit status; output and input are this process's own, but for standard output with `output`.

    A deployment under way must not be killed, nor go on by itself: the program decides how to stop, and this process
    waits for it, however often it is interrupted. On a terminal Ctrl-C reaches both. Elsewhere the program has a group
    of its own, so that whatever stops this process, or its whole group, reaches it once: passed on from here.
    Errors: CommandError when the program cannot be started.
    """
    is_on_terminal = sys.stdin is not None and sys.stdin.isatty()
    signals = (signal.SIGTERM,) if is_on_terminal else (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    with _passing_on(signals) as begin:
        try:
            child = subprocess.Popen(
                command,
                cwd=folder,
                env=dict(environ),
                stdout=output,
                process_group=None if is_on_terminal else 0,
                umask=umask,
            )
        except OSError as error:
            raise CommandError(f"{command[0]}: cannot be started: {error.strerror}") from error
        begin(child)
        while True:
            try:
                return child.wait()
            except KeyboardInterrupt:
                continue


@contextmanager
def _passing_on(signals: Sequence[signal.Signals]) -> Iterator[Callable[["subprocess.Popen[bytes]"], None]]:
    """Yields what takes the program once it runs; from then on, and for what came before, it gets these signals."""
    children: list[subprocess.Popen[bytes]] = []
    early: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        for child in children:
            child.send_signal(number)
        if not children:
            early.append(number)

    def begin(child: "subprocess.Popen[bytes]") -> None:
        children.append(child)
        for number in early:
            child.send_signal(number)

    if threading.current_thread() is not threading.main_thread():
        yield begin
        return
    before = {number: signal.signal(number, pass_on) for number in signals}
    try:
        yield begin
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
