"""Files that are private to their user: 0600, in folders with 0700. Standard library only."""

import os
import threading
from pathlib import Path

from bandplan.wire.machine_folder import keep_out_of_git


def make_private_folder(folder: Path) -> None:
    """Create a folder and its missing parents, closed to other users, and close the folder if it is open.

    OSError if that cannot be done.
    """
    for part in [*reversed(folder.parents), folder]:
        if not part.exists():
            part.mkdir(mode=0o700, exist_ok=True)
            keep_out_of_git(part)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def replace_private_file(path: Path, text: str) -> None:
    """Replace a file for its owner alone, in one step, in a private folder. OSError if it cannot be written."""
    make_private_folder(path.parent)
    temporary = path.with_suffix(f".{os.getpid()}.{threading.get_ident()}.tmp")
    try:
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
