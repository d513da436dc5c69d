"""The generated files of a team's repository: their record, their texts, and writing them together."""

import subprocess
import tempfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.errors import UsageProblem

if TYPE_CHECKING:
    from bandplan.starter.changes import Change
    from bandplan.starter.manifest import Manifest


def manifest_of(root: Path) -> "Manifest | None":
    """Read the record of what was generated, or return None if `bandplan init` did not write these files.

    Errors: UsageProblem.
    """
    from bandplan.starter.manifest import NAME, NotAManifest, read

    try:
        return read((root / NAME).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageProblem(f"{root / NAME}: cannot be read: {error}") from error
    except NotAManifest as error:
        raise UsageProblem(f"{root / NAME}: {error}; restore it from Git") from error


def texts_of(root: Path, paths: Iterable[str]) -> dict[str, str]:
    """Return the text of each file that is there; one that is not UTF-8 counts as edited, and is not merged."""
    found = {}
    for path in paths:
        try:
            found[path] = (root / path).read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
    return found


def merged(here: str, before: str, after: str) -> str | None:
    """Return the merge of two changes of one text by git; None if they contradict each other, or without git.

    A text that was not UTF-8 is not merged either: what `texts_of` could not read would be lost.
    """
    if "\ufffd" in here:
        return None
    with tempfile.TemporaryDirectory(prefix="bandplan-merge-") as folder:
        paths = [Path(folder) / name for name in ("here", "before", "after")]
        for path, text in zip(paths, (here, before, after), strict=True):
            path.write_bytes(text.encode())
        try:
            done = subprocess.run(
                ["git", "merge-file", "-p", "--quiet", *map(str, paths)], cwd=folder, capture_output=True, timeout=60
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
    return done.stdout.decode() if done.returncode == 0 else None


def without_outside(root: Path, changes: "Iterable[Change]") -> "list[Change]":
    """Refuse the changes of links that lead out of the repository: another one may use the file too."""
    return [replace(one, verdict="linked") if leads_outside(root, one.path) else one for one in changes]


def leads_outside(root: Path, path: str) -> bool:
    return not (root / path).resolve().is_relative_to(root.resolve())


def write_together(root: Path, texts: Mapping[str, str | None], executables: Collection[str] = ()) -> None:
    """Write every text or, if one cannot be written, none; then remove the files whose text is None.

    A link stays a link, and a file keeps its permissions; `executables` may be run as well. Errors: UsageProblem.
    """
    from bandplan.cli.staged_files import StagedFiles

    made: list[Path] = []
    try:
        with StagedFiles() as staged:
            for name, text in texts.items():
                if text is not None:
                    made += make_folders((root / name).parent)
                    staged.add("", root / name, text.encode(), is_executable=name in executables)
            staged.place()
    except UsageProblem:
        for folder in reversed(made):
            folder.rmdir()
        raise
    for name, text in texts.items():
        if text is None:
            (root / name).unlink(missing_ok=True)


def make_folders(folder: Path) -> list[Path]:
    """Make a folder and those above it; return the new ones, outermost first. Errors: UsageProblem."""
    missing = [one for one in (*reversed(folder.parents), folder) if not one.exists()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageProblem(f"{folder}: cannot be made: {error.strerror}; make room for it, and run it again") from error
    return missing
