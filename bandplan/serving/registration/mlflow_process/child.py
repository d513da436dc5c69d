"""The process that runs MLflow: one job from standard input, events to standard output, a proper end in every case.

It ends with its parent: a closed standard input means that nobody waits for it any more. Then, whatever MLflow is
doing, the version is deleted unless it is READY, the run is ended, and the process exits.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from io import FileIO, RawIOBase
from pathlib import Path
from typing import NoReturn

from bandplan.serving.registration.mlflow_process.job import Event, Job
from bandplan.serving.registration.mlflow_process.process_token import ProcessToken
from bandplan.serving.registration.mlflow_process.translation import message
from bandplan.serving.registration.mlflow_process.work import Outdone, Work

CALLED_OFF_STATUS = 3

UNNEEDED = ("PIL", "flax", "jax", "pyarrow", "scipy", "tensorflow", "torch")
"""Packages that MLflow, pandas and transformers import if installed, and can do without.

Weights are not loaded here, so they would cost seconds and from 45 MB to gigabytes for nothing.
"""


def main() -> NoReturn:
    """Do the job on standard input; status 0 if it is done or another attempt was first, 1 with a `failed` event."""
    events = _events()
    for name in UNNEEDED:
        # Python's own way to mark a module as missing.
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]
    # Unbuffered: a thread reads from it until the end, and would hold a buffer's lock.
    parent = FileIO(sys.stdin.fileno(), "rb", closefd=False)
    status = _Child(Job.from_line(parent.readline()), events, parent).run()
    # Immediately: tearing MLflow down takes a second and achieves nothing.
    os._exit(status)


def _events() -> RawIOBase:
    """Return standard output, reserved for events: whatever MLflow prints goes to standard error."""
    own = FileIO(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


class _Child:
    """A job and its end, which comes exactly once: from the job, from a rival, or from the parent."""

    def __init__(self, job: Job, events: RawIOBase, parent: RawIOBase) -> None:
        self._job = job
        self._events = events
        self._parent = parent
        self._ending = threading.Lock()
        self._workplace = Path(tempfile.mkdtemp(prefix="work-"))
        self._token = ProcessToken(os.environ)
        self._work = Work(job, self._token, self._workplace, self._tell, self._give_up)

    def run(self) -> int:
        threading.Thread(target=self._watch_parent, name="parent", daemon=True).start()
        try:
            event, status = self._work.run(), 0
        except Outdone as outdone:
            event, status = Event("outdone", version=outdone.version), 0
        except BaseException as error:
            event, status = Event("failed", message(error, self._job)), 1
        self._ending.acquire()
        self._tell(event)
        shutil.rmtree(self._workplace, ignore_errors=True)
        return status

    def _watch_parent(self) -> None:
        begun = b""
        while received := self._parent.read(4096):
            *lines, begun = (begun + received).split(b"\n")
            for line in lines:
                self._token.renew(line)
        self._end(None, CALLED_OFF_STATUS)

    def _give_up(self, version: str) -> None:
        self._end(Event("outdone", version=version), 0)

    def _end(self, event: Event | None, status: int) -> None:
        """End the process now, from another thread than the one that MLflow occupies. Never returns."""
        self._ending.acquire()
        try:
            self._work.call_off()
        finally:
            if event is not None:
                self._tell(event)
            shutil.rmtree(os.environ.get("TMPDIR") or self._workplace, ignore_errors=True)
            os._exit(status)

    def _tell(self, event: Event) -> None:
        try:
            self._events.write(event.to_line())
        except BrokenPipeError:
            pass
