"""Who holds a stack's lock, according to its file. Standard library only: read-only commands use it too."""

import os
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bandplan.embedded.form import strict_json

_GREATEST_PID: Final = 2**31 - 1
"""Greatest process id on every system that Python runs on; ids of 0 and below stand for groups of processes."""
_ENDED: Final = (b"Z", b"X")
"""States in /proc of a process that has ended but was not yet waited for.

Such a state is permanent if nobody waits, as in a container whose first process is not an init.
"""


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of a lock."""

    pid: int
    hostname: str
    username: str
    timestamp: str

    @property
    def is_gone(self) -> bool:
        """Whether the holder is a process of this machine that has ended."""
        return self.hostname == socket.gethostname() and not _is_alive(self.pid)


def read_holder(text: bytes) -> Holder | None:
    """Return the holder that a lock file names, or None if the file is damaged."""
    try:
        found = strict_json(text)
    except ValueError:
        return None
    match found:
        case {"pid": int(pid), "hostname": str(hostname)} if not isinstance(pid, bool) and 0 < pid <= _GREATEST_PID:
            username, timestamp = found.get("username"), found.get("timestamp")
            return Holder(
                pid,
                hostname,
                username if isinstance(username, str) else "someone",
                timestamp if isinstance(timestamp, str) else "an unknown time",
            )
    return None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # `pid (name) state ...`; the name may contain anything, even a parenthesis.
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[:1]
    except OSError:  # not Linux, or the process has just ended
        return True
    return state[:1] == [] or state[0] not in _ENDED
