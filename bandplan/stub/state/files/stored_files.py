"""Files of the Files API on disk: streamed in beside their place, put there whole by a rename.

    files/models/<version id>/...          of a model version
    files/runs/<run id>/...                artifacts of a run
    files/logged_models/<model id>/...     artifacts of a logged model
    files/incoming/...                     on their way in; emptied when the workspace starts

A holder, such as `models/<version id>`, is named by an id of the workspace's own making; what a client names is only
what lies below it (`bandplan.stub.state.files.remote_path`), and a symbolic link is never followed.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from bandplan.stub.state.files.incoming_file import IncomingFile
from bandplan.stub.state.refusals import DirectoryNotEmpty, FileExists, Forbidden, Invalid, NoSuchFile


@dataclass(frozen=True, slots=True)
class Place:
    """Where a remote path lies: below a holder such as `models/<version id>`; no segments is the holder itself."""

    holder: str
    segments: tuple[str, ...]
    shown: str

    @property
    def is_holder(self) -> bool:
        return not self.segments


@dataclass(frozen=True, slots=True)
class StoredFile:
    """A file that is there; `path` is on this machine's disk."""

    path: Path
    size: int
    modified_ms: int


@dataclass(frozen=True, slots=True)
class Entry:
    """One row of a listing; `size` is None for a folder."""

    name: str
    size: int | None
    modified_ms: int


class StoredFiles:
    """The tree of files below one directory, which it makes as needed."""

    def __init__(self, root: Path) -> None:
        # Resolved once: on some systems the temporary directory itself is a symbolic link.
        self._root = Path(os.path.realpath(root))
        self.incoming_directory = self._root / "incoming"
        shutil.rmtree(self.incoming_directory, ignore_errors=True)

    @contextmanager
    def incoming(self, name: str) -> Iterator[IncomingFile]:
        """A new file to write into and then `publish`; dropped at the end unless that was done."""
        self.incoming_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = IncomingFile(self.incoming_directory / name)
        try:
            yield file
        finally:
            file.close()
            file.path.unlink(missing_ok=True)

    def publish(self, file: IncomingFile, place: Place, *, overwrite: bool) -> None:
        """Make a file visible at its place, whole, at once. Raises FileExists, Invalid."""
        target = self._path(place)
        if place.is_holder or target.is_dir():
            raise Invalid(f"path: '{place.shown}' is a directory.")
        if not overwrite and target.exists():
            raise FileExists(f"The file '{place.shown}' already exists.")
        self._make(target.parent, place)
        file.seal()
        file.path.replace(target)

    def file(self, place: Place) -> StoredFile:
        """The file at a place; raises NoSuchFile."""
        path = self._path(place)
        try:
            found = path.stat()
        except OSError as error:
            raise _missing("file", place) from error
        if not path.is_file():
            raise _missing("file", place)
        return StoredFile(path, found.st_size, found.st_mtime_ns // 1_000_000)

    def read(self, place: Place, limit_bytes: int) -> bytes:
        """The bytes of a small file, one more than the limit when it is larger; raises NoSuchFile."""
        with self.file(place).path.open("rb") as file:
            return file.read(limit_bytes + 1)

    def delete(self, place: Place) -> None:
        self.file(place).path.unlink()

    def is_directory(self, place: Place) -> bool:
        """A holder is one even when nothing was put there yet."""
        return place.is_holder or self._path(place).is_dir()

    def entries(self, place: Place) -> list[Entry]:
        """What lies directly in a directory, by name; raises NoSuchFile."""
        path = self._path(place)
        if not self.is_directory(place):
            raise _missing("directory", place)
        if not path.exists():
            return []
        with os.scandir(path) as found:
            rows = [(row, row.stat(follow_symlinks=False)) for row in found if not row.is_symlink()]
        made = [
            Entry(row.name, None if row.is_dir() else stat.st_size, stat.st_mtime_ns // 1_000_000) for row, stat in rows
        ]
        return sorted(made, key=lambda entry: entry.name)

    def make_directory(self, place: Place) -> None:
        """Make a directory and those that it lies in; one that is there stays."""
        path = self._path(place)
        if path.is_file():
            raise FileExists(f"The path '{place.shown}' is a file; it already exists.")
        self._make(path, place)

    def delete_directory(self, place: Place) -> None:
        """Delete an empty directory; raises DirectoryNotEmpty."""
        if self.entries(place):
            raise DirectoryNotEmpty(f"The directory '{place.shown}' is not empty.")
        with suppress(FileNotFoundError):
            self._path(place).rmdir()

    def drop(self, holder: str) -> None:
        """Delete everything of a holder."""
        shutil.rmtree(self._root / holder, ignore_errors=True)

    def keep_only(self, kind: str, ids: set[str]) -> None:
        """Delete the holders of a kind that nobody knows any more: a process killed half way left them."""
        with suppress(FileNotFoundError):
            for path in (self._root / kind).iterdir():
                if path.name not in ids:
                    shutil.rmtree(path, ignore_errors=True)

    def _make(self, directory: Path, place: Place) -> None:
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileExistsError, NotADirectoryError) as error:
            raise Invalid(f"path: '{place.shown}' goes through a file.") from error

    def _path(self, place: Place) -> Path:
        path = self._root.joinpath(place.holder, *place.segments)
        if os.path.realpath(path) != str(path):
            raise Forbidden(f"'{place.shown}' goes through a symbolic link.")
        return path


def _missing(what: str, place: Place) -> NoSuchFile:
    return NoSuchFile(f"The {what} '{place.shown}' does not exist.")
