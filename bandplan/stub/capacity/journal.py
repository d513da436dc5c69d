"""The latest requests, as the workspace itself saw them: a reference for benchmarks."""

from collections import deque
from dataclasses import dataclass

MOST_ENTRIES = 10_000


@dataclass(slots=True)
class Entry:
    """One request. Times are in seconds of the workspace's clock, None if not reached. `chunk` is the number of the
    chunk it ran in, 0 for the burst chunk, None for none. `status` is the HTTP status, 499 if the client left.
    `is_usage_counted`: the engine did not report its tokens, which were counted by the workspace's own rule.
    """

    number: int
    endpoint: str
    served_entity: str
    arrived: float
    admitted: float | None = None
    first_token: float | None = None
    last_token: float | None = None
    ended: float | None = None
    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    work: float = 0.0
    chunk: int | None = None
    status: int | None = None
    is_usage_counted: bool = False


class Journal:
    """The latest requests that have ended, in order of their end."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque(maxlen=MOST_ENTRIES)
        self._numbers = 0

    def begin(self, endpoint: str, served_entity: str, now: float) -> Entry:
        self._numbers += 1
        return Entry(self._numbers, endpoint, served_entity, now)

    def keep(self, entry: Entry) -> None:
        self._entries.append(entry)

    def since(self, arrived: float) -> list[Entry]:
        """Return the requests that arrived at that time or later."""
        return [entry for entry in self._entries if entry.arrived >= arrived]
