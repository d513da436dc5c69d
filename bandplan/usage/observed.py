"""Requests of an endpoint, gathered from rows into minutes; memory is bounded by the length of the window."""

from dataclasses import dataclass, field
from random import Random
from typing import Final

from bandplan.usage.arrivals import Arrivals
from bandplan.usage.usage_table import Row

MOST_TIMES: Final = 2_000
"""Latencies kept of each day, chosen at random; enough for 20 beyond p99. Ours."""

NEWEST: Final = 10_000
"""Newest times to first token kept of each served entity."""

MOST_SERVED: Final = 100
"""Served entities of an endpoint that are distinguished; an endpoint has at most 15 at a time."""

TOO_MANY: Final = 429


@dataclass(slots=True)
class Minute:
    """Requests that began in one minute. `answered` were 2xx, `untokened` of them without token counts.

    The squares are sums over requests; `seconds` counts requests of each second, up to 255.
    """

    requests: int = 0
    answered: int = 0
    untokened: int = 0
    refused: int = 0
    failed: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    input_squares: int = 0
    output_squares: int = 0
    seconds: bytearray = field(default_factory=lambda: bytearray(60))


@dataclass(slots=True)
class Times:
    """A random sample of one day's latencies and times to first token, in seconds."""

    seen: int = 0
    kept: list[tuple[float, float | None]] = field(default_factory=list)


@dataclass(slots=True)
class Served:
    """What is known of one served entity: requests and 5xx answers by minute, and its newest times to first token."""

    minutes: dict[int, tuple[int, int]] = field(default_factory=dict)
    ttfts: list[tuple[float, float]] = field(default_factory=list)


class Observed:
    """Everything read of one endpoint."""

    def __init__(self) -> None:
        self.minutes: dict[int, Minute] = {}
        self.times: dict[int, Times] = {}
        self.served: dict[str, Served] = {}
        self.arrivals = Arrivals()
        self._random = Random("observed times")

    def add(self, row: Row) -> None:
        second = int(row.seconds)
        number = second // 60
        minute = self.minutes.get(number)
        if minute is None:
            minute = self.minutes[number] = Minute()
        minute.requests += 1
        place = second % 60
        if minute.seconds[place] < 255:
            minute.seconds[place] += 1
        if row.status == TOO_MANY:
            minute.refused += 1
        elif row.status >= 500:
            minute.failed += 1
        elif 200 <= row.status < 300:
            self._add_answer(minute, row)
        if row.served is not None:
            self._add_served(row.served, number, row)

    def _add_answer(self, minute: Minute, row: Row) -> None:
        minute.answered += 1
        given, made = row.input_tokens, row.output_tokens
        if given is None or made is None or not given + made:
            given = made = None
            minute.untokened += 1
        else:
            minute.input_tokens += given
            minute.output_tokens += made
            minute.input_squares += given * given
            minute.output_squares += made * made
        self.arrivals.add(row.seconds, given, made)
        if row.latency_seconds is not None:
            times = self.times.setdefault(int(row.seconds // 86_400), Times())
            times.seen += 1
            one = (row.latency_seconds, row.ttft_seconds)
            if len(times.kept) < MOST_TIMES:
                times.kept.append(one)
            elif (chosen := self._random.randrange(times.seen)) < MOST_TIMES:
                times.kept[chosen] = one

    def _add_served(self, name: str, number: int, row: Row) -> None:
        served = self.served.get(name)
        if served is None:
            if len(self.served) >= MOST_SERVED:
                return
            served = self.served[name] = Served()
        requests, errors = served.minutes.get(number, (0, 0))
        served.minutes[number] = (requests + 1, errors + (row.status >= 500))
        if row.ttft_seconds is not None and 200 <= row.status < 300:
            served.ttfts.append((row.seconds, row.ttft_seconds))
            if len(served.ttfts) >= 2 * NEWEST:
                served.ttfts = sorted(served.ttfts)[-NEWEST:]
