"""The process of `vllm serve`: started through a guard, ended with the workspace, found again after a kill."""

import asyncio
import contextlib
import os
import socket
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from bandplan.stub.inference.errors import EngineUnavailable
from bandplan.stub.inference.vllm.guard import PATIENCE_SECONDS, kill_all

GUARD = Path(__file__).with_name("guard.py")

MOST_LOG_BYTES = 256 * 1024
"""How much of the end of a log is read for the reason of a failure."""

MOST_KEPT_BYTES = 16 * 1024 * 1024
"""Largest size of a log; a larger one is cut to its end. Arbitrary."""

TRIM_SECONDS = 10.0
"""How often the size of a log is looked at. Arbitrary."""

CUT = b"(earlier lines were removed)\n"
"""The first line of a log that lost its beginning."""


class Process:
    """One running `vllm serve`. `pid` is that of its guard; `log` is its private log."""

    def __init__(self, started: asyncio.subprocess.Process, log: Path, pid_file: Path, first: int) -> None:
        self._started = started
        self._pid_file = pid_file
        self.log = log
        self._first = first
        self._read = first
        self._trimming = asyncio.get_running_loop().create_task(self._trim())

    @property
    def pid(self) -> int:
        return self._started.pid

    @property
    def status(self) -> int | None:
        """The exit status, None while it runs."""
        return self._started.returncode

    async def wait(self) -> int:
        return await self._started.wait()

    def new_lines(self) -> list[str]:
        """Return what the log has more since the last call. A line that is rewritten counts as several."""
        with contextlib.suppress(OSError), self.log.open("rb") as file:
            file.seek(self._read)
            data = file.read()
            self._read += len(data)
            return data.replace(b"\r", b"\n").decode("utf-8", "replace").splitlines()
        return []

    def last_lines(self) -> list[str]:
        """Return the end of the log, of this start only."""
        return last_lines(self.log, MOST_LOG_BYTES, self._first)

    async def _trim(self) -> None:
        """Keep the log small while the process runs, which may be for weeks."""
        while True:
            await asyncio.sleep(TRIM_SECONDS)
            with contextlib.suppress(OSError):
                self._cut_log()

    def _cut_log(self) -> None:
        """Reduce a log that is too long to its end; a line that is written at that very moment may be lost.

        The process appends, so what it writes next follows what is kept.
        """
        with self.log.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size <= MOST_KEPT_BYTES:
                return
            file.seek(max(0, size - MOST_LOG_BYTES))
            end = file.read(MOST_LOG_BYTES)
        kept = CUT + end[end.find(b"\n") + 1 :]
        # Written over the beginning and cut behind: no line can come between what is kept.
        with self.log.open("r+b") as file:
            file.write(kept)
            file.truncate()
        removed = size - len(kept)
        self._first, self._read = max(0, self._first - removed), max(0, self._read - removed)

    async def end(self) -> None:
        """End the process and all that it started."""
        self._trimming.cancel()
        if self._started.stdin is not None:
            self._started.stdin.close()
        try:
            await asyncio.wait_for(self._started.wait(), 2 * PATIENCE_SECONDS)
        except TimeoutError:
            self._started.kill()
            await self._started.wait()
        kill_all(self._pid_file)
        self._pid_file.unlink(missing_ok=True)


def last_lines(log: Path, most_bytes: int, first: int = 0) -> list[str]:
    """Return the lines at the end of a log, without those before the byte `first`; none if it cannot be read."""
    with contextlib.suppress(OSError), log.open("rb") as file:
        file.seek(max(first, os.fstat(file.fileno()).st_size - most_bytes))
        return file.read().replace(b"\r", b"\n").decode("utf-8", "replace").splitlines()
    return []


async def start(
    folder: Path, log_name: str, mark: str, arguments: tuple[str, ...], environ: Mapping[str, str]
) -> Process:
    """Start a program. `folder` is private to the workspace; `mark` names its pid file, and is in `environ`.

    Raises EngineUnavailable.
    """
    log, pid_file = folder / log_name, folder / f"{mark}.pid"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Written before the start: a workspace that is killed in between leaves a mark that no process has.
        pid_file.touch()
        with open(log, "ab", opener=_private) as file:
            first = file.tell()
            started = await asyncio.create_subprocess_exec(
                sys.executable,
                "-I",
                "-S",
                str(GUARD),
                str(pid_file.absolute()),
                *arguments,
                stdin=asyncio.subprocess.PIPE,
                stdout=file,
                stderr=file,
                env=dict(environ),
            )
    except OSError as error:
        with contextlib.suppress(OSError):
            pid_file.unlink()
        place = f"{error.filename}: " if error.filename not in (None, arguments[0]) else ""
        raise EngineUnavailable(f"{arguments[0]} cannot be started ({place}{error.strerror})") from error
    return Process(started, log, pid_file, first)


def reap(folder: Path) -> int:
    """Kill what an earlier workspace left behind in this folder; return how many processes there were.

    There are none even after kill -9 of the workspace, unless its guard was killed with it.
    """
    return sum(_reaped(file) for file in _pid_files(folder))


def _reaped(file: Path) -> int:
    killed = kill_all(file)
    file.unlink(missing_ok=True)
    return killed


def _pid_files(folder: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from list(folder.glob("*.pid"))


def free_port() -> int:
    """Return a port of this machine that nothing uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
