"""Run another program to its end, and never leave it running when this process is stopped."""

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
from bandplan.cli.progress import always, doing, never

TOLD_AGAIN_SECONDS, KILLED_SECONDS = 4.0, 8.0
"""Seconds from the first signal until the program is signalled again, and until it and all its children are killed.

A supervisor that stops this process usually waits 10 s (Docker, GitHub Actions) before it kills it.
"""


def run_child(
    command: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    output: IO[bytes] | None = None,
    umask: int = -1,
    limit_seconds: float | None = None,
    is_drawing: Callable[[], bool] = always,
) -> int:
    """Run the program and return its exit status. It shares input and output with this process, except for `output`.

    Once `is_drawing`, a terminal is left to the program alone; until then it shows that the program is waited for.

    On a terminal Ctrl-C reaches both. Elsewhere the program has its own process group, and signals that stop this
    process or its whole group are passed on once, so that a running deployment can end cleanly. A program that has not
    ended after some seconds is killed; if this process is killed, `watchdog` does the same. After `limit_seconds` it is
    stopped in the same way. Errors: CommandError if the program cannot be started or took too long; KeyboardInterrupt,
    once it has ended, if it was stopped.
    """
    is_on_terminal = sys.stdin is not None and sys.stdin.isatty()
    is_over = is_drawing if output is None else never
    with (
        doing(Path(command[0]).name, is_over),
        _started(command, is_on_terminal, cwd=folder, env=dict(environ), stdout=output, umask=umask) as child,
    ):
        try:
            return child.wait(limit_seconds)
        except subprocess.TimeoutExpired as error:
            raise CommandError(f"{Path(command[0]).name}: not finished after {limit_seconds:g} s") from error


def run_quietly(command: Sequence[str], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the program without a terminal and without input, and return its output in the result."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with _started(command, False, cwd=folder, env=dict(environ), **pipes) as child:
        said, complained = child.communicate()
    return subprocess.CompletedProcess(list(command), child.returncode, said, complained)


@contextmanager
def _started(command: Sequence[str], is_on_terminal: bool, **settings: Any) -> Iterator["subprocess.Popen[Any]"]:
    """Start the program and watch it; it has ended when the block exits."""
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
        tell("end" if child.returncode >= 0 else "stop")  # killed by somebody else, it left its children running


@contextmanager
def _watchdog() -> Iterator[Callable[[str], None]]:
    """Start the watchdog and yield a function that sends it a line; at the end, wait for it and for what it kills."""
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
    """Yield a function that takes the program once it runs, and one that says whether it was told to stop.

    From then on, and for earlier signals, the program receives the signals that end this process; `note` is called for
    each. A hang-up becomes a termination, at which `pulumi` ends cleanly. On a terminal the program receives all
    signals except SIGTERM by itself.
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
