"""Files of `torch.save`: recognised by their first and last bytes, never unpickled."""

from __future__ import annotations

import zipfile
from pathlib import Path

from bandplan.serving.registration.lfs_pointer import START_BYTES, starts_pointer

_ZIP = b"PK\x03\x04"
"""What torch has written since 1.6; older files are bare pickles, whose end cannot be told."""


def pickle_problem(path: Path) -> str:
    """Why a file cannot be the weights that were saved, with the next step; "" if nothing shows from outside.

    A file that may not be read is found when it is digested.
    """
    try:
        with path.open("rb") as file:
            start = file.read(START_BYTES)
        is_cut_off = start.startswith(_ZIP) and not zipfile.is_zipfile(path)
    except OSError:
        return ""
    if starts_pointer(start):
        return "is a Git LFS pointer, not the weights; run `git lfs pull`"
    if not start:
        return "is empty; copy it again"
    if is_cut_off:
        return "is cut off: the directory at its end is missing; copy it again"
    return ""
