"""Files of the state: private to their owner, read and written as a whole, with every disk error a StateError."""

import os
import tempfile
from pathlib import Path
from typing import Final

from bandplan.embedded.errors import StateError
from bandplan.wire.machine_folder import keep_out_of_git

PRIVATE_FOLDER: Final = 0o700
"""Mode of the folders: the state holds providers' responses; for the same reason its files are 0600."""


def read_if_there(path: Path) -> bytes | None:
    """Return the bytes of a file, or None if nothing of that name exists. StateError if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StateError(
            f"{path}: cannot be read: {error.strerror}; replace it with a readable file or move it away"
        ) from error


def is_there(path: Path) -> bool:
    """Report whether something of that name exists. StateError if its folder cannot be searched."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise StateError(f"{path}: cannot be looked up: {error.strerror}; make its folder readable") from error
    return True


def remove(path: Path) -> None:
    """Remove a file if it exists. StateError if it cannot be removed."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise StateError(f"{path}: cannot be removed: {error.strerror}") from error


def make_private_folder(folder: Path, top: Path) -> None:
    """Create `folder` and its missing parents, private to their owner; make existing ones from `top` down private.

    `top` is one of them. OSError if one cannot be created.
    """
    for part in [*reversed(folder.parents), folder]:
        if not part.exists():
            part.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
            keep_out_of_git(part)
        elif part.is_relative_to(top) and part.stat().st_mode & 0o077:
            part.chmod(PRIVATE_FOLDER)


def write_whole(path: Path, text: bytes, top: Path) -> None:
    """Write a file so that a reader sees the old text or the new one, never a part. StateError if it cannot be written.

    Its folders are created as by `make_private_folder`.
    """
    try:
        make_private_folder(path.parent, top)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(text)
                out.flush()
                os.fsync(out.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise
    except OSError as error:
        raise StateError(f"{path}: cannot be written: {error.strerror}") from error
