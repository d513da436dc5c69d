"""`.bandplan/`, the folder of a project for this machine alone: state, token of the local workspace, caches.

Whoever creates it keeps it out of Git at once: `git add -A` in a project without a `.gitignore` would stage all of it.
"""

from pathlib import Path
from typing import Final

NAME: Final = ".bandplan"
IGNORE_ALL: Final = "# made on this machine: state, tokens, caches\n*\n"
_PRIVATE: Final = 0o700
"""Mode of the folders: they hold tokens, and a state with the answers of providers."""


def make_private_folder(folder: Path, top: Path | None = None) -> None:
    """Create `folder` and its missing parents for their owner alone (0700); close `folder` if others may enter it.

    With `top`, one of its parents, every existing folder from `top` down is closed. OSError if that cannot be done.
    """
    for part in [*reversed(folder.parents), folder]:
        if not part.exists():
            part.mkdir(mode=_PRIVATE, exist_ok=True)
            keep_out_of_git(part)
        elif part.is_relative_to(top or folder) and part.stat().st_mode & 0o077:
            part.chmod(_PRIVATE)


def keep_out_of_git(folder: Path) -> None:
    """Write `.gitignore` into the folder if it is such a folder and has none; any other folder is left alone.

    OSError if it cannot be written.
    """
    file = folder / ".gitignore"
    if folder.name == NAME and not file.exists():
        file.write_text(IGNORE_ALL, encoding="utf-8")
        file.chmod(0o600)
