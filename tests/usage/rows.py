"""Windows of hand-made rows: minute 0 is NOW - days."""

from collections.abc import Callable, Iterator

from bandplan.usage.observed import Observed
from bandplan.usage.scrape import Scrape
from bandplan.usage.usage_table import Row
from bandplan.usage.window import DAY, Window, window_of

NOW = 29_660_400
"""A minute since 1970: 2026-05-24T12:00Z."""

NAME = "chat"


def row(minute: float, given: int | None = 800, made: int | None = 200, status: int = 200, **more: object) -> Row:
    """A request at a minute since 1970, of 1,000 tokens unless told otherwise."""
    return Row(minute * 60, NAME, status, given, made, **more)  # type: ignore[arg-type]


def steady(days: float, per_minute: Callable[[int], int], until: int = NOW) -> Iterator[Row]:
    """Requests of 1,000 tokens: `per_minute` says how many there are in a minute, counted from the first."""
    first = until - round(days * DAY)
    for minute in range(first, until):
        for number in range(per_minute(minute - first)):
            yield row(minute + number / 1000)


def observed(rows: Iterator[Row] | list[Row]) -> Observed:
    found = Observed()
    for one in rows:
        found.add(one)
    return found


def window(rows: Iterator[Row] | list[Row], exported: dict[int, Scrape] | None = None, days: int = 14) -> Window:
    found = window_of(observed(rows), exported or {}, days, NOW)
    assert found is not None
    return found
