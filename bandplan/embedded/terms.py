"""What every part of one run needs to know."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """The beginning of every URN (`urn:pulumi:<stack>::<project>`), the clock, and whether nothing may be changed.

    `now` returns RFC 3339 times in UTC.
    """

    urn_prefix: str
    now: Callable[[], str]
    is_preview: bool
