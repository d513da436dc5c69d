"""Files that Git LFS left in place of the real ones: a clone without `git lfs pull` has them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from bandplan.serving.registration.sources.finding import SourceFinding
from bandplan.serving.registration.sources.folder import File

_START = re.compile(rb"version https://(git-lfs|hawser)\.github\.com/spec/")
"""Source: github.com/git-lfs/git-lfs, docs/spec.md, "The Pointer" (read 2026-11)."""

START_BYTES = 64
"""Number of bytes of a file that `starts_pointer` needs."""

MOST_BYTES = 1024
"""Upper bound on the size of any pointer: three short lines."""

_LOADED = (".json", ".jsonl", ".jinja", ".model", ".txt", ".tiktoken", ".py", ".spm", ".yaml")
"""Name suffixes of the small files that a model is loaded from."""


def starts_pointer(start: bytes) -> bool:
    """Whether a file with this beginning is a pointer."""
    return _START.match(start) is not None


def is_pointer(file: File) -> bool:
    """Whether the file is a Git LFS pointer; False if it cannot be read."""
    if file.size_bytes > MOST_BYTES:
        return False
    try:
        with file.path.open("rb") as opened:
            return starts_pointer(opened.read(START_BYTES))
    except OSError:
        return False


def pointer_findings(files: Iterable[File], shown: str) -> Iterator[SourceFinding]:
    """Report the pointers among the small files that a model is loaded from; weights are checked elsewhere.

    Checks only files of the folder itself: nothing is loaded from its subfolders.
    """
    for file in files:
        if "/" not in file.name and file.name.lower().endswith(_LOADED) and is_pointer(file):
            rule = "every file that the model is loaded from must be present and complete"
            yield SourceFinding(
                f"{shown}/{file.name}", "is a Git LFS pointer, not the file", rule, "run `git lfs pull`"
            )
