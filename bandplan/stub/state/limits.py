"""The limits of the workspace: quotas, sizes and rates.

The figures are those of "Model Serving limits and regions" (docs.databricks.com, read 2026-11): 1,000 endpoints and 50
creates or updates in 5 minutes per workspace, 16 MB per request and 4 MB to foundation and external models, 297 s of
model execution. The page states them for custom models and agents, and names no error codes.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bandplan.stub.state.refusals import QuotaExceeded, TooManyRequests

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class ChangeRate:
    """A limit of `count` creates and updates of endpoints in any `seconds`."""

    count: int
    seconds: int = 300


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits; `served_entities` is per endpoint: 10 in the API reference, 15 in production (databricks-sdk-py issue
    1496).

    Without `change_rate`, creates and updates are not limited: the documented rate would make a local fleet of 100
    endpoints wait for 10 minutes. Sizes are bytes of a request's body.
    """

    endpoints: int = 1000
    served_entities: int = 15
    change_rate: ChangeRate | None = None
    request_bytes: int = 16 * MIB
    foundation_request_bytes: int = 4 * MIB
    execution_seconds: float = 297


class Quotas:
    """Counters for the limits. The rate is counted on the workspace's clock, from the start of the process."""

    def __init__(self, limits: Limits, clock_ms: Callable[[], int]) -> None:
        self._limits = limits
        self._clock_ms = clock_ms
        self._changes_ms: deque[int] = deque()

    @property
    def served_entities(self) -> int:
        return self._limits.served_entities

    def check_room(self, endpoints: int) -> None:
        """Raise QuotaExceeded if `endpoints` has reached the limit."""
        if endpoints >= self._limits.endpoints:
            raise QuotaExceeded(
                f"The workspace has {endpoints} serving endpoints, and its limit is {self._limits.endpoints}; "
                "delete some, or ask for a higher limit."
            )

    def check_rate(self) -> None:
        """Raise TooManyRequests if the allowed number of changes was made within the period."""
        rate = self._limits.change_rate
        if rate is None:
            return
        now = self._clock_ms()
        while self._changes_ms and self._changes_ms[0] <= now - rate.seconds * 1000:
            self._changes_ms.popleft()
        if len(self._changes_ms) >= rate.count:
            wait_ms = self._changes_ms[0] + rate.seconds * 1000 - now
            raise TooManyRequests(
                f"{rate.count} creates and updates of serving endpoints are allowed in {rate.seconds} s; try later.",
                retry_after_seconds=max(1, -(-wait_ms // 1000)),
            )

    def count_change(self) -> None:
        """Count an accepted create or update."""
        if self._limits.change_rate is not None:
            self._changes_ms.append(self._clock_ms())
