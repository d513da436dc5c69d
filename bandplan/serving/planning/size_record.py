"""The planner's answers on disk, so that a preview simulates only what has changed since the last one.

A file that cannot be read or understood counts as empty. Answers of another planner, by the content of its modules, are
dropped.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path
from typing import Any

import bandplan.planner
from bandplan.planner.sizes import Size, Sizes
from bandplan.serving.private_file import replace_private_file

FILE = Path(".bandplan") / "sizes.json"
"""The record of this machine, relative to the project."""

MOST_ANSWERS = 5_000
"""Answers that are kept, the latest ones: about 3 MB. Ours."""


class SizeRecord:
    """Answers recorded for the project at `root`. They are read when the first question is asked."""

    def __init__(self, root: Path, *, is_read_only: bool = False) -> None:
        self._path = root / FILE
        self._is_read_only = is_read_only
        self.sizes = _RecordedSizes(self._path)

    def save(self) -> None:
        """Write what was asked since; a folder that cannot be written costs the next run time, and nothing else."""
        if self._is_read_only or not self.sizes.added:
            return
        latest = list(self.sizes.found.items())[-MOST_ANSWERS:]
        document = {"planner": _planner(), "answers": {question: asdict(size) for question, size in latest}}
        try:
            replace_private_file(self._path, json.dumps(document, indent=1))
        except OSError:
            return
        self.sizes.written()


class _RecordedSizes(Sizes):
    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        self._recorded: dict[str, Size] | None = None

    @property
    def added(self) -> bool:
        """Whether there are answers that are not on disk."""
        return self._recorded is not None and len(self.found) > len(self._recorded)

    def written(self) -> None:
        """Count what was found as recorded."""
        self._recorded = dict(self.found)

    def of(self, capacity: Any, wanted: Any) -> Size:
        if self._recorded is None:
            self._recorded = _read(self._path)
            self.found.update(self._recorded)
        return super().of(capacity, wanted)


def _planner() -> str:
    """Return the digest of the planner's modules: another planner may find another size."""
    folder = Path(bandplan.planner.__file__ or "").parent
    return sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()


def _read(path: Path) -> dict[str, Size]:
    try:
        document = json.loads(path.read_bytes())
        is_same = isinstance(document, Mapping) and document.get("planner") == _planner()
        answers = document.get("answers") if is_same else None
    except (OSError, ValueError, RecursionError):
        return {}
    return {
        question: Size(*item.values())
        for question, item in (answers.items() if isinstance(answers, Mapping) else ())
        if _is_size(item)
    }


def _is_size(item: Any) -> bool:
    match item:
        case {"floor": int() as low, "ceiling": int() as high, "is_for_headroom": bool(), "refusal": str()}:
            return list(item) == list(asdict(Size())) and 0 <= low <= high <= 10**6
    return False
