"""Files that are written together: each is prepared beside its place, and all take their places in the end."""

from pathlib import Path
from types import TracebackType
from typing import Self

from bandplan.cli.errors import UsageProblem
from bandplan.whole_file import PreparedFile


class StagedFiles:
    """A context that removes what did not take its place. `add` and `place` raise UsageProblem with the option."""

    def __init__(self) -> None:
        self._staged: list[tuple[str, Path, PreparedFile]] = []

    def add(self, option: str, path: Path, content: bytes, *, is_executable: bool = False) -> None:
        """Prepare a file. `option` is what names it, "" if nothing does."""
        try:
            self._staged.append((option, path, PreparedFile(path, content, is_executable=is_executable)))
        except OSError as error:
            raise _cannot(option, path, error) from error

    def place(self) -> list[Path]:
        """Let every file take its place, and return them."""
        for option, path, prepared in self._staged:
            try:
                prepared.place()
            except OSError as error:
                raise _cannot(option, path, error) from error
        return [path for _, path, _ in self._staged]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for _, _, prepared in self._staged:
            prepared.discard()


def _cannot(option: str, path: Path, error: OSError) -> UsageProblem:
    named = f"{option} {path}" if option else str(path)
    return UsageProblem(
        f"{named}: cannot be written: {error.strerror}; name a file in a folder that exists and can be written"
    )
