"""Files that a command writes once its work is done."""

import os
from collections.abc import Iterable
from pathlib import Path

from bandplan.cli.errors import UsageProblem


def require_room_for(paths: Iterable[Path | None]) -> None:
    """Refuse before the work what could not be written after it, or would replace another result.

    Errors: UsageProblem.
    """
    taken: set[Path] = set()
    for path in paths:
        if path is None:
            continue
        if path.resolve() in taken:
            raise UsageProblem(f"{path}: named for two results; name another file for one of them")
        taken.add(path.resolve())
        folder = path.absolute().parent
        if not folder.is_dir() or path.is_dir():
            raise UsageProblem(f"{path}: cannot be written; name a file in a folder that exists")
        is_pipe = path.exists() and not path.is_file()  # or a device: it is written to where it is
        if not is_pipe and not os.access(folder, os.W_OK | os.X_OK):
            raise UsageProblem(
                f"{path}: cannot be written: no right to write in its folder; name a file in another one"
            )
