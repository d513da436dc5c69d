"""Runs another program to its end, and sees to it that nothing that stops this process leaves the other running."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from bandplan.cli.engines import watchdog
from bandplan.cli.errors import CommandError

TOLD_AGAIN_SECONDS, KILLED_SECONDS = 4.0, 8.0
"""From the first signal: when the program is told a second time, and when it is killed with all that it started.

A supervisor that stops this process gives it 10 s as a rule (Docker, GitHub Actions) before it kills it.
"""


def run_child(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    output: IO[bytes] | None = None,
    umask: int = -1,
) -> int:
    """The program's exit status; output and input are this process's own, but for standard output with `output`.

    On a terminal Ctrl-C reaches both. Elsewhere the program has a group of its own, so that whatever stops this
    process, or its whole group, reaches it once: passed on from here. A deployment under way may so end in order. One
    that has not after some seconds is killed, and when this process is killed `watchdog` does the same.
    Errors: CommandError when the program cannot be started; KeyboardInterrupt, once it has ended, when it was stopped.
    """
    is_on_terminal = sys.stdin is not None and sys.stdin.isatty()
    with _started(command, is_on_terminal, cwd=folder, env=dict(environ), stdout=output, umask=umask) as child:
        return child.wait()


def run_quietly(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """The same without a terminal: what the program says is in the result. It gets no input."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with _started(command, False, cwd=folder, env=dict(environ), **pipes) as child:
        said, complained = child.communicate()
    return subprocess.CompletedProcess(list(command), child.returncode, said, complained)


@contextmanager
def _started(command: Sequence[str], is_on_terminal: bool, **settings: Any) -> Iterator["subprocess.Popen[Any]"]:
    """The program, watched; it has ended when the block is left."""
    with _watchdog() as tell, _passing_on(is_on_terminal, lambda: tell("stop")) as (begin, is_stopped):
        try:
            child = subprocess.Popen(command, process_group=None if is_on_terminal else 0, **settings)
        except OSError as error:
            raise CommandError(f"{command[0]}: cannot be started: {error.strerror}") from error
        tell(str(child.pid))
        begin(child)
        try:
            yield child
        finally:
            if child.poll() is None:
                child.send_signal(signal.SIGINT)
                tell("stop")
                child.wait()
        if is_stopped():
            if child.returncode == -signal.SIGKILL:
                print(
                    f"{Path(command[0]).name} did not stop within {KILLED_SECONDS:g} s and was killed; "
                    "the next run finds out what it left unfinished",
                    file=sys.stderr,
                )
            raise KeyboardInterrupt
        tell("end" if child.returncode >= 0 else "stop")  # killed by somebody else, it has left what it started


@contextmanager
def _watchdog() -> Iterator[Callable[[str], None]]:
    """Yields what tells the watchdog a line; at the end it is waited for, and with it what it has to kill."""
    reading, writing = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__, str(TOLD_AGAIN_SECONDS), str(KILLED_SECONDS)],
            stdin=reading,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    except BaseException:
        os.close(writing)
        raise
    finally:
        os.close(reading)

    def tell(line: str) -> None:
        with contextlib.suppress(BrokenPipeError):
            os.write(writing, f"{line}\n".encode())

    try:
        yield tell
    finally:
        os.close(writing)
        process.wait()


@contextmanager
def _passing_on(
    is_on_terminal: bool, note: Callable[[], None]
) -> Iterator[tuple[Callable[["subprocess.Popen[Any]"], None], Callable[[], bool]]]:
    """Yields what takes the program once it runs, and what says whether it was told to stop.

    From then on, and for what came before, the program gets the signals that end this process, each noted by `note`.
    A hang-up becomes a termination, at which `pulumi` ends in order. On a terminal the program hears all but SIGTERM.
    """
    children: list[subprocess.Popen[Any]] = []
    early: list[int] = []
    heard: list[int] = []

    def pass_on(number: int, _frame: object) -> None:
        heard.append(number)
        if not children:
            early.append(number)
            return
        note()
        if number == signal.SIGTERM or not is_on_terminal:
            for child in children:
                child.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)

    def begin(child: "subprocess.Popen[Any]") -> None:
        children.append(child)
        for number in early:
            note()
            child.send_signal(signal.SIGTERM if number == signal.SIGHUP else number)

    def is_stopped() -> bool:
        return bool(heard)

    if threading.current_thread() is not threading.main_thread():
        yield begin, is_stopped
        return
    signals = (signal.SIGHUP, signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, pass_on) for number in signals}
    try:
        yield begin, is_stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
