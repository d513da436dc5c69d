"""What a command waits for, said while it prints nothing.

On a terminal: one line on standard error, drawn again each second and erased before anything else is printed.
Elsewhere: a line after ten seconds of silence, and then at growing intervals, so that the log of a long wait stays
short.
"""

import _thread
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple, TextIO

from bandplan.embedded.terminal import Door, below, draw, is_drawn_on
from bandplan.wire.visible import visible, without_sequences

SILENT_SECONDS, AGAIN_SECONDS = 0.7, 1.0
"""Silence on a terminal before the line is drawn, and how often it is drawn again."""

ELSEWHERE_SECONDS = (10.0, 20.0, 30.0, 60.0)
"""Silence elsewhere before each line; the last one holds from then on. A choice."""

TICK_SECONDS = 0.2
ERASED = "\r\x1b[2K"


class Phase(NamedTuple):
    """What is waited for. `is_over` says whether another program draws on the terminal from now on."""

    text: str
    began: float
    is_over: Callable[[], bool]


def never() -> bool:
    return False


def always() -> bool:
    return True


class Progress:
    """Watches the silence of one command. `tick` draws; `note` is called before anything is printed."""

    def __init__(self, name: str, stream: TextIO, terminals: tuple[TextIO, ...], clock: Callable[[], float]) -> None:
        """Set `stream`, where to draw; it is drawn on as a terminal if it is one of `terminals`."""
        self._stream = stream
        self._terminals = terminals
        self._is_terminal = any(stream is one for one in terminals)
        self._clock = clock
        self._phases = [Phase(name, clock(), never)]
        self._spoken = clock()
        self._drawn: float | None = None
        self._lines = 0
        self._is_at_start = True
        self._lock = _thread.RLock()

    def begin(self, phase: Phase) -> None:
        with self._lock:
            self._phases.append(phase)

    def end(self, phase: Phase) -> None:
        with self._lock:
            self._phases.remove(phase)

    def note(self, stream: TextIO, text: str) -> None:
        """Erase the line before `text` is printed, and restart the count of silent seconds."""
        with self._lock:
            if self._is_terminal and not any(stream is one for one in self._terminals):
                return
            self.erase()
            self._spoken = self._clock()
            self._lines = 0
            shown = without_sequences(text)
            self._is_at_start = not shown or shown[-1] in "\n\r"

    def erase(self) -> None:
        with self._lock:
            if self._drawn is not None and self._is_terminal:
                draw(self._stream, ERASED)
            self._drawn = None

    def tick(self) -> None:
        """Draw or print the line if the silence has lasted."""
        with self._lock:
            now, phase = self._clock(), self._phases[-1]
            if self._is_terminal and phase.is_over():
                self._drawn = None  # the other program has written over it
            elif self._is_terminal:
                last = self._spoken + SILENT_SECONDS - AGAIN_SECONDS if self._drawn is None else self._drawn
                if now >= last + AGAIN_SECONDS and self._is_at_start and not is_asking(self._stream):
                    # The cursor stays at the beginning, so that what a child process prints takes the place.
                    draw(self._stream, f"{ERASED}{_line(phase, now, self._stream)}\r")
                    self._drawn = now
            else:
                wait = ELSEWHERE_SECONDS[min(self._lines, len(ELSEWHERE_SECONDS) - 1)]
                if now >= self._spoken + wait:
                    draw(self._stream, f"{_line(phase, now, None)}\n")
                    self._spoken = now
                    self._lines += 1


_watched: Progress | None = None


@contextmanager
def watched(name: str) -> Iterator[None]:
    """Watch the silence of the command `name`, unless BANDPLAN_PROGRESS=0 or there is no standard error."""
    global _watched
    if sys.stderr is None or sys.stdout is None or os.environ.get("BANDPLAN_PROGRESS") == "0" or _watched is not None:
        yield
        return
    streams = (below(sys.stderr), below(sys.stdout))
    terminals = tuple(stream for stream in streams if is_drawn_on(stream))
    progress = _watched = Progress(name, streams[0], terminals, time.monotonic)
    ended = _thread.allocate_lock()
    ended.acquire()
    Door.before_write = progress.note
    _thread.start_new_thread(_watch, (progress, ended))
    try:
        yield
    finally:
        _forget()
        progress.erase()
        ended.release()


@contextmanager
def doing(text: str, is_over: Callable[[], bool] = never) -> Iterator[None]:
    """Say `text` while the block lasts and nothing is printed.

    If another program draws on the terminal once `is_over`, the text has to be shorter than what it prints first.
    """
    progress = _watched
    if progress is None:
        yield
        return
    phase = Phase(text, time.monotonic(), is_over)
    progress.begin(phase)
    try:
        yield
    finally:
        progress.end(phase)


def is_asking(stream: TextIO) -> bool:
    """Whether another program reads from the terminal in its own way, as for a passphrase or a choice."""
    import termios

    try:
        modes = termios.tcgetattr(stream.fileno())[3]
    except (OSError, ValueError, termios.error):
        return False
    return not (modes & termios.ECHO and modes & termios.ICANON)


def _watch(progress: Progress, ended: Any) -> None:
    while not ended.acquire(timeout=TICK_SECONDS):
        try:
            progress.tick()
        except (OSError, ValueError):
            return  # the stream is closed


def _forget() -> None:
    """Watch no longer; also in a process that was forked, which has no thread that would."""
    global _watched
    _watched = None
    Door.before_write = None


def _line(phase: Phase, now: float, terminal: TextIO | None) -> str:
    text = visible(" ".join(phase.text.split())) + _waiting_for()
    seconds = f" ({now - phase.began:.0f} s)"
    if terminal is None:
        return f"{text}{seconds}"
    from bandplan.cli import columns
    from bandplan.embedded.layout import shortened

    width = columns.terminal_width(terminal) or columns.DEFAULT_WIDTH
    return f"{shortened(text, max(width - 1 - len(seconds), 1))}{seconds}"


def _waiting_for() -> str:
    """Name the address whose answer is waited for, if any; without importing what sends requests."""
    connections = sys.modules.get("bandplan.rest.connections")
    hosts = list(connections.in_flight) if connections is not None else []
    return f": waiting for {visible(hosts[-1])}" if hosts else ""


os.register_at_fork(after_in_child=_forget)
