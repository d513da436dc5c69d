"""Files of the state: private to their owner, read and written as a whole, with every disk error a StateError."""

import os
import tempfile
from pathlib import Path

from bandplan.embedded.errors import StateError
from bandplan.wire.machine_folder import make_private_folder


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


def where_a_copy_is(path: Path) -> str:
    """Return what to do about a damaged state: the copy of the one before, if there is one."""
    copy = path.with_name(f"{path.name}.bak")
    if not copy.is_file():
        return "there is no copy of it; restore one, or remove the file if the stack has nothing deployed"
    return f"a copy of the state before the last update is next to it, in {copy.name}"
