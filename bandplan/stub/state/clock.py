"""The time of the workspace: the machine's, until a test moves it ahead or stops it."""

import time
from collections.abc import Callable

from bandplan.stub.json_object import Json
from bandplan.stub.state.collection import Collection
from bandplan.stub.state.refusals import Invalid
from bandplan.stub.state.store import Store

LONGEST_ADVANCE_SECONDS = 366 * 24 * 3600
LATEST_MS = 4_102_444_800_000
"""How far one request may move the clock, and its latest time: the year 2100, a range that every client reads."""

KEY = "clock"


def machine_ms() -> int:
    """Return the machine's time in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Clock:
    """The workspace's time in milliseconds since 1970. Its offset and whether it is stopped are stored, so it never
    goes back.
    """

    def __init__(self, store: Store, machine: Callable[[], int] = machine_ms) -> None:
        self._machine = machine
        self._collection: Collection[Json] = Collection(store, "clock", dict, dict)
        kept = self._collection.get(KEY) or {"ahead_ms": 0, "stopped_ms": None}
        self._ahead_ms: int = kept["ahead_ms"]
        self._stopped_ms: int | None = kept["stopped_ms"]

    def now_ms(self) -> int:
        return self._machine() + self._ahead_ms if self._stopped_ms is None else self._stopped_ms

    @property
    def is_stopped(self) -> bool:
        return self._stopped_ms is not None

    def advance(self, seconds: float) -> None:
        """Move ahead, stopped or running. Raises Invalid for a negative or too large step."""
        if not 0 <= seconds <= LONGEST_ADVANCE_SECONDS or self.now_ms() + seconds * 1000 > LATEST_MS:
            raise Invalid(f"advance_seconds: must be from 0 to {LONGEST_ADVANCE_SECONDS}, not beyond the year 2100.")
        self._set(self._ahead_ms + round(seconds * 1000), self._stopped_ms)

    def stop(self) -> None:
        if self._stopped_ms is None:
            self._set(self._ahead_ms, self.now_ms())

    def run(self) -> None:
        """Continue from where the clock was stopped."""
        if self._stopped_ms is not None:
            self._set(self._stopped_ms - self._machine(), None)

    def _set(self, ahead_ms: int, stopped_ms: int | None) -> None:
        if stopped_ms is not None:
            stopped_ms += ahead_ms - self._ahead_ms
        self._collection.put(KEY, {"ahead_ms": ahead_ms, "stopped_ms": stopped_ms})
        self._ahead_ms, self._stopped_ms = ahead_ms, stopped_ms
