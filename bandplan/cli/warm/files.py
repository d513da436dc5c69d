"""Whether the files that a warm process has imported are still those on disk."""

import os
import sys
from collections.abc import Iterable, Iterator
from typing import Final

from bandplan.cli.warm.switch import package_root

Stamp = tuple[int, int, int]
"""Time of the last change in nanoseconds, size in bytes, number of the file."""

INSTALLED: Final = (".dist-info", ".egg-info", ".egg-link", ".pth")
"""Ends of the names that a package manager writes for each installed package."""

SKIPPED: Final = ("__pycache__", "docs")


def imported() -> list[str]:
    """Return the files of Python itself and of every module that this process has imported."""
    # Not by getattr: that would import what `lean_sdk` defers.
    files = [object.__getattribute__(module, "__dict__").get("__file__") for module in list(sys.modules.values())]
    python = [sys.executable, os.path.realpath(sys.executable), os.path.join(sys.prefix, "pyvenv.cfg")]
    return [*python, *(file for file in files if file)]


def stamps(files: Iterable[str]) -> dict[str, Stamp]:
    """Return a stamp for every file of this package, for every installed package, and for each of `files`."""
    root = os.path.join(package_root(), "bandplan")
    found = dict(tree(root))
    for folder in {entry for entry in sys.path if os.path.isdir(entry)}:
        with os.scandir(folder) as entries:
            found.update((entry.path, stamp(entry.stat())) for entry in entries if entry.name.endswith(INSTALLED))
    for file in files:
        if file not in found:
            try:
                found[file] = stamp(os.stat(file))
            except OSError:
                found[file] = (0, 0, 0)
    return found


def tree(folder: str) -> Iterator[tuple[str, Stamp]]:
    """Yield the files of a folder of code, through links, such as those of a checkout to `components`."""
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                if entry.name not in SKIPPED:
                    yield from tree(entry.path)
            else:
                try:
                    yield entry.path, stamp(entry.stat())
                except OSError:  # a link to nothing
                    continue


def stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_size, status.st_ino
