"""Run a program that ends with the workspace: a separate script, standard library only.

`PYTHON guard.py PID_FILE PROGRAM ARGUMENTS...` starts the program in a session of its own, writes the session's number
into the file, and waits for the program, whose environment has the file's name as its mark. Standard input closes when
the workspace closes the engine or is killed: then the guard asks the program to end, and after a few seconds kills the
whole group. It exits with the program's status.

A script of its own, because only a process that lives can see that another one was killed: a parent-death signal
reaches the program, not the processes that it starts, which have the GPU; it is set too, in case the guard is killed.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

PATIENCE_SECONDS = 5.0
"""Time for the program to end by itself once it was told to. Arbitrary: nothing is lost if it is killed."""

POLL_SECONDS = 0.05

SET_DEATH_SIGNAL = 1
SET_CHILD_SUBREAPER = 36
"""Options of Linux's prctl(2)."""

VARIABLE = "BANDPLAN_ENGINE"


def main(pid_file: Path, command: list[str]) -> int:
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    prctl(SET_CHILD_SUBREAPER, 1)
    program = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True, preexec_fn=_in_the_program)
    with contextlib.suppress(OSError):
        pid_file.write_text(str(program.pid), encoding="ascii")
    while program.poll() is None and not _is_input_closed():
        pass
    if program.poll() is None:
        tell(program.pid, signal.SIGTERM)
        until = time.monotonic() + PATIENCE_SECONDS
        while program.poll() is None and time.monotonic() < until:
            time.sleep(POLL_SECONDS)
    tell(program.pid, signal.SIGKILL)
    kill_all(pid_file)
    program.wait()
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


def _in_the_program() -> None:
    """Undo what the program must not inherit, and end it with the guard."""
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    prctl(SET_DEATH_SIGNAL, signal.SIGKILL)


def _is_input_closed() -> bool:
    """Wait a moment for standard input to close."""
    ready, _, _ = select.select([0], [], [], POLL_SECONDS)
    return bool(ready) and not os.read(0, 4096)


def tell(group: int, number: int) -> None:
    """Send a signal to a group of processes, if there is one."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def kill_all(pid_file: Path) -> int:
    """Kill every other process of this user that a program started, by its pid file; return how many there were.

    They have the mark in their environment, or, if they have renamed themselves, which erases it from /proc (vLLM does
    that), they are in the program's session and write into a log beside the pid file. Linux only: elsewhere the group
    of the program has to do.
    """
    wanted, session, killed = f"{VARIABLE}={pid_file.stem}".encode(), _session(pid_file), 0
    for entry in os.listdir("/proc") if os.path.isdir("/proc/self") else ():
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in Path(f"/proc/{entry}/environ").read_bytes().split(b"\0") or (
                os.getsid(int(entry)) == session
                and os.path.dirname(os.readlink(f"/proc/{entry}/fd/1")) == os.path.realpath(pid_file.parent)
            ):
                os.kill(int(entry), signal.SIGKILL)
                killed += 1
    return killed


def _session(pid_file: Path) -> int | None:
    """Return the session of the program; None if it was not started."""
    with contextlib.suppress(OSError, ValueError):
        return int(pid_file.read_text(encoding="ascii"))
    return None


def prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(option, value)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
