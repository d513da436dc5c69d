"""A file being uploaded: written block by block, invisible until it is published."""

import os
import threading
from pathlib import Path

BLOCK_BYTES = 1024 * 1024
"""Bytes gathered in memory before they are written."""

ZEROS = bytes(BLOCK_BYTES)


class IncomingFile:
    """A file written sequentially to `path`, from `start` on; blocks of zeros become holes of a sparse file.

    It is not forced to disk: like every answer of the workspace, a published file survives the death of the process,
    but not always that of the machine.
    """

    def __init__(self, path: Path, start: int = 0) -> None:
        self.path = path
        self.start = start
        self.size = 0
        # A thread may still be writing when the request that started it is cancelled: its descriptor stays its own.
        self._in_use = threading.Lock()
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def write(self, data: bytes) -> None:
        """Append at most a block. Raises OSError, for example if the disk is full."""
        if data != ZEROS[: len(data)]:
            with self._in_use:
                rest, position = memoryview(data), self.start + self.size
                while rest:
                    written = os.pwrite(self._descriptor, rest, position)
                    rest, position = rest[written:], position + written
        self.size += len(data)

    def absorb(self, path: Path, start: int, size: int) -> None:
        """Append a range of another file."""
        with path.open("rb", buffering=0) as source:
            source.seek(start)
            while size > 0 and (data := source.read(min(size, BLOCK_BYTES))):
                self.write(data)
                size -= len(data)
        # A hole at the end of the other file is after its last byte.
        self.size += size

    def seal(self) -> None:
        """End the file after its last byte, which may lie in a hole, and close it."""
        os.ftruncate(self._descriptor, self.start + self.size)
        self.close()

    def close(self) -> None:
        """Close the file; closing it again does nothing, and a later write raises OSError."""
        with self._in_use:
            if self._descriptor >= 0:
                os.close(self._descriptor)
            self._descriptor = -1
