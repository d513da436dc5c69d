"""`.bandplan/`, the folder of a project for this machine alone: state, token of the local workspace, caches.

Whoever creates it keeps it out of Git at once: `git add -A` in a project without a `.gitignore` would stage all of it.
"""

from pathlib import Path
from typing import Final

NAME: Final = ".bandplan"
IGNORE_ALL: Final = "# made on this machine: state, tokens, caches\n*\n"


def keep_out_of_git(folder: Path) -> None:
    """Write `.gitignore` into the folder if it is such a folder and has none; any other folder is left alone.

    OSError if it cannot be written.
    """
    file = folder / ".gitignore"
    if folder.name == NAME and not file.exists():
        file.write_text(IGNORE_ALL, encoding="utf-8")
        file.chmod(0o600)
