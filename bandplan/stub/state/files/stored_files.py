"""Files of the Files API on disk: streamed to a file nearby, then renamed into place.

    files/models/<version id>/...          of a model version
    files/runs/<run id>/...                artifacts of a run
    files/logged_models/<model id>/...     artifacts of a logged model
    files/volumes/<digest of its name>/... files of a volume
    files/incoming/...                     being uploaded; emptied when the workspace starts

A holder, such as `models/<version id>`, is named by an id that the workspace generates, or by a digest; a client names
only what is below it (`bandplan.stub.state.files.remote_path`), and symbolic links are never followed.
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
    """The place of a remote path, below a holder such as `models/<version id>`; without segments it is the holder
    itself.
    """

    holder: str
    segments: tuple[str, ...]
    shown: str

    @property
    def is_holder(self) -> bool:
        return not self.segments


@dataclass(frozen=True, slots=True)
class StoredFile:
    """An existing file; `path` is on this machine's disk."""

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
    """The file tree below one directory, which is created as needed."""

    def __init__(self, root: Path) -> None:
        # Resolved once: on some systems the temporary directory itself is a symbolic link.
        self._root = Path(os.path.realpath(root))
        self.incoming_directory = self._root / "incoming"
        shutil.rmtree(self.incoming_directory, ignore_errors=True)

    @contextmanager
    def incoming(self, name: str) -> Iterator[IncomingFile]:
        """Provide a new file to write and then `publish`; it is dropped at the end if it was not published."""
        self.incoming_directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = IncomingFile(self.incoming_directory / name)
        try:
            yield file
        finally:
            file.close()
            file.path.unlink(missing_ok=True)

    def publish(self, file: IncomingFile, place: Place, *, overwrite: bool) -> None:
        """Make a complete file visible at its place, atomically. Raises FileExists and Invalid."""
        target = self._path(place)
        if place.is_holder or target.is_dir():
            raise Invalid(f"path: '{place.shown}' is a directory.")
        if not overwrite and target.exists():
            raise FileExists(f"The file '{place.shown}' already exists.")
        self._make(target.parent, place)
        file.seal()
        file.path.replace(target)

    def file(self, place: Place) -> StoredFile:
        """Return the file at a place. Raises NoSuchFile."""
        path = self._path(place)
        try:
            found = path.stat()
        except OSError as error:
            raise _missing("file", place) from error
        if not path.is_file():
            raise _missing("file", place)
        return StoredFile(path, found.st_size, found.st_mtime_ns // 1_000_000)

    def read(self, place: Place, limit_bytes: int) -> bytes:
        """Return the bytes of a small file, one more than the limit if it is larger. Raises NoSuchFile."""
        with self.file(place).path.open("rb") as file:
            return file.read(limit_bytes + 1)

    def delete(self, place: Place) -> None:
        self.file(place).path.unlink()

    def is_directory(self, place: Place) -> bool:
        """Whether a place is a directory; a holder is one even if it is still empty."""
        return place.is_holder or self._path(place).is_dir()

    def entries(self, place: Place) -> list[Entry]:
        """Return the direct contents of a directory, by name. Raises NoSuchFile."""
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
        """Make a directory and its parents; an existing one stays."""
        path = self._path(place)
        if path.is_file():
            raise FileExists(f"The path '{place.shown}' is a file; it already exists.")
        self._make(path, place)

    def delete_directory(self, place: Place) -> None:
        """Delete an empty directory. Raises DirectoryNotEmpty."""
        if self.entries(place):
            raise DirectoryNotEmpty(f"The directory '{place.shown}' is not empty.")
        with suppress(FileNotFoundError):
            self._path(place).rmdir()

    def drop(self, holder: str) -> None:
        """Delete all files of a holder."""
        shutil.rmtree(self._root / holder, ignore_errors=True)

    def keep_only(self, kind: str, ids: set[str]) -> None:
        """Delete the holders of a kind that are not in `ids`, left behind by a process that was killed."""
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
