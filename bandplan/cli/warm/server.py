"""The warm process: one at a time for what `inherited` describes; one command, one fork."""

import fcntl
import gc
import os
import select
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from bandplan.cli.warm import command, monitor
from bandplan.cli.warm.ask import About, ask, is_answering
from bandplan.cli.warm.files import Stamp, stamps
from bandplan.cli.warm.inherited import inherited, key_of
from bandplan.cli.warm.place import make_private, peer, socket_path
from bandplan.cli.warm.request import ABOUT, OTHER, RUN, STALE, STOP, receive
from bandplan.cli.warm.switch import is_always

IDLE_SECONDS: Final = 900.0
"""How long a warm process waits for the next command: a quarter of an hour holds its memory no longer than needed."""
RECEIVE_SECONDS: Final = 1.0
"""How long a caller may take to send its request."""
MOST_PROCESSES: Final = 8
"""Warm processes of one user at the same time, one for each terminal in use; a choice: each takes some 70 MB."""
BACKLOG: Final = 16
KILL_SECONDS, POLL_SECONDS = 1.0, 0.01
"""How long a killed process may take to let go of its lock, which others may take first, and between two looks."""

Command = Callable[[], None]
"""Makes the process of a command out of this one."""


@dataclass(frozen=True)
class Warm:
    """A warm process: its socket, what it inherited, and the files that it imported."""

    listener: socket.socket
    folder: str
    key: str
    inherited: str
    imported: Sequence[str]
    stamps: Mapping[str, Stamp]
    about: About


def hold(folder: str, key: str) -> int | None:
    """Take the lock of that key; None if another process has it and answers. A process that hangs is killed.

    The lock is held until this process ends. Where there are too many processes, the one that was unused for the
    longest time ends. Errors: NotPrivate, OSError.
    """
    make_private(folder)
    lock = open_lock(folder, key)
    if is_locked(lock, folder, key):
        others = [other for other in keys(folder) if other != key and not remove_if_dead(folder, other)]
        others.sort(key=lambda other: last_used(folder, other))
        for other in others[: max(len(others) + 1 - MOST_PROCESSES, 0)]:
            ask(folder, other, STOP)
        return lock
    if is_answering(folder, key):
        return None
    deadline = time.monotonic() + KILL_SECONDS
    while not is_locked(lock, folder, key):
        if time.monotonic() > deadline:
            return None
        time.sleep(POLL_SECONDS)
    return lock


def open_lock(folder: str, key: str) -> int:
    return os.open(lock_path(folder, key), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)


def is_locked(lock: int, folder: str, key: str) -> bool:
    """Take the lock, and return whether that worked: not if a process has it, or had it and removed the file since."""
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(lock), os.stat(lock_path(folder, key)))
    except (BlockingIOError, FileNotFoundError):
        return False


def keys(folder: str) -> list[str]:
    """Return the keys of the processes that run, or did and were killed."""
    return [name.removesuffix(".lock") for name in os.listdir(folder) if name.endswith(".lock")]


def last_used(folder: str, key: str) -> float:
    """Return when a command last ran in that process: it touches its lock."""
    try:
        return os.stat(lock_path(folder, key)).st_mtime
    except FileNotFoundError:
        return 0.0


def remove_if_dead(folder: str, key: str) -> bool:
    """Remove the files that a killed process has left; return whether it was dead."""
    lock = open_lock(folder, key)
    try:
        if not is_locked(lock, folder, key):
            return False
        remove_files(folder, key)
        return True
    finally:
        os.close(lock)


def remove_files(folder: str, key: str) -> None:
    """Remove socket and lock, which this process must hold: the socket first, so that a caller finds none."""
    for path in (socket_path(folder, key), lock_path(folder, key)):
        with suppress(FileNotFoundError):
            os.unlink(path)


def lock_path(folder: str, key: str) -> str:
    return os.path.join(folder, f"{key}.lock")


