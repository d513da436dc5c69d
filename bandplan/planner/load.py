"""What arrives: how often, how long the requests are, and a seeded sample of both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Arrivals = Literal["poisson", "bursty"]

BURSTY_SHAPE = 0.25
"""Shape of the gamma distribution of gaps in bursty arrivals: they vary twice as much as Poisson's. Our choice."""


BUSIEST_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Shape:
    """Input and output tokens of one request."""

    input_tokens: float
    output_tokens: float

    @property
    def total(self) -> float:
        return self.input_tokens + self.output_tokens

    def __str__(self) -> str:
        return f"{self.input_tokens:g}/{self.output_tokens:g}"


@dataclass(frozen=True, slots=True)
class Trace:
    """Recorded requests: `times` in seconds since the first one, in order, and the shape of each.

    `judged` are the numbers of those that a target is for, if not for all.
    """

    times: tuple[float, ...]
    shapes: tuple[Shape, ...]
    judged: tuple[int, ...] = ()

    @property
    def requests_per_second(self) -> float:
        """The average rate; 0 if all of them came at once."""
        return (len(self.times) - 1) / self.times[-1] if self.times[-1] > 0 else 0.0

    def mean(self) -> Shape:
        """Return the mean lengths, to a tenth of a token."""
        count = len(self.shapes)
        inputs, outputs = (sum(s.input_tokens for s in self.shapes), sum(s.output_tokens for s in self.shapes))
        return Shape(round(inputs / count, 1), round(outputs / count, 1))

    def busiest_tokens_per_second(self) -> float:
        """Return the most input and output tokens/s over a `BUSIEST_SECONDS` of the trace, or all of a shorter one."""
        most = held = 0.0
        first = 0
        for at, shape in zip(self.times, self.shapes, strict=True):
            held += shape.total
            while at - self.times[first] > BUSIEST_SECONDS:
                held -= self.shapes[first].total
                first += 1
            most = max(most, held)
        return most / min(BUSIEST_SECONDS, max(1.0, self.times[-1]))


@dataclass(frozen=True, slots=True)
class Load:
    """Requests of a mean shape, by rate (open loop) or by how many are always in flight (closed loop).

    `spread_percent` is the standard deviation of both lengths, in percent of their mean; 0: all are alike. `trace`
    takes the place of both the arrivals and the lengths: an open loop replays it, faster or slower to come to the rate.
    """

    shape: Shape
    requests_per_second: float | None = None
    concurrent_requests: int | None = None
    arrivals: Arrivals = "poisson"
    spread_percent: float = 0.0
    cache_hit_percent: float = 0.0
    trace: Trace | None = None

    @property
    def has_lengths(self) -> bool:
        """Whether lengths differ between requests."""
        return bool(self.spread_percent) or self.trace is not None

    @property
    def tokens_per_second(self) -> float | None:
        """Input and output tokens/s, those of a trace in its busiest minute; None for a closed loop."""
        if self.requests_per_second is None:
            return None
        if self.trace is None:
            return self.requests_per_second * self.shape.total
        return self.trace.busiest_tokens_per_second() * self.requests_per_second / self.trace.requests_per_second

    def times(self, count: int, seed: int) -> list[float]:
        """Return the arrival times of `count` requests of an open loop."""
        assert self.requests_per_second is not None
        if self.trace is not None:
            pace = self.trace.requests_per_second / self.requests_per_second
            return [at * pace for at in self.trace.times[:count]]
        random = Random(f"arrivals {seed}")
        mean = 1 / self.requests_per_second
        now = 0.0
        times = []
        for _ in range(count):
            if self.arrivals == "bursty":
                now += random.gammavariate(BURSTY_SHAPE, mean / BURSTY_SHAPE)
            else:
                now += random.expovariate(1 / mean)
            times.append(now)
        return times

    def shapes(self, count: int, seed: int) -> Sequence[Shape]:
        """Return the shapes of `count` requests: lognormal lengths of the mean and the spread given, whole tokens."""
        if self.trace is not None:
            known = self.trace.shapes
            return [known[(seed * 977 + index) % len(known)] for index in range(count)]
        if not self.spread_percent:
            return [self.shape] * count
        random = Random(f"lengths {seed}")
        variance = math.log(1 + (self.spread_percent / 100) ** 2)
        sigma = math.sqrt(variance)

        def length(mean: float) -> float:
            if not mean:
                return 0
            return max(1, round(mean * math.exp(random.gauss(0, sigma) - variance / 2)))

        return [Shape(length(self.shape.input_tokens), length(self.shape.output_tokens)) for _ in range(count)]
