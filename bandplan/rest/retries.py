"""When a request is retried, and after which pause. Pure: the client supplies the time and the random numbers."""

from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from enum import Enum


class Outcome(Enum):
    """The outcome of one attempt without a final answer."""

    NOT_CONNECTED = "no connection, so nothing was sent"
    LOST = "sent, but the answer was lost"
    THROTTLED = "answered 429 or 503"


RETRIED_STATUSES = frozenset({429, 503})
"""Statuses that mean "not carried out, try later".

500, 504 and 409 are final for the platform's own clients too (github.com/databricks/databricks-sdk-go, package apierr
and httpclient, read 2025-11).
"""

_REPEATABLE_METHODS = frozenset({"GET", "HEAD"})


@dataclass(frozen=True)
class Retries:
    """How long and how often to try; all in seconds.

    `total_seconds` bounds the retries of one call, `connect_seconds` those of a call to a server that does not listen.
    Pauses double from `first_pause_seconds` up to `longest_pause_seconds`, each shortened at random by up to half.
    """

    total_seconds: float = 120.0
    connect_seconds: float = 1.0
    first_pause_seconds: float = 0.2
    longest_pause_seconds: float = 8.0

    def pause_seconds(
        self,
        method: str,
        outcome: Outcome,
        *,
        attempt: int,
        elapsed_seconds: float,
        retry_after_seconds: float | None,
        random: float,
    ) -> float | None:
        """Return the seconds to wait before attempt number `attempt` + 1 (the first is 1), or None to give up.

        `random` is in [0, 1). A wait that the server requests is never cut short: one that is too long means giving up.
        """
        if outcome is Outcome.LOST and method not in _REPEATABLE_METHODS:
            return None
        doubled = self.first_pause_seconds * 2.0 ** min(attempt - 1, 16)
        pause = min(doubled, self.longest_pause_seconds) * (1 - random / 2)
        if retry_after_seconds is not None:
            pause += retry_after_seconds
        budget = self.connect_seconds if outcome is Outcome.NOT_CONNECTED else self.total_seconds
        return pause if elapsed_seconds + pause <= budget else None


def parse_retry_after(header: str | None, now: float) -> float | None:
    """Return the seconds of a Retry-After header; None if it is absent or unreadable, never negative.

    The header holds whole seconds, or an HTTP date, relative to `now` (seconds since 1970).
    """
    if header is None:
        return None
    text = header.strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, OverflowError):
        return None
