"""Where warm processes have their sockets: a folder that belongs to the user alone."""

import os
import socket
import stat
import sys
from collections.abc import Mapping

RUNTIME = "XDG_RUNTIME_DIR"
LONGEST_PATH = 107
"""Bytes of a socket's path on Linux: `sun_path` of unix(7), read 2026-11, less its end."""

_INT_BYTES = 4
"""Of each of the numbers of `ucred`: process, user, group. Source: unix(7), read 2026-11."""


class NotPrivate(OSError):
    """The folder, or the process at the other end, is not this user's own."""


def folder(environ: Mapping[str, str]) -> str:
    """Return the path of the folder for this user, whether it exists or not."""
    runtime = environ.get(RUNTIME, "")
    if runtime.startswith("/") and len(os.fsencode(runtime)) < LONGEST_PATH // 2 and is_own(runtime):
        return os.path.join(runtime, "bandplan")
    return f"/tmp/bandplan-{os.geteuid()}"


def is_own(path: str) -> bool:
    """Whether a folder belongs to this user, and nobody else can write there. `su` and `sudo -E` keep the variable:
    a folder that root makes in the runtime folder of a user would lock that user out.
    """
    try:
        found = os.stat(path)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.geteuid() and not found.st_mode & 0o022


def require_private(path: str) -> None:
    """Refuse a folder that is a link, belongs to somebody else, or that others may use. Errors: NotPrivate, OSError."""
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise NotPrivate(f"{path}: must be a folder with mode 0700 of user {os.geteuid()}")


def make_private(path: str) -> None:
    """Create the folder if it is missing. Errors: NotPrivate, OSError."""
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        pass
    require_private(path)


def socket_path(path: str, key: str) -> str:
    return os.path.join(path, f"{key}.sock")


def peer(connection: socket.socket) -> int:
    """Return the process at the other end. Errors: NotPrivate if another user runs it."""
    found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 3 * _INT_BYTES)
    pid, user = (int.from_bytes(found[at : at + _INT_BYTES], sys.byteorder) for at in (0, _INT_BYTES))
    if user != os.geteuid():
        raise NotPrivate(f"process {pid} belongs to user {user}, not to {os.geteuid()}")
    return pid


def connect(path: str, key: str, seconds: float) -> tuple[socket.socket, int]:
    """Connect to the socket of that key; return the connection and the process that listens. Errors: OSError."""
    require_private(path)
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.settimeout(seconds)
        connection.connect(socket_path(path, key))
        return connection, peer(connection)
    except BaseException:
        connection.close()
        raise
