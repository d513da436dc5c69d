"""Ask warm processes what they are, and stop them."""

import os
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from bandplan.cli.warm.place import connect, folder, require_private, socket_path
from bandplan.cli.warm.request import ABOUT, STOP, send

PATIENCE_SECONDS: Final = 2.0
"""After that, a process hangs: it answers in milliseconds unless the machine is very busy. A guess."""
MOST_BYTES: Final = 1 << 13
ATTEMPTS: Final = 3
"""How often a request is sent whose connection the process closes: on a busy machine it may come too late for it."""


@dataclass(frozen=True)
class About:
    """A warm process as it describes itself.

    `started` is in seconds since the epoch, `root` the folder that holds its package.
    """

    pid: int
    started: int
    version: str
    root: str

    def encode(self) -> bytes:
        return os.fsencode(f"{self.pid}\n{self.started}\n{self.version}\n{self.root}")

    @classmethod
    def decode(cls, answer: bytes) -> "About | None":
        """Return the process that describes itself so, None for anything else."""
        try:
            pid, started, version, root = os.fsdecode(answer).split("\n", 3)
            return cls(int(pid), int(started), version, root)
        except ValueError:
            return None


@dataclass(frozen=True)
class Found:
    """A process that listens at `path`; `about` is None if it does not answer."""

    path: str
    pid: int
    about: About | None

    def __str__(self) -> str:
        if self.about is None:
            return f"process {self.pid}, which does not answer"
        minutes = max(0, int(time.time()) - self.about.started) // 60
        return f"process {self.pid} of version {self.about.version}, started {minutes:,} min ago"


def processes(environ: Mapping[str, str]) -> Iterator[Found]:
    """Yield this user's warm processes. Errors: NotPrivate; OSError if the folder cannot be read."""
    place = folder(environ)
    try:
        require_private(place)
    except FileNotFoundError:
        return
    for name in sorted(os.listdir(place)):
        if name.endswith(".sock"):
            found = ask(place, name.removesuffix(".sock"), ABOUT)
            if found is not None:
                yield found


def ask(place: str, key: str, kind: bytes, seconds: float = PATIENCE_SECONDS) -> Found | None:
    """Send a request without a command; None if nobody listens there.

    A process that takes the request and sends nothing for so many seconds hangs. One that closes the connection is
    asked again: it waits for a request for a second only.
    """
    pid, answer = 0, b""
    for _ in range(ATTEMPTS):
        try:
            connection, pid = connect(place, key, seconds)
        except OSError:
            return None
        with connection:
            try:
                send(connection, kind)
                answer = connection.recv(MOST_BYTES)
            except TimeoutError:
                break
            except OSError:
                continue
        if answer:
            break
    return Found(socket_path(place, key), pid, About.decode(answer))


def is_answering(place: str, key: str) -> bool:
    """Whether the process that listens there answers. Kill it if not: the kernel says which one it is, and whose."""
    found = ask(place, key, ABOUT)
    if found is None:
        return True  # it has not opened its socket yet
    if found.about is None:
        with suppress(ProcessLookupError):
            os.kill(found.pid, signal.SIGKILL)
    return found.about is not None


def stop(environ: Mapping[str, str]) -> list[Found]:
    """Stop this user's warm processes, those that do not answer by force; return them. Commands that run go on.

    Errors: NotPrivate, OSError.
    """
    stopped = []
    for found in processes(environ):
        place, name = os.path.split(found.path)
        if found.about is None:
            with suppress(ProcessLookupError):
                os.kill(found.pid, signal.SIGKILL)
            with suppress(FileNotFoundError):
                os.unlink(found.path)
        else:
            ask(place, name.removesuffix(".sock"), STOP)
        stopped.append(found)
    return stopped