def listen(folder: str, key: str, files: Sequence[str], known: Mapping[str, Stamp], about: About) -> Warm:
    """Open the socket of that key, which the holder of its lock alone may do. Errors: OSError."""
    path = socket_path(folder, key)
    with suppress(FileNotFoundError):
        os.unlink(path)
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return Warm(listener, folder, key, inherited(), files, known, about)


def serve(warm: Warm, idle_seconds: float = IDLE_SECONDS) -> Command | None:
    """Serve until nobody called for some time, the terminal's session ended, or the files changed; then return None.

    Returns in each command's process too, with what makes it one.
    """
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for the monitors
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    try:
        return next_command(warm, idle_seconds)
    finally:
        if os.getpid() == warm.about.pid:
            remove_files(warm.folder, warm.key)


def next_command(warm: Warm, idle_seconds: float) -> Command | None:
    """Answer callers; return None when it is time to end, and in a command's process what makes it one."""
    events = select.poll()
    events.register(warm.listener.fileno(), select.POLLIN)
    try:
        events.register(os.pidfd_open(os.getsid(0)), select.POLLIN)
    except ProcessLookupError:  # the leader has ended already, and with it the terminal
        if not is_always(os.environ):
            return None
    except OSError:  # the leader is in another process namespace
        pass
    deadline = time.monotonic() + idle_seconds
    while (left := deadline - time.monotonic()) > 0:
        ready = [descriptor for descriptor, _ in events.poll(left * 1000)]
        if not ready:
            continue
        if warm.listener.fileno() not in ready:
            break
        connection, _ = warm.listener.accept()
        deadline = time.monotonic() + idle_seconds
        connection.settimeout(RECEIVE_SECONDS)
        try:
            is_going_on, made = answer(warm, connection)
        except (OSError, ValueError):
            connection.close()
            continue
        if made is not None:
            warm.listener.detach()
            connection.detach()
            return made
        connection.close()
        if not is_going_on:
            break
    return None


def answer(warm: Warm, connection: socket.socket) -> tuple[bool, Command | None]:
    """Answer one caller; return whether to go on, and in a command's process what makes it one.

    Errors: OSError, ValueError for a caller that has gone, sends nonsense, or is another user.
    """
    caller = peer(connection)
    kind, data, files = receive(connection)
    try:
        if kind == RUN:
            return answer_run(warm, connection, caller, data, files)
        if kind in (ABOUT, STOP):
            connection.sendall(warm.about.encode())
        return kind != STOP, None
    finally:
        if os.getpid() == warm.about.pid:
            for number in files:
                os.close(number)


def answer_run(
    warm: Warm, connection: socket.socket, caller: int, data: bytes, files: list[int]
) -> tuple[bool, Command | None]:
    with suppress(FileNotFoundError):
        os.utime(lock_path(warm.folder, warm.key))
    if os.fsdecode(data) != warm.inherited or os.getsid(caller) != os.getsid(0):
        connection.sendall(OTHER)
        return True, None
    if stamps(warm.imported) != warm.stamps:
        remove_files(warm.folder, warm.key)  # before the answer, so that the caller can start another process
        with suppress(OSError):
            connection.sendall(STALE)
        os._exit(0)  # not by way of `serve`, which would remove the next process's files
    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, signal.NSIG))
    try:
        child = os.fork()
    except OSError:  # too many processes
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        raise
    if child == 0:
        try:
            request = monitor.watch(connection, caller)
        except BaseException:
            os._exit(1)
        folder, *others = files
        return True, partial(command.take_over, request, folder, others)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return True, None


def is_alone() -> bool:
    """Whether this process has one thread: a lock that another thread holds at a fork stays locked for ever."""
    return len(os.listdir("/proc/self/task")) == 1


def matches(key: str) -> bool:
    """Whether this process is what the caller that started it is."""
    return key_of(inherited()) == key
