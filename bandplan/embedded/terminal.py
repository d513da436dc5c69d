"""The one door of text to a terminal: what others wrote is shown, and steers nothing.

Descriptions, tags, reasons and messages come from a pull request or from a workspace. An escape sequence in one could
clear the screen or forge a line, and a mark of direction could show a text as another one than it is.
"""

import os
import re
import sys
from collections.abc import Iterable
from typing import IO, Any, Final, TextIO, cast

from bandplan.wire.visible import visible

_COMMAND: Final = re.compile(r"##(?=\[|vso\[)|(?<![^\n])[ \t]*::(?=[a-z])")
"""How a CI's runner finds a command for itself in what a job writes.

Sources, read 2026-11: ActionCommand.cs of github.com/actions/runner, which takes `::name` at the start of a line and
`##[name]` anywhere in it; "Logging commands" of Azure Pipelines for `##vso[name]`.
"""
_RUNNERS: Final = ("GITHUB_ACTIONS", "TF_BUILD")
"""Variables that say that a runner reads along."""

_DRAWN_WITH: Final = "\x1b\r"
"""Controls that a program draws with."""


class Door:
    """A text stream that writes to another one, through `visible`."""

    def __init__(self, stream: TextIO, *, is_drawn_on: bool = False) -> None:
        """`is_drawn_on`: escape sequences pass, for a program whose texts have been through `visible` already."""
        self.stream = stream
        self._is_read_by_a_runner = any(os.environ.get(name) for name in _RUNNERS)
        self._is_drawn_on = is_drawn_on

    def write(self, text: str) -> int:
        """Write the text; returns its length, as it was given."""
        shown = visible(text, but=_DRAWN_WITH if self._is_drawn_on else "")
        self.stream.write(_COMMAND.sub(_no_command, shown) if self._is_read_by_a_runner else shown)
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write every line."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def close_the_door() -> None:
    """From here on, standard output and standard error are behind a door. A second call does nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Door):
            setattr(sys, name, Door(stream))


def drawing_board() -> IO[str]:
    """Standard output for a program that draws with escape sequences."""
    stream = sys.stdout.stream if isinstance(sys.stdout, Door) else sys.stdout
    return cast(IO[str], Door(stream, is_drawn_on=True))


def _no_command(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\u{ord(found[0][-1]):04x}"
