"""Replace a file in one step: a reader sees the old content or the new one, never a part. Standard library only.

Private files, and those that have to survive a power cut, have writers of their own in `serving` and `embedded`.
"""

import errno
import os
import shutil
from pathlib import Path


class ChangedMeanwhile(Exception):
    """The file no longer has the content that was read; it is left as it is."""


class PreparedFile:
    """New content of a file, beside it until it takes its place. Errors: OSError, wherever one is not named.

    A link stays a link: the file that it leads to is replaced. A file that exists keeps its permissions;
    `is_executable`: whoever may read the file may also run it. A pipe or a terminal has no place to take, and is
    written to.
    """

    def __init__(self, path: Path, content: bytes, *, is_executable: bool = False) -> None:
        self._target, self._content = path.resolve(), content
        if self._target.is_dir():
            raise IsADirectoryError(errno.EISDIR, "it is a folder", str(path))
        self._beside = self._target.with_name(f".{self._target.name}.{os.getpid()}.new")
        if self._is_stream:
            return
        try:
            self._beside.write_bytes(content)
            if self._target.exists():
                shutil.copymode(self._target, self._beside)
            if is_executable:
                mode = self._beside.stat().st_mode
                self._beside.chmod(mode | (mode & 0o444) >> 2)
        except OSError:
            self.discard()
            raise

    @property
    def _is_stream(self) -> bool:
        return self._target.exists() and not self._target.is_file()

    def place(self, before: bytes | None = None) -> None:
        """Let the content take its place; if `before` is given, only if the file still has that content.

        Errors: ChangedMeanwhile.
        """
        if before is not None and self._target.read_bytes() != before:
            raise ChangedMeanwhile(str(self._target))
        if self._is_stream:
            self._target.write_bytes(self._content)
        else:
            self._beside.replace(self._target)

    def discard(self) -> None:
        """Remove what did not take its place; a folder that is gone has nothing to remove."""
        try:
            self._beside.unlink(missing_ok=True)
        except OSError:
            return


def replace_file(path: Path, content: bytes, *, before: bytes | None = None) -> None:
    """Replace a file, as `PreparedFile` does. Errors: OSError; ChangedMeanwhile."""
    prepared = PreparedFile(path, content)
    try:
        prepared.place(before)
    finally:
        prepared.discard()
