"""Files that are private to their user: 0600, in folders with 0700. Standard library only."""

import os
import threading
from pathlib import Path

from bandplan.wire.machine_folder import make_private_folder


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
