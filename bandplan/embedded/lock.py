"""One update per stack at a time, by the lock files of the CLI's file backend, which the CLI respects too."""

import contextlib
import getpass
import json
import os
import socket
import uuid
from collections.abc import Iterator
from pathlib import Path

from bandplan.embedded.checkpoint import StackFile
from bandplan.embedded.errors import StackLocked, StateError
from bandplan.embedded.files import read_if_there, remove, write_whole
from bandplan.embedded.holder import read_holder


@contextlib.contextmanager
def hold(file: StackFile, now: str) -> Iterator[None]:
    """Hold the stack's lock. StackLocked names the holder; a lock left by a dead process of this machine is removed."""
    own = file.lock_dir / f"{uuid.uuid4()}.json"
    for other in held(file):
        _refuse_or_remove(other, file)
    content = {"pid": os.getpid(), "username": _user(), "hostname": socket.gethostname(), "timestamp": now}
    write_whole(own, json.dumps(content).encode(), file.state_dir)
    try:
        # Two runs may check simultaneously: a run that sees another lock after writing its own backs off.
        for other in held(file):
            if other != own:
                _refuse_or_remove(other, file)
        yield
    finally:
        remove(own)


def held(file: StackFile) -> list[Path]:
    """Return the lock files of a stack, whoever holds them."""
    try:
        return sorted(path for path in file.lock_dir.iterdir() if path.suffix == ".json" and path.name[0] != ".")
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise StateError(f"{file.lock_dir}: cannot be read: {error.strerror}; make the folder readable") from error


def _refuse_or_remove(lock: Path, file: StackFile) -> None:
    text = read_if_there(lock)
    if text is None:
        return
    holder = read_holder(text)
    if holder is None:
        raise StackLocked(
            f"stack {file.stack} is locked by {lock}, which does not name its holder; "
            "remove that file if no update of the stack is running"
        )
    if holder.is_gone:
        remove(lock)
        # The CLI's file backend keeps the attributes of each of its files in a file next to it.
        remove(lock.with_name(f"{lock.name}.attrs"))
        return
    raise StackLocked(
        f"stack {file.stack} is being updated by {holder.username}@{holder.hostname} "
        f"(process {holder.pid}) since {holder.timestamp}; wait for it to finish, "
        f"or remove {lock} if that process no longer exists"
    )


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name
        return str(os.getuid())
