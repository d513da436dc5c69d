"""How many requests per second the workspace accepts over all of its endpoints."""

from collections import deque

from bandplan.stub.capacity.refusals import TOO_MANY_PARALLEL, TooMany

MOST_PER_SECOND = 200
"""Queries per second and workspace of provisioned throughput (docs.databricks.com, limits, read 2026-11)."""


class Arrivals:
    """The requests admitted in the last second; refused ones do not count."""

    def __init__(self, most_per_second: int = MOST_PER_SECOND) -> None:
        self.most_per_second = most_per_second
        self._times: deque[float] = deque()

    def count(self, now: float) -> None:
        """Admit one more request, or raise TooMany."""
        while self._times and self._times[0] <= now - 1:
            self._times.popleft()
        if len(self._times) >= self.most_per_second:
            raise TooMany(TOO_MANY_PARALLEL)
        self._times.append(now)
