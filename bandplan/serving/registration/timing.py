"""Timing of waits, in seconds."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Event

from bandplan.serving.registration.errors import RegistrationStopped


@dataclass(frozen=True)
class Timing:
    """Durations of waits; polls grow from `first_poll_seconds` to `longest_poll_seconds`.

    A registration gives a sign of life every `beat_seconds`. Another one considers it dead after `patience_seconds`
    without a sign, and after `patience_without_beat_seconds` if it never gave one: the platform may not accept them.
    MLflow's process is given a new token, if there is one, every `renew_seconds`.
    `ready_seconds` bounds the wait of an uploaded version for READY; `stop_seconds` the cleanup after a stop.
    """

    first_poll_seconds: float = 0.2
    longest_poll_seconds: float = 5.0
    beat_seconds: float = 10.0
    patience_seconds: float = 60.0
    patience_without_beat_seconds: float = 900.0
    ready_seconds: float = 3600.0
    stop_seconds: float = 30.0
    repeat_progress_seconds: float = 30.0
    renew_seconds: float = 10.0


@dataclass(frozen=True)
class Waiting:
    """Waits that end once `stop` is set. `monotonic` is a clock that only advances, `wall` gives seconds since 1970."""

    timing: Timing
    stop: Event
    monotonic: Callable[[], float] = time.monotonic
    wall: Callable[[], float] = time.time

    def check(self) -> None:
        """Raise RegistrationStopped once `stop` is set."""
        if self.stop.is_set():
            raise RegistrationStopped("cancelled")

    def polls(self) -> Iterator[float]:
        """Yield the seconds since the first poll, before each poll, without end. Errors: RegistrationStopped."""
        started, pause = self.monotonic(), self.timing.first_poll_seconds
        while True:
            self.check()
            yield self.monotonic() - started
            self.stop.wait(pause)
            pause = min(2 * pause, self.timing.longest_poll_seconds)
