"""The files of a folder that count: exactly what is digested is uploaded, and nothing outside the folder."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.spec.problem import printable

IGNORED_FOLDERS = frozenset({".git", ".cache", ".huggingface", ".ipynb_checkpoints", "__pycache__"})
IGNORED_FILES = frozenset({".DS_Store", ".gitattributes", ".gitignore", "Thumbs.db", "desktop.ini"})
IGNORED_PREFIX = "._"
"""Files and folders that version control, downloads, notebooks and desktops leave behind: not part of a model."""

MOST_FILES = 20_000
"""An arbitrary bound: a checkpoint has tens of files, and a home folder given by mistake has millions."""


@dataclass(frozen=True, slots=True)
class File:
    """A regular file: its path within the folder, with `/`, where it lies, and its status when it was listed."""

    name: str
    path: Path
    status: os.stat_result

    @property
    def size_bytes(self) -> int:
        return self.status.st_size


def files(folder: Path, shown: str) -> tuple[File, ...]:
    """Return the files that count, by name; `shown` is the user's name for the folder. Links to inside it are followed.

    Errors: RegistrationError that lists every link out of the folder and everything that is not a plain file.
    """
    root = folder.resolve()
    found: list[File] = []
    refused: list[str] = []
    for parent, folders, names in os.walk(root):
        folders[:] = sorted(name for name in folders if name not in IGNORED_FOLDERS)
        links = [name for name in folders if os.path.islink(os.path.join(parent, name))]
        for name in sorted((*names, *links)):
            if name in IGNORED_FILES or name.startswith(IGNORED_PREFIX):
                continue
            path = Path(parent, name)
            relative = path.relative_to(root).as_posix()
            reason = _reason_against(path, root)
            if reason:
                refused.append(f"{shown}/{relative}: {reason}")
            else:
                found.append(File(relative, path, path.stat()))
            if len(found) + len(refused) > MOST_FILES:
                raise RegistrationError(f"{shown}: more than {MOST_FILES:,} files; choose the folder of a single model")
    if refused:
        more = "" if len(refused) <= 20 else f"\n... and {len(refused) - 20} more"
        raise RegistrationError("\n".join(map(printable, refused[:20])) + more)
    return tuple(sorted(found, key=lambda file: file.name))


def _reason_against(path: Path, root: Path) -> str:
    """Return why a path cannot be part of a model; "" if it can."""
    try:
        target = path.resolve(strict=True)
    except (OSError, RuntimeError):
        return "a dangling link; remove it"
    if not target.is_relative_to(root):
        return "a link out of the folder; copy what it points to into the folder (`cp -rL` follows links)"
    mode = target.stat().st_mode
    if stat.S_ISDIR(mode):
        return "a link to a folder; put the folder itself there"
    return "" if stat.S_ISREG(mode) else "neither a file nor a folder; remove it"
