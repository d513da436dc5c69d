"""Ctrl-C while code in another language calls Python: it is dropped there, or becomes another error.

pydantic calls it so to compile its types, which is most of what a command does at its start.
"""

import _thread
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

RETURN_SECONDS = 0.05
"""How long the code that dropped an interruption may take to return, before it is interrupted again. A choice."""


@contextmanager
def interruptions_kept() -> Iterator[None]:
    """Interrupt this thread again if an interruption is dropped, of which the interpreter would print a traceback."""
    before, here, is_over = sys.unraisablehook, _thread.get_ident(), _thread.allocate_lock()

    def interrupt_soon() -> None:
        time.sleep(RETURN_SECONDS)
        if not is_over.locked():
            signal.pthread_kill(here, signal.SIGINT)

    def hook(dropped: "sys.UnraisableHookArgs") -> None:
        if isinstance(dropped.exc_value, KeyboardInterrupt):
            _thread.start_new_thread(interrupt_soon, ())
        else:
            before(dropped)

    sys.unraisablehook = hook
    try:
        yield
    finally:
        is_over.acquire()
        sys.unraisablehook = before


def is_interruption(error: Exception) -> bool:
    """Whether an error stands for an interruption: pydantic says so at the end of its text, and nowhere else."""
    return str(error).rstrip(": ").endswith(KeyboardInterrupt.__name__)
