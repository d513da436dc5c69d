"""The digest of each file of a folder, read again only where the file has changed."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.digest_record import DigestRecord
from bandplan.serving.registration.sources.folder import File, files
from bandplan.serving.registration.sources.size import written_size
from bandplan.serving.registration.sources.source import Source

_READERS = 4
"""Number of files to read at the same time; more than a disk needs, and few enough for a shared one."""

_WORTH_TELLING_BYTES = 1 << 30


def file_digest(file: File, shown: str) -> str:
    """Return the hex SHA-256 of a file, which is streamed; `shown` is the user's name for its folder.

    Errors: RegistrationError if it cannot be read, or has changed since it was listed.
    """
    try:
        with file.path.open("rb") as content:
            digest = hashlib.file_digest(content, "sha256").hexdigest()
            after = os.fstat(content.fileno())
    except OSError as error:
        raise RegistrationError(f"{shown}/{file.name}: cannot be read: {error.strerror}") from error
    if (after.st_size, after.st_mtime_ns) != (file.status.st_size, file.status.st_mtime_ns):
        raise RegistrationError(f"{shown}/{file.name}: changed while it was read; run again once it is complete")
    return digest


def contents(
    source: Source,
    cache_directory: Path,
    progress: Callable[[str], None],
    *,
    read: Callable[[File, str], str] = file_digest,
    now_ns: Callable[[], int] = time.time_ns,
) -> dict[str, str]:
    """Map the name of each file of a source on disk to the hex digest of its content; digests are kept in
    `cache_directory`.

    Errors: RegistrationError.
    """
    read_at_ns = now_ns()
    listed = files(source.path, source.text)
    record = DigestRecord(cache_directory, source.path)
    known = {file.name: (file, digest) for file in listed if (digest := record.known(file)) is not None}
    unread = [file for file in listed if file.name not in known]
    size_bytes = sum(file.size_bytes for file in unread)
    if size_bytes > _WORTH_TELLING_BYTES:
        progress(f"reading {written_size(size_bytes)} of {source.text}; later runs read only what has changed")
    if unread:
        # Hashing releases the interpreter lock, so threads speed it up.
        with ThreadPoolExecutor(min(_READERS, len(unread)), thread_name_prefix="digest") as pool:
            digests = pool.map(lambda file: read(file, source.text), unread)
            known.update((file.name, (file, digest)) for file, digest in zip(unread, digests, strict=True))
    record.replace(known, read_at_ns=read_at_ns)
    return {name: digest for name, (_, digest) in known.items()}
