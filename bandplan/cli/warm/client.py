"""The caller's side: hand this process's command to a warm process, and behave as that command does.

Small modules of the standard library only.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from types import FrameType

from bandplan.cli.warm.inherited import environment, key_of
from bandplan.cli.warm.place import NotPrivate, connect, folder, make_private
from bandplan.cli.warm.request import (
    GO,
    OTHER,
    READY,
    RUN,
    Request,
    encode,
    exactly,
    how_it_ended,
    send,
    this_process,
)
from bandplan.cli.warm.switch import ALWAYS, VARIABLE, is_always, package_root

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NoReturn

PATIENCE_SECONDS = 0.05
"""How long a warm process may take to answer: a tenth of what the command costs without one."""
START_SECONDS, ALWAYS_SECONDS, POLL_SECONDS = 5.0, 100.0, 0.02
"""Where the command has to run in a warm process (BANDPLAN_WARM=always): until another one is started, in all, and
between two attempts.
"""

PASSED_ON = (
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGALRM,
    signal.SIGTERM,
    signal.SIGCONT,
    signal.SIGTSTP,
    signal.SIGWINCH,
)

Start = Callable[[], None]
"""Starts a warm process for later commands."""


def run_or_prepare() -> Start | None:
    """Run this process's command in a warm process and end as it ends; return if it has to run here.

    Returns what starts a warm process for the commands to come, None if there will be none.
    """
    try:
        request = this_process()
    except (OSError, KeyError, ValueError):
        return None
    if request is None:
        return None
    place, key = folder(os.environ), key_of(request.inherited)
    wanted = environment(os.environ)
    if is_always(os.environ):
        wanted[VARIABLE] = ALWAYS

    def start() -> None:
        start_server(place, key, wanted)

    if not is_always(os.environ):
        return start if attempt(request, place, key, PATIENCE_SECONDS) else None
    next_start = began = time.monotonic()
    while time.monotonic() - began < ALWAYS_SECONDS and attempt(request, place, key, ALWAYS_SECONDS):
        if time.monotonic() >= next_start:
            start()
            next_start = time.monotonic() + START_SECONDS
        time.sleep(POLL_SECONDS)
    sys.exit(f"error: BANDPLAN_WARM=always: no warm process can be used in {place}; see `bandplan doctor`")


def attempt(request: Request, place: str, key: str, seconds: float) -> bool:
    """Run the command if the process of that key answers in time; otherwise return whether to start another one."""
    try:
        connection, _ = connect(place, key, seconds)
    except NotPrivate:
        return False
    except OSError:
        return True
    with connection:
        try:
            here = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            send(connection, RUN, os.fsencode(request.inherited), (here, *request.descriptors))
            answer = exactly(connection, len(READY))
        except (OSError, ValueError):
            return True
        finally:
            os.close(here)
        if answer == READY:
            run(connection, request)
        return answer != OTHER


def run(connection: socket.socket, request: Request) -> "NoReturn":
    """Let the command begin, pass every signal on, and end as it ends."""
    signal.pthread_sigmask(signal.SIG_BLOCK, PASSED_ON)
    pass_signals_on(connection)
    connection.settimeout(None)
    try:
        send(connection, GO, encode(request))
        signal.pthread_sigmask(signal.SIG_UNBLOCK, PASSED_ON)
        was_killed, number = how_it_ended(connection)
    except (OSError, ValueError):
        # Whoever would report the end was killed, and the command with it.
        was_killed, number = True, signal.SIGKILL
    if was_killed:
        die_of(number)
    os._exit(number)


def pass_signals_on(connection: socket.socket) -> None:
    """Send the number of each signal. `monitor` knows whether the terminal sent it to the command as well."""

    def tell(number: int, _frame: FrameType | None) -> None:
        try:
            connection.sendall(bytes([number]))
        except OSError:  # the command has ended just now
            pass
        if number == signal.SIGTSTP:
            stop_as_told(tell)

    for number in PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, tell)


def stop_as_told(handler: Callable[[int, FrameType | None], None]) -> None:
    """Stop by SIGTSTP itself, which the shell sees; listen again once continued."""
    signal.signal(signal.SIGTSTP, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTSTP)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
    signal.signal(signal.SIGTSTP, handler)


def die_of(number: int) -> "NoReturn":
    """End by the signal that ended the command; its memory was dumped already, if at all."""
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    try:
        signal.signal(number, signal.SIG_DFL)
    except (OSError, ValueError):  # SIGKILL, which has no handler
        pass
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [number])
    os.kill(os.getpid(), number)
    os._exit(128 + number)


def start_server(place: str, key: str, environ: dict[str, str]) -> None:
    """Start a warm process in the background, in this session and in no folder. Failures are silent: it only helps."""
    try:
        make_private(place)
        os.posix_spawn(
            sys.executable,
            [sys.executable, "-P", "-c", program(), place, key],
            environ,
            file_actions=[(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)],
            setpgroup=0,
        )
    except OSError:
        pass


def program() -> str:
    """Return the code of a warm process. `-m` would find the package only where Python looks anyway."""
    return f"import sys; sys.path.insert(0, {package_root()!r}); from bandplan.cli.warm.__main__ import main; main()"
