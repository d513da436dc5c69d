"""How long requests take in one chunk, or in one pool of model units, by how many are in flight there.

A continuous-batching engine shares one step among its requests, so the time of a request grows linearly with those in
flight: `seconds(n) = alone x (half + n) / (half + 1)`. Its throughput is then `X_max x n / (n + half)`: `half` requests
give half of what many would.
"""

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from bandplan.planner.load import Load, Shape

Seconds = Callable[[Shape, float], tuple[float, float]]
"""Seconds alone of a shape, of which the given percentage of the prompt is cached: (prompt, output)."""


@dataclass(frozen=True, slots=True)
class Service:
    """One chunk: it takes `slots` requests in flight; `half` may be infinite (no request slows another)."""

    slots: int
    half: float
    seconds: Seconds

    def slowness(self, in_flight: float) -> float:
        """Return how many times longer a request takes among `in_flight` than alone."""
        return 1.0 if math.isinf(self.half) else (self.half + in_flight) / (self.half + 1)

    def alone(self, load: Load) -> float:
        """Return the seconds of a request of the load's mean shape, alone; of a trace, the mean over its requests."""
        if load.trace is None:
            return sum(self.seconds(load.shape, load.cache_hit_percent))
        counts = Counter(load.trace.shapes)
        total = sum(sum(self.seconds(shape, load.cache_hit_percent)) * many for shape, many in counts.items())
        return total / len(load.trace.shapes)

    def requests_per_second(self, load: Load) -> float:
        """Return the most requests of the load that a full chunk ends in a second."""
        return self.slots / (self.alone(load) * self.slowness(self.slots))


def half_of(slots: int, speedup: float) -> float:
    """Return the `half` with which a request alone is `speedup` times as fast as in a full chunk."""
    if speedup <= 1 or slots <= 1:
        return math.inf
    return max(0.0, (slots - speedup) / (speedup - 1))
