"""The process between a warm process and a command: in the caller's process group, parent of the command.

It tells the caller how the command ended, kills it if the caller is killed, and passes on each signal that was sent to
the caller alone. A signal of the terminal, or for a whole job, reaches all three by itself, and would come twice: so
what this process received too is not passed on.
"""

import os
import select
import signal
import socket
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import suppress
from itertools import groupby
from types import FrameType
from typing import Final, NoReturn

from bandplan.cli.warm.client import PASSED_ON
from bandplan.cli.warm.request import GO, READY, Request, decode, ended, receive

GO_SECONDS: Final = 10.0
"""How long the caller may take from `READY` to `GO`; a guess that only matters if it is stopped there."""
SAME_SECONDS: Final = 10.0
"""Within this time, a signal that this process received is the one of which the caller tells. That takes less than a
millisecond, but seconds on a machine that is very busy; a late SIGCONT would continue what Ctrl-Z has stopped since.
"""

Received = defaultdict[int, deque[float]]
"""By signal, the times at which this process received it."""


def watch(connection: socket.socket, caller: int) -> Request:
    """Become the monitor of one command. Returns that in the command's process only, with every signal blocked.

    Errors: OSError if the caller belongs to another session; OSError or ValueError if it has gone.
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received: Received = defaultdict(deque)

    def note(number: int, _frame: FrameType | None) -> None:
        received[number].append(time.monotonic())

    for number in (*PASSED_ON, signal.SIGCHLD):
        signal.signal(number, note)
    for number in (signal.SIGTTIN, signal.SIGTTOU):
        signal.signal(number, signal.SIG_IGN)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    os.setpgid(0, os.getpgid(caller))
    connection.settimeout(GO_SECONDS)
    connection.sendall(READY)
    kind, data, _ = receive(connection)
    if kind != GO:
        os._exit(1)
    request = decode(data)
    command = os.fork()
    if command:
        connection.settimeout(None)
        close_all_but(connection.fileno(), reading, writing)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        pass_on(connection, command, reading, received)
    signal.set_wakeup_fd(-1)
    return request


def pass_on(connection: socket.socket, command: int, reading: int, received: Received) -> NoReturn:
    """Pass signals on until the command has ended, and report its end."""
    events = select.poll()
    for descriptor in (connection.fileno(), reading):
        events.register(descriptor, select.POLLIN)
    while True:
        pid, status = os.waitpid(command, os.WNOHANG)
        if pid:
            with suppress(OSError):
                connection.sendall(ended(status))
            os._exit(0)
        for descriptor, _ in events.poll():
            if descriptor == reading:
                os.read(reading, 1 << 10)
                continue
            try:
                numbers = connection.recv(1 << 10)
            except OSError:
                numbers = b""
            if not numbers:
                os.kill(command, signal.SIGKILL)
                os._exit(1)
            for number in to_pass_on(numbers, received):
                os.kill(command, number)


def to_pass_on(numbers: bytes, received: Received) -> Iterator[int]:
    """Yield those of the signals of which the caller tells that did not come to this process, and so to the command."""
    for number, told in groupby(numbers):
        if not were_received(received[number], len(list(told))) and not is_taken_back(number, received):
            yield number


def were_received(times: deque[float], told: int) -> bool:
    """Whether this process received the signals of one kind of which the caller tells; each of its times counts once.

    One that it received may be several for the caller: the kernel does not add them up while a process does not run.
    """
    found = 0
    while times and found < told:
        found += time.monotonic() - times.popleft() < SAME_SECONDS
    return found > 0


def is_taken_back(number: int, received: Received) -> bool:
    """Whether a stop of the whole job was followed by SIGCONT, or SIGCONT by a stop, before this process noticed it.

    The kernel drops the first one then. The caller tells of the second one later, so that its time is still there.
    """
    second = {signal.SIGTSTP: signal.SIGCONT, signal.SIGCONT: signal.SIGTSTP}.get(signal.Signals(number))
    return second is not None and any(time.monotonic() - at < SAME_SECONDS for at in received[second])


def close_all_but(*kept: int) -> None:
    """Close every file of this process except these and its standard streams, which are /dev/null."""
    for number in map(int, os.listdir("/proc/self/fd")):
        if number > 2 and number not in kept:
            with suppress(OSError):  # that of the listing
                os.close(number)
