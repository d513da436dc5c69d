"""The process of a command: takes over what its caller's process had when it started."""

import ctypes
import fcntl
import io
import os
import signal
import sys
import time
import types
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, TextIO

from bandplan.cli.warm.request import Request

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
"""Source: prctl(2), read 2026-11."""
CANNOT_BE_SET: Final = (signal.SIGKILL, signal.SIGSTOP)


def take_over(request: Request, folder: int, files: Sequence[int]) -> None:
    """Take over folder, files, environment, arguments and signals; afterwards nothing of the warm process is open.

    `files` are the open ones of `request.descriptors`. Every signal must be blocked; those that the caller had not
    blocked are delivered at the end.
    """
    end_with_parent()
    os.fchdir(folder)
    take_over_files(request.descriptors, files)
    os.umask(request.umask)
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    sys.argv[:] = request.arguments
    sys.orig_argv[1:] = request.arguments
    sys.path[:] = request.path
    program = types.ModuleType("__main__")
    program.__file__ = request.arguments[0]
    sys.modules["__main__"] = program
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        encoding, errors = request.streams[2 * number : 2 * number + 2]
        stream = text_stream(number, mode, encoding, errors) if encoding else None
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    for number in range(1, signal.NSIG):
        if number not in CANNOT_BE_SET:
            default = signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL
            with suppress(OSError, ValueError):  # two that belong to the C library
                signal.signal(number, signal.SIG_IGN if number in request.ignored else default)
    signal.pthread_sigmask(signal.SIG_SETMASK, request.blocked)


def end_with_parent() -> None:
    """Let the kernel kill this process if its monitor is killed, and show a name in `ps` and `top`."""
    parent = os.getppid()
    control = ctypes.CDLL(None).prctl
    control(PR_SET_PDEATHSIG, signal.SIGKILL)
    control(PR_SET_NAME, b"bandplan")
    if os.getppid() != parent:
        os._exit(1)


def take_over_files(numbers: Sequence[int], files: Sequence[int]) -> None:
    """Give each file the number that it has at the caller, and close every other one."""
    free = max(numbers, default=0) + 1
    aside = [fcntl.fcntl(file, fcntl.F_DUPFD_CLOEXEC, free) for file in files]
    for number in map(int, os.listdir("/proc/self/fd")):
        if number not in aside:
            with suppress(OSError):  # that of the listing
                os.close(number)
    for number, file in zip(numbers, aside, strict=True):
        os.dup2(file, number)
        os.close(file)


def text_stream(number: int, mode: str, encoding: str, errors: str) -> TextIO:
    """Open a standard stream as Python does: `create_stdio` of CPython's pylifecycle.c, read 2026-11."""
    is_buffered = not os.environ.get("PYTHONUNBUFFERED")
    raw = io.FileIO(number, mode, closefd=False)
    raw.name = ("<stdin>", "<stdout>", "<stderr>")[number]
    buffer = (
        raw if mode == "w" and not is_buffered else io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    )
    stream = io.TextIOWrapper(
        buffer,
        encoding,
        errors,
        newline="\n",
        line_buffering=is_buffered and (number == 2 or raw.isatty()),
        write_through=not is_buffered,
    )
    stream.mode = mode  # type: ignore[misc]
    return stream
