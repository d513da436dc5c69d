"""Files that are written together: each is prepared beside its place, and all take their places in the end."""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

from bandplan.cli.errors import UsageProblem


class StagedFiles:
    """A context that removes what did not take its place. `add` and `place` raise UsageProblem with the option."""

    def __init__(self) -> None:
        self._staged: list[tuple[str, Path, Path | bytes]] = []

    def add(self, option: str, path: Path, content: bytes, *, is_executable: bool = False) -> None:
        """Prepare a file, with the permissions of the one that is there; a link stays a link.

        `option` is what names the file, "" if nothing does. `is_executable`: whoever may read the file may run it.
        """
        target = path.resolve()
        if target.exists() and not target.is_file() and not target.is_dir():
            self._staged.append((option, path, content))  # a pipe or a terminal has no place to take
            return
        beside = target.with_name(f".{target.name}.{os.getpid()}.new")
        self._staged.append((option, path, beside))
        try:
            if target.is_dir():
                raise IsADirectoryError(0, "it is a folder")
            beside.write_bytes(content)
            if target.exists():
                shutil.copymode(target, beside)
            if is_executable:
                mode = beside.stat().st_mode
                beside.chmod(mode | (mode & 0o444) >> 2)
        except OSError as error:
            raise _cannot(option, path, error) from error

    def place(self) -> list[Path]:
        """Let every file take its place, and return them."""
        placed = []
        for option, path, prepared in self._staged:
            try:
                if isinstance(prepared, bytes):
                    path.write_bytes(prepared)
                else:
                    prepared.replace(path.resolve())
            except OSError as error:
                raise _cannot(option, path, error) from error
            placed.append(path)
        return placed

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for _, _, prepared in self._staged:
            if isinstance(prepared, Path):
                try:
                    prepared.unlink(missing_ok=True)
                except OSError:
                    continue  # its folder is not there


def _cannot(option: str, path: Path, error: OSError) -> UsageProblem:
    named = f"{option} {path}" if option else str(path)
    return UsageProblem(f"{named}: cannot be written: {error.strerror}; name a file in a folder that exists")
