"""Digests of files already read, kept on disk per folder, so that a checkpoint of 140 GB is read once.

An entry holds as long as the file's size, modification time, change time and inode are the same, as in git's index. A
record that cannot be read or understood counts as empty: the files are read again and the record is rewritten.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from bandplan.serving.private_file import replace_private_file
from bandplan.serving.registration.sources.folder import File

_FORMAT = 1

SETTLED_NS = 2_000_000_000
"""A file changed within this time before it was read is not recorded: a second change could have the same time.

Two seconds is the coarsest clock of a file system in use (FAT).
"""


class DigestRecord:
    """The digests of the files of one folder. Not thread-safe; each of several processes may keep one."""

    def __init__(self, directory: Path, folder: Path) -> None:
        readable = re.sub(r"[^A-Za-z0-9_.-]+", "-", folder.name)[:60]
        self._path = directory / f"{readable}-{sha256(os.fsencode(folder)).hexdigest()[:12]}.json"
        self._entries = _read(self._path)

    def known(self, file: File) -> str | None:
        """Return the hex digest of a file that has not changed since it was recorded, or None."""
        entry = self._entries.get(file.name)
        return entry.digest if entry is not None and entry.identity == _identity(file.status) else None

    def replace(self, digests: Mapping[str, tuple[File, str]], *, read_at_ns: int) -> None:
        """Keep only these digests, by name; `read_at_ns` is the wall time at which reading began.

        A folder that cannot be written only costs the next run the time to read again.
        """
        settled = {
            name: _Entry(_identity(file.status), digest)
            for name, (file, digest) in digests.items()
            if max(file.status.st_mtime_ns, file.status.st_ctime_ns) < read_at_ns - SETTLED_NS
        }
        if settled == self._entries:
            return
        with contextlib.suppress(OSError):
            replace_private_file(self._path, json.dumps({"format": _FORMAT, "files": settled}))


class _Entry(NamedTuple):
    """Size, modification time, change time and inode of a file, and its digest in hex."""

    identity: list[int]
    digest: str


def _identity(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def _read(path: Path) -> dict[str, _Entry]:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(document, dict) or document.get("format") != _FORMAT:
        return {}
    entries = document.get("files")
    kept = {}
    for name, entry in entries.items() if isinstance(entries, dict) else ():
        match entry:
            case [[int(), int(), int(), int()] as identity, str(digest)]:
                kept[name] = _Entry(identity, digest)
    return kept
