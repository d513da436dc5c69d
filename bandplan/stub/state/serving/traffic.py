"""Recent queries of an endpoint: counts of the last minute and latencies since the start, by served entity.

Not kept across restarts.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

MINUTE_SECONDS = 60

LATENCY_BOUNDS_MS = (5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000)
"""Upper bounds of the histogram's buckets; arbitrary, as the platform does not publish its own."""

MAX_SERIES = 10_000
"""Maximum number of served entities counted, the oldest forgotten first; an arbitrary bound on memory."""


@dataclass(slots=True)
class Counts:
    """Numbers of queries, of those answered with 4xx and with 5xx, and of tokens (input and output)."""

    queries: int = 0
    refused: int = 0
    failed: int = 0
    tokens: int = 0


@dataclass(slots=True)
class Latencies:
    """The number of queries up to each latency bound, and the total latency."""

    up_to_bound: list[int] = field(default_factory=lambda: [0] * len(LATENCY_BOUNDS_MS))
    count: int = 0
    sum_ms: float = 0.0

    def add(self, latency_ms: float) -> None:
        self.count += 1
        self.sum_ms += latency_ms
        for index, bound in enumerate(LATENCY_BOUNDS_MS):
            self.up_to_bound[index] += latency_ms <= bound


@dataclass(slots=True)
class Series:
    """One served entity: counts by second, and latencies since the start with and without the wait in the queue."""

    seconds: dict[int, Counts] = field(default_factory=dict)
    latencies: Latencies = field(default_factory=Latencies)
    predictions: Latencies = field(default_factory=Latencies)


class Traffic:
    """Counts by endpoint id and entity name, on the workspace's clock."""

    def __init__(self, clock_ms: Callable[[], int]) -> None:
        self._clock_ms = clock_ms
        self._series: dict[tuple[str, str], Series] = {}

    def record(
        self, endpoint_id: str, entity: str, status: int, tokens: int, latency_ms: float, waited_ms: float = 0.0
    ) -> None:
        """Count one query answered with this HTTP status; `waited_ms` of its latency was spent in the queue."""
        series = self._at(endpoint_id, entity)
        second = self._clock_ms() // 1000
        for old in [at for at in series.seconds if at <= second - MINUTE_SECONDS]:
            del series.seconds[old]
        counts = series.seconds.setdefault(second, Counts())
        counts.queries += 1
        counts.refused += 400 <= status < 500
        counts.failed += status >= 500
        counts.tokens += tokens
        series.latencies.add(latency_ms)
        series.predictions.add(latency_ms - waited_ms)

    def last_minute(self, endpoint_id: str, entity: str) -> Counts:
        """Return the counts of the last 60 seconds, including the current second."""
        total = Counts()
        series = self._series.get((endpoint_id, entity))
        oldest = self._clock_ms() // 1000 - MINUTE_SECONDS
        for second, counts in series.seconds.items() if series else ():
            if second > oldest:
                total.queries += counts.queries
                total.refused += counts.refused
                total.failed += counts.failed
                total.tokens += counts.tokens
        return total

    def latencies(self, endpoint_id: str, entity: str) -> Latencies:
        series = self._series.get((endpoint_id, entity))
        return series.latencies if series else Latencies()

    def predictions(self, endpoint_id: str, entity: str) -> Latencies:
        """Return the latencies without the wait in the queue."""
        series = self._series.get((endpoint_id, entity))
        return series.predictions if series else Latencies()

    def _at(self, endpoint_id: str, entity: str) -> Series:
        key = (endpoint_id, entity)
        if key not in self._series:
            if len(self._series) >= MAX_SERIES:
                del self._series[next(iter(self._series))]
            self._series[key] = Series()
        return self._series[key]
