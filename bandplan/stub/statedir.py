"""The state directory of a stub workspace: its files, and the lock that shows whether a stub serves it.

The serving process holds an exclusive lock on `lock` for its whole life and writes its process id into it. A held lock
therefore proves that the process is alive and ours; a `run.json` without one is left over from a kill.
"""

import contextlib
import fcntl
import json
import os
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

LOCK_ATTEMPTS = 20
LOCK_PAUSE_SECONDS = 0.01

GREATEST_PID = 2**31 - 1
"""The highest process id on every system that Python supports; 0 and below stand for process groups."""
MOST_TOKEN_BYTES = 4096
"""An arbitrary limit; the tokens generated here have 43 bytes."""


class UnknownHolder(Exception):
    """The lock is held, but its file does not name the holder."""


@dataclass(frozen=True, slots=True)
class RunFile:
    """The contents of `run.json` about the serving process; `host` is `http://127.0.0.1:PORT`."""

    pid: int
    port: int
    host: str
    started_at: str


def write_run_file(state_dir: Path, run: RunFile) -> None:
    """Write `run.json` atomically."""
    _replace(
        state_dir / "run.json",
        json.dumps({"pid": run.pid, "port": run.port, "host": run.host, "started_at": run.started_at}),
    )


def read_run_file(state_dir: Path) -> RunFile | None:
    """Return the contents of `run.json`, or None if it is missing, damaged, or not ours."""
    try:
        run = RunFile(**json.loads((state_dir / "run.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError):
        return None
    is_ours = (
        _is_whole(run.pid, GREATEST_PID)
        and _is_whole(run.port, 65_535)
        and run.host == f"http://127.0.0.1:{run.port}"
        and isinstance(run.started_at, str)
    )
    return run if is_ours else None


def _is_whole(value: object, most: int) -> bool:
    return type(value) is int and 0 < value <= most


def write_port(state_dir: Path, port: str) -> None:
    """Store the port for the next start."""
    _replace(state_dir / "port", port)


def for_owner(path: str, flags: int) -> int:
    """Open a file that only its owner may read; an `opener` for `open`."""
    return os.open(path, flags, 0o600)


def remove_run_file(state_dir: Path) -> None:
    (state_dir / "run.json").unlink(missing_ok=True)


def read_token(state_dir: Path) -> str:
    """Return the bearer token, empty if the file holds none. Raises OSError if there is no file yet."""
    text = (state_dir / "token").read_bytes()[:MOST_TOKEN_BYTES].decode("latin-1").strip()
    return text if re.fullmatch(r"[\x21-\x7e]+", text) else ""


def keep_token(state_dir: Path) -> str:
    """Return the bearer token of the last start, or a new one; only its owner may read its file."""
    with contextlib.suppress(FileNotFoundError):
        (state_dir / "token").chmod(0o600)
        token = read_token(state_dir)
        if token:
            return token
    return make_token(state_dir)


def make_token(state_dir: Path) -> str:
    """Replace the bearer token by a new random one and return it."""
    token = secrets.token_urlsafe(32)
    _replace(state_dir / "token", token)
    return token


def take_lock(state_dir: Path) -> int | None:
    """Take the lock of this directory; return its descriptor, or None if another process holds it."""
    descriptor = os.open(state_dir / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    for _ in range(LOCK_ATTEMPTS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, str(os.getpid()).encode(), 0)
            return descriptor
        time.sleep(LOCK_PAUSE_SECONDS)  # a check of the lock (below) holds it for a moment
    os.close(descriptor)
    return None


def is_lock_of(state_dir: Path, descriptor: int) -> bool:
    """Whether `descriptor` still holds the lock of this directory; false once the lock file was deleted."""
    try:
        return os.path.samestat((state_dir / "lock").stat(), os.fstat(descriptor))
    except OSError:
        return False


def lock_holder(state_dir: Path) -> int | None:
    """Return the id of the process that serves this directory, or None. Raises UnknownHolder if the lock is damaged."""
    try:
        descriptor = os.open(state_dir / "lock", os.O_RDWR)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0)
        if not holder.isdigit() or not _is_whole(int(holder), GREATEST_PID):
            raise UnknownHolder from None
        return int(holder)
    else:
        os.ftruncate(descriptor, 0)  # left by a killed process; must not be read as the next holder's
        return None
    finally:
        os.close(descriptor)


def _replace(path: Path, text: str) -> None:
    """Write a file atomically that only its owner may read."""
    written = path.with_name(f"{path.name}.{os.getpid()}.new")
    with os.fdopen(os.open(written, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    written.replace(path)
