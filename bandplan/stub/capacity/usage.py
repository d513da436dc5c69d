"""Capacity in use and work done: by second for five minutes, by hour for a month."""

from dataclasses import dataclass

from bandplan.stub.capacity.recount import recount

LONGEST_WINDOW_SECONDS = 300
HOUR_SECONDS = 3600
MOST_HOURS = 31 * 24


@dataclass(slots=True)
class Use:
    """The use in one second or hour. `capacity` is the work that the chunks in use could have done."""

    chunk_seconds: float = 0.0
    most_chunks: int = 0
    capacity: float = 0.0
    work: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0


class Usage:
    """Sums of time spans in which nothing changed, and of tokens at points in time."""

    def __init__(self) -> None:
        self._seconds: dict[int, Use] = {}
        self._hours: dict[int, Use] = {}
        self._second = -1
        """The second whose uses `_uses` are: many tokens are counted in one."""
        self._uses = (Use(), Use())

    def span(self, start: float, end: float, chunks: int, capacity: float, work: float) -> None:
        """Add a span with `chunks` in use; `capacity` and `work` are per second."""
        if end > start and chunks:
            for at, seconds in _parts(start, end, HOUR_SECONDS):
                _add(_at(self._hours, at, MOST_HOURS), seconds, chunks, capacity, work)
            for at, seconds in _parts(max(start, end - LONGEST_WINDOW_SECONDS - 1), end, 1):
                _add(_at(self._seconds, at, LONGEST_WINDOW_SECONDS + 2), seconds, chunks, capacity, work)

    def correct(self, now: float, work: float) -> None:
        """Subtract work that was counted but not done."""
        for use in self._current(now):
            use.work -= work

    def tokens(self, now: float, input_tokens: int, output_tokens: int) -> None:
        for use in self._current(now):
            use.input_tokens += input_tokens
            use.output_tokens += output_tokens

    def correct_tokens(self, now: float, input_tokens: int, output_tokens: int) -> None:
        """Add tokens that were counted too few; those that were counted too many are negative."""
        self._current(now)
        for uses, newest, most in (
            (self._seconds, int(now), LONGEST_WINDOW_SECONDS),
            (self._hours, int(now // HOUR_SECONDS), MOST_HOURS),
        ):
            recount((uses[at] for at in range(newest, newest - most, -1) if at in uses), input_tokens, output_tokens)

    def last(self, now: float, seconds: int) -> Use:
        """Return the sum of the last `seconds` whole seconds before the second of `now`."""
        total = Use()
        newest = int(now)
        for at in range(newest - seconds, newest):
            use = self._seconds.get(at)
            if use is not None:
                total.chunk_seconds += use.chunk_seconds
                total.most_chunks = max(total.most_chunks, use.most_chunks)
                total.capacity += use.capacity
                total.work += use.work
                total.input_tokens += use.input_tokens
                total.output_tokens += use.output_tokens
        return total

    def utilisation(self, now: float, seconds: int) -> float:
        """Return the share of the capacity in use that was used in the last `seconds`, from 0 to 1."""
        use = self.last(now, seconds)
        return use.work / use.capacity if use.capacity else 0.0

    def by_hour(self) -> list[tuple[int, Use]]:
        """Return each hour with chunks in use: its start in seconds of the clock, and its use."""
        return [(hour * HOUR_SECONDS, use) for hour, use in sorted(self._hours.items())]

    def _current(self, now: float) -> tuple[Use, Use]:
        if (second := int(now)) != self._second:
            self._second = second
            self._uses = (
                _at(self._seconds, second, LONGEST_WINDOW_SECONDS + 2),
                _at(self._hours, second // HOUR_SECONDS, MOST_HOURS),
            )
        return self._uses


def _parts(start: float, end: float, length: int) -> list[tuple[int, float]]:
    """Cut a span at the multiples of `length`: the number of each part, and the seconds in it."""
    parts = []
    at = int(start // length)
    while start < end:
        stop = min(end, float((at + 1) * length))
        parts.append((at, stop - start))
        start, at = stop, at + 1
    return parts


def _at(uses: dict[int, Use], at: int, most: int) -> Use:
    """Return the use at `at`, creating it if needed; keep at most `most`, dropping the oldest first."""
    use = uses.get(at)
    if use is None:
        use = uses[at] = Use()
        if len(uses) > 2 * most:
            for old in sorted(uses)[:-most]:
                del uses[old]
    return use


def _add(use: Use, seconds: float, chunks: int, capacity: float, work: float) -> None:
    use.chunk_seconds += chunks * seconds
    use.most_chunks = max(use.most_chunks, chunks)
    use.capacity += capacity * seconds
    use.work += work * seconds
