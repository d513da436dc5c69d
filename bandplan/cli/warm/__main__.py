"""The program of a warm process: arguments are the folder of its socket and its key, and how long it may be idle."""

import atexit
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

from bandplan.cli.start import run_here
from bandplan.cli.warm.ask import About
from bandplan.cli.warm.files import imported, stamps
from bandplan.cli.warm.place import NotPrivate
from bandplan.cli.warm.preload import preload
from bandplan.cli.warm.server import IDLE_SECONDS, Command, hold, is_alone, listen, matches, serve
from bandplan.cli.warm.switch import package_root


def main(prepare: Callable[[], None] = preload, run_command: Callable[[], int] = run_here) -> None:
    """Serve commands; in a command's process, run it and end as it ends."""
    folder, key, *idle = sys.argv[1:]
    os.chdir("/")
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    with suppress(NotPrivate):
        become = started(folder, key, prepare, float(idle[0]) if idle else IDLE_SECONDS)
        if become is not None:
            end(run(become, run_command))


def started(folder: str, key: str, prepare: Callable[[], None], idle_seconds: float) -> Command | None:
    """Start and serve; return a command in the process of that command only."""
    if not matches(key) or hold(folder, key) is None:
        return None
    before = stamps(())
    prepare()
    from bandplan.cli.main import installed_version

    files = imported()
    after = stamps(files)
    if any(after.get(path) != stamp for path, stamp in before.items()) or not is_alone():
        return None  # changed while it was imported
    about = About(os.getpid(), int(time.time()), installed_version(), package_root())
    return serve(listen(folder, key, files, after, about), idle_seconds)


def run(become: Command, run_command: Callable[[], int]) -> int:
    """Become the command's process and run it; return the exit status, also where Python prints a traceback."""
    try:
        become()
        return run_command()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except SystemExit as error:
        if error.code is None or isinstance(error.code, int):
            return error.code or 0
        print(error.code, file=sys.stderr)
        return 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        return 1


def end(status: int) -> NoReturn:
    """End as the interpreter does, but without freeing every module, which takes longer than most commands.

    If the output cannot be written, the interpreter ends the process and reports that.
    """
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        sys.exit(status)
    os._exit(status & 0xFF)


if __name__ == "__main__":
    main()
