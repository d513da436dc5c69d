"""What crosses the socket of a warm process: a length, then parts that no file name or variable can contain, NUL apart.

The caller sends what it inherited, with its file descriptors; it gets `READY`, and sends `GO` with the command; then,
for each signal that it receives, the number as one byte; and gets the end of the command as `exited` or `killed`.
Without `GO` nothing runs, so a caller that waited too long can run the command itself. The monitor reads the command:
its arguments and environment, which may hold secrets, never reach the warm process.
"""

import os
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence

RUN, ABOUT, STOP = b"run", b"about", b"stop"
"""Kinds of requests."""

READY, STALE, OTHER = b"R", b"S", b"O"
"""Answers to `RUN`: the child waits; the process is out of date and ends; it was started otherwise than the caller."""

GO = b"go"
"""Kind of the message with which the command begins."""

LENGTH_BYTES = 4
MOST_BYTES = 16 << 20
"""Largest request in bytes: several times what Linux allows for arguments and environment. A choice."""
MOST_DESCRIPTORS = 250
"""Of 253 that the kernel passes at once: SCM_MAX_FD of unix(7), read 2026-11."""
SPARE_DESCRIPTORS = 32
"""Files that a command's process has open while it takes over the caller's; more than it needs."""


class Request:
    """A command as its process started: everything that a running process can take over.

    `streams` has encoding and error handler of standard input, output and error, "" twice for a closed one.
    `descriptors` are the numbers of the open files, in the order in which they are sent after the folder's.
    """

    def __init__(  # noqa: PLR0913
        self,
        *,
        inherited: str,
        arguments: Sequence[str],
        path: Sequence[str],
        environ: Mapping[str, str],
        streams: Sequence[str],
        descriptors: Sequence[int],
        umask: int,
        ignored: Sequence[int],
        blocked: Sequence[int],
    ) -> None:
        """Not a dataclass: importing what makes one takes as long as everything else that a caller imports."""
        self.inherited = inherited
        self.arguments = tuple(arguments)
        self.path = tuple(path)
        self.environ = dict(environ)
        self.streams = tuple(streams)
        self.descriptors = tuple(descriptors)
        self.umask = umask
        self.ignored = tuple(ignored)
        self.blocked = tuple(blocked)


def encode(request: Request) -> bytes:
    """Return the parts, each group after its count."""
    groups: tuple[tuple[str, ...], ...] = (
        (request.inherited,),
        request.arguments,
        request.path,
        tuple(part for variable in request.environ.items() for part in variable),
        request.streams,
        numbers(request.descriptors),
        numbers((request.umask,)),
        numbers(request.ignored),
        numbers(request.blocked),
    )
    return b"\0".join(os.fsencode(part) for group in groups for part in (str(len(group)), *group))


def decode(data: bytes) -> Request:
    """Read what `encode` wrote. Errors: ValueError."""
    parts = iter(data.split(b"\0"))

    def group() -> tuple[str, ...]:
        return tuple(os.fsdecode(next(parts)) for _ in range(int(next(parts))))

    try:
        (description,), arguments, path, variables, streams = group(), group(), group(), group(), group()
        descriptors, (umask,), ignored, blocked = (tuple(map(int, group())) for _ in range(4))
    except (StopIteration, RuntimeError) as error:
        raise ValueError("the request ends too early") from error
    environ = dict(zip(variables[::2], variables[1::2], strict=True))
    return Request(
        inherited=description,
        arguments=arguments,
        path=path,
        environ=environ,
        streams=streams,
        descriptors=descriptors,
        umask=umask,
        ignored=ignored,
        blocked=blocked,
    )


def this_process() -> Request | None:
    """Describe this process; None if it has something that cannot be passed on. Errors: OSError."""
    from bandplan.cli.warm.inherited import inherited, text

    status = dict(line.partition(":\t")[::2] for line in text("/proc/self/status").splitlines())
    descriptors = tuple(number for number in map(int, os.listdir("/proc/self/fd")) if is_passed_on(number))
    needed = max(descriptors, default=0) + len(descriptors) + SPARE_DESCRIPTORS
    # A variable without a name can be inherited, but not be set.
    if "" in os.environ or len(descriptors) > MOST_DESCRIPTORS or needed > os.sysconf("SC_OPEN_MAX"):
        return None
    return Request(
        inherited=inherited(),
        arguments=sys.argv,
        path=sys.path,
        environ=os.environ,
        streams=[
            str(getattr(stream, name, None) or "")
            for stream in (sys.stdin, sys.stdout, sys.stderr)
            for name in ("encoding", "errors")
        ],
        descriptors=descriptors,
        umask=int(status["Umask"], 8),
        ignored=signals(status["SigIgn"]),
        blocked=signals(status["SigBlk"]),
    )


def is_passed_on(number: int) -> bool:
    """Whether a program that this process started would have the file: the shell's own, none that Python opened."""
    try:
        return os.get_inheritable(number)
    except OSError:  # that of the listing itself
        return False


def signals(mask: str) -> tuple[int, ...]:
    """Return the signals of a mask as /proc shows it. Python ignores two of them in every process."""
    bits = int(mask, 16)
    return tuple(number for number in range(1, signal.NSIG) if bits >> (number - 1) & 1)


def numbers(values: Iterable[int]) -> tuple[str, ...]:
    return tuple(map(str, values))


def send(connection: socket.socket, kind: bytes, data: bytes = b"", descriptors: Iterable[int] = ()) -> None:
    """Send a request. Errors: OSError."""
    message = kind + b"\0" + data
    head = len(message).to_bytes(LENGTH_BYTES)
    socket.send_fds(connection, [head], list(descriptors))
    connection.sendall(message)


def receive(connection: socket.socket) -> tuple[bytes, bytes, list[int]]:
    """Return kind, data and descriptors of a request; the caller closes these. Errors: OSError, ValueError."""
    head, descriptors, flags, _ = socket.recv_fds(
        connection, LENGTH_BYTES, MOST_DESCRIPTORS + 1, socket.MSG_CMSG_CLOEXEC
    )
    try:
        if len(head) != LENGTH_BYTES or flags & socket.MSG_CTRUNC:
            raise ValueError("the request is not complete")
        length = int.from_bytes(head)
        if length > MOST_BYTES:
            raise ValueError(f"the request has {length:,} bytes")
        kind, _, data = exactly(connection, length).partition(b"\0")
    except BaseException:
        for number in descriptors:
            os.close(number)
        raise
    return kind, data, descriptors


def exactly(connection: socket.socket, length: int) -> bytes:
    """Receive that many bytes. Errors: OSError, ValueError if the other side ends before."""
    parts: list[bytes] = []
    while length:
        part = connection.recv(min(length, 1 << 16))
        if not part:
            raise ValueError("the other side has ended")
        parts.append(part)
        length -= len(part)
    return b"".join(parts)


def ended(status: int) -> bytes:
    """Return how a command ended, from its wait status."""
    if os.WIFSIGNALED(status):
        return bytes([1, os.WTERMSIG(status)])
    return bytes([0, os.WEXITSTATUS(status)])


def how_it_ended(connection: socket.socket) -> tuple[bool, int]:
    """Wait for the end; return whether a signal ended the command, and its number or the exit status.

    Errors: OSError, ValueError.
    """
    was_killed, number = exactly(connection, 2)
    return bool(was_killed), number
