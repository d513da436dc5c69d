"""The only way for text to reach a terminal: text from others is shown but controls nothing.

Descriptions, tags, reasons and messages come from a pull request or from a workspace. An escape sequence in one could
clear the screen or forge a line, and a directional mark could make a text look like a different one.
"""

import os
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import IO, Any, ClassVar, Final, TextIO, cast

from bandplan.wire.visible import visible

_COMMAND: Final = re.compile(r"##(?=\[|vso\[)|(?<![^\n])[ \t]*::(?=[a-z])")
"""How a CI runner recognizes commands in a job's output.

Sources, read 2026-11: ActionCommand.cs of github.com/actions/runner, which takes `::name` at the start of a line and
`##[name]` anywhere in it; "Logging commands" of Azure Pipelines for `##vso[name]`.
"""
_RUNNERS: Final = ("GITHUB_ACTIONS", "TF_BUILD")
"""Variables that show that a CI runner reads the output."""

_DRAWN_WITH: Final = "\x1b\r"
"""Control characters that a program draws with."""


NO_COLOURS: Final = ("dumb", "unknown")
"""Values of TERM for terminals that take no escape sequences."""


class Door:
    """A text stream that passes everything through `visible` to another stream."""

    before_write: ClassVar[Callable[[TextIO, str], None] | None] = None
    """Called with the stream behind a door and the text before anything is written to it, so that a line that was only
    drawn can be erased.
    """

    def __init__(self, stream: TextIO, *, is_drawn_on: bool = False) -> None:
        """Wrap `stream`. `is_drawn_on` lets escape sequences pass, for a program that already applies `visible`."""
        self.stream = stream
        self._is_read_by_a_runner = any(os.environ.get(name) for name in _RUNNERS)
        self._is_drawn_on = is_drawn_on

    def write(self, text: str) -> int:
        """Write the text; return the length of the original.

        What standard output still holds goes first, so that a file with both streams (`2>&1`) has their order.
        """
        if self is sys.stderr and text and sys.stdout is not None:
            sys.stdout.flush()
        if Door.before_write is not None:
            Door.before_write(self.stream, text)
        return self.pass_on(text)

    def pass_on(self, text: str) -> int:
        """Write the text as `write` does, and tell nobody before."""
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
    """Put standard output and standard error behind a door. A second call does nothing."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is not None and not isinstance(stream, Door):
            setattr(sys, name, Door(stream))


def drawing_board(stream: TextIO | None = None) -> IO[str]:
    """Return `stream` (default: standard output) for a program that draws with escape sequences."""
    return cast(IO[str], Door(below(sys.stdout if stream is None else stream), is_drawn_on=True))


def is_coloured(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether to use colours on a stream: as NO_COLOR and FORCE_COLOR say, else if it is a terminal that shows them.

    The order is that of Python's own programs (3.13 and later).
    """
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return is_drawn_on(stream, environ)


def is_drawn_on(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """Whether a stream is a terminal that takes escape sequences."""
    return environ.get("TERM", "").lower() not in NO_COLOURS and stream.isatty()


def tell_runner(command: str) -> None:
    """Print a command of our own for the CI's runner, past the door. Its texts must be escaped already.

    Errors: ValueError if it is not one line.
    """
    if not command.startswith("::") or "\n" in command or "\r" in command:
        raise ValueError(f"not one command: {command!r}")
    stream = below(sys.stdout)
    stream.write(f"::{_COMMAND.sub(_no_command, command[2:])}\n")
    stream.flush()


def draw(stream: TextIO, text: str) -> None:
    """Draw a line of progress, which is erased before anything is printed. The caller applies `visible` to texts."""
    Door(below(stream), is_drawn_on=True).pass_on(text)
    stream.flush()


def below(stream: TextIO) -> TextIO:
    """Return the stream behind a door, to recognise it; print through the door."""
    return stream.stream if isinstance(stream, Door) else stream


def _no_command(found: re.Match[str]) -> str:
    return f"{found[0][:-1]}\\u{ord(found[0][-1]):04x}"
