"""Make sure that a program started by `bandplan` ends with it: a separate script, standard library only.

`python watchdog.py AGAIN LAST` reads lines from standard input: the program's process id, then `stop` when it has been
told to stop, then `end` when it has ended. If the input closes without `end`, `bandplan` was killed, and the watchdog
tells the program to stop. AGAIN seconds later it tells it a second time, at which `pulumi` stops waiting for what is
under way; LAST seconds later it kills the program and everything that it started.

A pipe and not Linux's parent-death signal, which reaches the program but not its plugins, kills without asking, and
does not exist on macOS.
"""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

POLL_SECONDS = 0.1
FIRST_LOOK_SECONDS, LAST_LOOK_SECONDS = 0.5, 4.0
"""Seconds between two checks of what the program has started. A guess: a check costs some milliseconds, plugins start
early.
"""


@dataclass(frozen=True)
class Process:
    """One process; `started` distinguishes it from a later one with the same id."""

    pid: int
    parent: int
    group: int
    started: str


def main(argv: list[str]) -> int:
    again, last = (float(seconds) for seconds in argv)
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    lines = _Lines()
    first = lines.next(None)
    if first is None or not first.isdigit():
        return 0
    pid = int(first)
    known = {process.pid: process for process in processes() if process.pid == pid}
    pause, word = FIRST_LOOK_SECONDS, None
    while word is None and not lines.is_closed:
        # Its children are known by then, in case it is killed together with `bandplan`.
        word, pause = lines.next(pause), min(2 * pause, LAST_LOOK_SECONDS)
        if word is None:
            known = _still_there(pid, known)
    if word == "end":
        return 0
    if word is None:
        _tell(known.get(pid), signal.SIGINT)
    _see_to_the_end(pid, known, lines, again, last)
    return 0


def _see_to_the_end(pid: int, known: dict[int, Process], lines: "_Lines", again: float, last: float) -> None:
    began = time.monotonic()
    is_told_again = is_rest_told = False
    while known := _still_there(pid, known):
        now = time.monotonic() - began
        if now >= last:
            for one in known.values():
                _tell(one, signal.SIGKILL)
            return
        if pid not in known and not is_rest_told:
            is_rest_told = True
            for one in known.values():
                _tell(one, signal.SIGTERM)
        if now >= again and not is_told_again:
            is_told_again = True
            _tell(known.get(pid), signal.SIGINT)
        lines.next(POLL_SECONDS)


def _still_there(pid: int, known: dict[int, Process]) -> dict[int, Process]:
    """Return the known processes that have not ended, and what they have started since."""
    alive = {process.pid: process for process in processes()}
    left = {one.pid: one for one in known.values() if one.pid in alive and alive[one.pid].started == one.started}
    grown = [*left.values(), *_below(set(left), alive), *_in_group(pid, alive)]
    return {one.pid: one for one in grown if one.pid != os.getpid()}


def _below(roots: set[int], alive: dict[int, Process]) -> list[Process]:
    """Return all descendants of these processes."""
    found = set(roots)
    grown = True
    while grown:
        more = {one.pid for one in alive.values() if one.parent in found} - found
        found |= more
        grown = bool(more)
    return [alive[pid] for pid in found - roots if pid in alive]


def _in_group(pid: int, alive: dict[int, Process]) -> list[Process]:
    """Return the processes in the group led by the program, whatever their parent is now."""
    return [one for one in alive.values() if one.group == pid]


def _tell(process: Process | None, number: signal.Signals) -> None:
    if process is not None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(process.pid, number)


def processes() -> list[Process]:
    """Return every process of this machine that has not ended."""
    return of_proc() if Path("/proc/self/stat").exists() else of_ps()


def of_proc() -> list[Process]:
    """Read the processes as Linux lists them (proc_pid_stat(5)): state, parent and group follow the name, which may
    contain anything.
    """
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            fields = Path(f"/proc/{entry}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] not in "ZX":
            found.append(Process(int(entry), int(fields[1]), int(fields[2]), fields[19]))
    return found


def of_ps() -> list[Process]:
    """Read the processes as POSIX `ps` lists them, on macOS."""
    command = ["ps", "-A", "-o", "pid=,ppid=,pgid=,state=,lstart="]
    try:
        told = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False).stdout
    except OSError:
        return []
    rows = [line.split(None, 4) for line in told.splitlines()]
    return [
        Process(int(row[0]), int(row[1]), int(row[2]), row[4].strip())
        for row in rows
        if len(row) == 5 and not row[3].startswith("Z")
    ]


class _Lines:
    """Lines from standard input, read with a timeout."""

    def __init__(self) -> None:
        self._rest = b""
        self.is_closed = False

    def next(self, seconds: float | None) -> str | None:
        """Return the next line; None if the input has closed, or nothing arrived within `seconds`."""
        until = None if seconds is None else time.monotonic() + seconds
        while b"\n" not in self._rest:
            left = None if until is None else max(0.0, until - time.monotonic())
            if self.is_closed:
                time.sleep(left or 0.0)
                return None
            if not select.select([0], [], [], left)[0]:
                return None
            data = os.read(0, 4096)
            self.is_closed = not data
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode("ascii", "replace")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
