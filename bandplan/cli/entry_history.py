"""What an entry of models.yaml served before, from the file's Git history."""

import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bandplan.cli.judged_subject import subjects_of
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


@dataclass(frozen=True)
class Written:
    """Since when Git has an entry's present throughput, in seconds since 1970.

    `is_change`: there was another one before, so the endpoint ran with that. `is_cut`: what was before is not known, as
    in a shallow clone, or after the most commits that are searched.
    """

    at: float
    is_change: bool = False
    is_cut: bool = False


def written_since(models: Path, stack: str | None, names: Sequence[str], now: float, days: int) -> dict[str, Written]:
    """Return by name of a subject since when its present throughput is committed; `now` if it is not yet.

    Only the last `days` are searched; a subject whose throughput is older, or of which Git knows nothing, is missing.
    """
    try:
        text = models.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return {}
    known = _throughputs(text, models.name, stack) or {}
    since = {name: (now, known.get(name)) for name in names}
    found: dict[str, Written] = {}
    searched = 0
    for commit, earlier_text in _commits(models, "%h %ct"):
        searched += 1
        at = float(commit.split()[1])
        earlier_ones = _throughputs(earlier_text, models.name, stack)
        if earlier_ones is None:
            continue
        for name in since.keys() - found.keys():
            start, present = since[name]
            if name in earlier_ones and earlier_ones[name] == present:
                since[name] = (at, present)
            else:
                # An entry that is new may have been adopted: its endpoint then had this throughput before.
                found[name] = Written(start, is_change=name in earlier_ones)
        if len(found) == len(since) or at < now - days * 86_400:
            return found
    if searched:
        is_cut = searched >= MOST_COMMITS or _is_shallow(models)
        found |= {name: Written(since[name][0], is_cut=is_cut) for name in since.keys() - found.keys()}
    return found


def _throughputs(text: str, file: str, stack: str | None) -> dict[str, object] | None:
    checkable = load_text(text, file, stack).checkable
    if checkable is None:
        return None
    return {subject.name: subject.entity.throughput for subject in subjects_of(checkable.models)}


def _is_shallow(models: Path) -> bool:
    return (_git(models, "rev-parse", "--is-shallow-repository") or "").strip() == "true"


def _commits(models: Path, form: str = "%h of %cs") -> Iterator[tuple[str, str]]:
    """Yield (commit in the form given, text of the file in it), the newest first; nothing without Git or a history."""
    log = _git(models, "log", f"-{MOST_COMMITS}", f"--format={form}", "--", models.name)
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
