"""Sends a request until its answer is final or time runs out: the only retry loop."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from bandplan.rest.clock import Clock
from bandplan.rest.connections import AttemptFailed

Kept = TypeVar("Kept")


@dataclass(frozen=True)
class Exchange(Generic[Kept]):
    """The result of the last attempt, the number of attempts, and the seconds they took together."""

    result: Kept | AttemptFailed
    attempts: int
    seconds: float

    @property
    def tried(self) -> str:
        return f"tried {'once' if self.attempts == 1 else f'{self.attempts} times'} in {self.seconds:.0f} s"


def exchange(
    send: Callable[[], Kept], pause: Callable[[Kept | AttemptFailed, int, float], float | None], clock: Clock
) -> Exchange[Kept]:
    """Call `send` until `pause` returns None; otherwise wait the seconds it returns for (result, attempts, seconds).

    An AttemptFailed that `send` raises is a result like any other.
    """
    started = clock.monotonic()
    attempts = 0
    while True:
        attempts += 1
        result: Kept | AttemptFailed
        try:
            result = send()
        except AttemptFailed as failed:
            result = failed
        seconds = clock.monotonic() - started
        wait = pause(result, attempts, seconds)
        if wait is None:
            return Exchange(result, attempts, seconds)
        clock.sleep(wait)
