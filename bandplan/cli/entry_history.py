"""What an entry of models.yaml served before, from the file's Git history."""

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load_text

MOST_COMMITS = 50
"""Most commits searched; an arbitrary choice."""


@dataclass(frozen=True)
class Earlier:
    """A model and version that an entry had, and the last commit that has it, such as `1a2b3c4 of 2026-11-20`."""

    model: str
    version: str
    commit: str


def earlier(models: Path, stack: str | None, name: str, now: tuple[str | None, object]) -> Earlier | None:
    """Return the last committed version other than `now` (model, version); None if Git has none.

    A version that followed an alias has no number there and is skipped.
    """
    for commit, text in _commits(models):
        entry = _entry(text, models.name, stack, name)
        if entry is None or (entry.model, entry.version) == now:
            continue
        if entry.model is not None and isinstance(entry.version, str):
            return Earlier(entry.model, entry.version, commit)
    return None


def _commits(models: Path) -> Iterator[tuple[str, str]]:
    """Yield (commit, text of the file in it), the newest first; nothing without Git or a history."""
    log = _git(models, "log", f"-{MOST_COMMITS}", "--format=%h of %cs", "--", models.name)
    for line in (log or "").splitlines():
        text = _git(models, "show", f"{line.split()[0]}:./{models.name}")
        if text is not None:
            yield line, text


def _git(models: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(models.parent), *arguments], capture_output=True, text=True, encoding="utf-8", timeout=30
        )
    except (OSError, subprocess.TimeoutExpired, UnicodeDecodeError):
        return None
    return done.stdout if done.returncode == 0 else None


def _entry(text: str, file: str, stack: str | None, name: str) -> Entry | None:
    checkable = load_text(text, file, stack).checkable
    return next((entry for entry in checkable.models if entry.name == name), None) if checkable is not None else None
