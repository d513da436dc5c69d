"""What arrives: how often, how long the requests are, and a seeded sample of both."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Literal

Arrivals = Literal["poisson", "bursty"]

BURSTY_SHAPE = 0.25
"""Shape of the gamma distribution of gaps in bursty arrivals: they vary twice as much as Poisson's. Our choice."""


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
class Load:
    """Requests of a mean shape, by rate (open loop) or by how many are always in flight (closed loop).

    `spread_percent` is the standard deviation of both lengths, in percent of their mean; 0: all are alike.
    """

    shape: Shape
    requests_per_second: float | None = None
    concurrent_requests: int | None = None
    arrivals: Arrivals = "poisson"
    spread_percent: float = 0.0
    cache_hit_percent: float = 0.0

    def times(self, count: int, seed: int) -> list[float]:
        """Return the arrival times of `count` requests of an open loop."""
        assert self.requests_per_second is not None
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
