"""One update at a time per stack, by the lock files of the CLI's file backend, so that the two exclude each other."""

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedded.checkpoint import StackFile, write_whole
from embedded.errors import StackLocked


@contextlib.contextmanager
def hold(file: StackFile, now: str) -> Iterator[None]:
    """Hold the stack's lock. StackLocked names the holder; a lock left by a dead process of this machine is removed."""
    own = file.lock_dir / f"{uuid.uuid4()}.json"
    for other in _held(file.lock_dir):
        _refuse_or_remove(other, file)
    content = {"pid": os.getpid(), "username": getpass.getuser(), "hostname": socket.gethostname(), "timestamp": now}
    write_whole(own, json.dumps(content).encode())
    try:
        # Two may have looked at the same moment: whoever sees another lock after writing its own steps back.
        for other in _held(file.lock_dir):
            if other != own:
                _refuse_or_remove(other, file)
        yield
    finally:
        own.unlink(missing_ok=True)


def _held(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json")) if folder.is_dir() else []


def _refuse_or_remove(lock: Path, file: StackFile) -> None:
    try:
        found = json.loads(lock.read_bytes())
    except FileNotFoundError:
        return
    except ValueError:
        found = None
    holder: dict[str, Any] = found if isinstance(found, dict) else {}
    pid = holder.get("pid")
    if holder.get("hostname") == socket.gethostname() and isinstance(pid, int) and not _is_alive(pid):
        lock.unlink(missing_ok=True)
        return
    who = f"{holder.get('username', 'someone')}@{holder.get('hostname', 'unknown')}"
    raise StackLocked(
        f"stack {file.stack} is being updated by {who} "
        f"(process {pid}) since {holder.get('timestamp', 'an unknown time')}; wait for it to end, "
        f"or remove {lock} when that process is gone"
    )


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
