"""Start the process that runs MLflow for one job, listen to it, and stop it once nobody waits for it any more.

A process, not a thread: MLflow keeps its addresses and runs in global state, costs 150 MB and seconds to import, and
can hang in an upload. It ends with this process too, whatever ends that: it then finds its standard input closed.
"""

from __future__ import annotations

import contextlib
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.mlflow_process.environment import process_environment
from bandplan.serving.registration.mlflow_process.job import Event, Job, renewal_line
from bandplan.serving.registration.request import Renew
from bandplan.serving.registration.timing import Waiting
from bandplan.serving.workspace.answer import presentable

COMMAND = (sys.executable, "-P", "-m", "bandplan.serving.registration")
"""-P: a folder with the name of a package must not shadow it."""
_ROOT = Path(__file__).resolve().parents[3]
_LISTEN_SECONDS = 0.1
_TAIL_BYTES = 4000


def run_job(
    job: Job,
    host: str,
    token: str,
    waiting: Waiting,
    progress: Callable[[str], None],
    command: Sequence[str] = COMMAND,
    renew: Renew | None = None,
) -> Event:
    """Return the last event of a job: `done` or `outdone`.

    `renew` returns the token to use now, or None if it cannot be had: the job may take longer than a token lasts.

    Errors: RegistrationError with the reason when it failed or ended without one; RegistrationStopped once
    `waiting.stop` is set: the process has then cleaned up, or been killed for taking too long over it.
    """
    with tempfile.TemporaryDirectory(prefix="bandplan-register-", ignore_cleanup_errors=True) as temporary:
        environ = process_environment(os.environ, host, token, Path(temporary), _ROOT)
        secrets = [token]
        with (
            _process(command, job, environ, waiting.timing.stop_seconds) as (process, errors),
            _renewing(process, secrets, renew, waiting.timing.renew_seconds),
        ):
            for event in _events(process, waiting):
                match event.kind:
                    case "progress":
                        progress(event.text)
                    case "failed":
                        raise RegistrationError(presentable_lines(event.text, secrets))
                    case _:
                        return event
            raise RegistrationError(_ended(process.returncode, errors, secrets))


@contextlib.contextmanager
def _process(
    command: Sequence[str], job: Job, environ: Mapping[str, str], stop_seconds: float
) -> Iterator[tuple[subprocess.Popen[bytes], IO[bytes]]]:
    """Yield the process and its standard error; at the end ask it to stop, and kill it if it does not."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=environ,
            # Ctrl-C is for the deployment, which then stops this process cleanly.
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.write(job.to_line())
                process.stdin.flush()
            yield process, errors
        finally:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()
            try:
                process.wait(stop_seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()


@contextlib.contextmanager
def _renewing(
    process: subprocess.Popen[bytes], secrets: list[str], renew: Renew | None, every_seconds: float
) -> Iterator[None]:
    """Send the process each new token, and append it to `secrets`."""
    ended = threading.Event()

    def work() -> None:
        assert renew is not None and process.stdin is not None
        while not ended.wait(every_seconds):
            token = renew()
            if token is None or token == secrets[-1]:
                continue
            secrets.append(token)
            with contextlib.suppress(OSError, ValueError):  # it has ended, or is asked to
                process.stdin.write(renewal_line(token))
                process.stdin.flush()

    if renew is not None:
        threading.Thread(target=work, name="renewal", daemon=True).start()
    try:
        yield
    finally:
        ended.set()  # nobody waits for a login that does not answer


def _events(process: subprocess.Popen[bytes], waiting: Waiting) -> Iterator[Event]:
    """Yield the events of the process until it ends. Errors: RegistrationStopped."""
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_listen, args=(process.stdout, lines), name="registration", daemon=True).start()
    while True:
        waiting.check()
        try:
            line = lines.get(timeout=_LISTEN_SECONDS)
        except queue.Empty:
            continue
        if line is None:
            process.wait()
            return
        event = Event.from_line(line)
        if event is not None:
            yield event


def _listen(stream: IO[bytes], lines: queue.Queue[bytes | None]) -> None:
    with contextlib.suppress(ValueError):  # closed once the wait ends
        for line in stream:
            lines.put(line)
    lines.put(None)


def _ended(status: int | None, errors: IO[bytes], secrets: Sequence[str]) -> str:
    """Describe how a process ended that reported no result: the manner, and the last line that it wrote."""
    errors.seek(0, os.SEEK_END)
    errors.seek(max(0, errors.tell() - _TAIL_BYTES))
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    last = presentable(lines[-1], *secrets) if lines else "it wrote nothing"
    how = f"was killed by signal {-status}" if status is not None and status < 0 else f"ended with status {status}"
    step = "if memory ran out, free some and run again" if status == -9 else "run again"
    return f"the process that runs MLflow {how} ({last}); {step}"


def presentable_lines(text: str, secrets: Sequence[str]) -> str:
    """Make each line fit for a message, without the tokens."""
    return "\n".join(presentable(line, *secrets) for line in text.splitlines())
