"""When an open loop sends: seconds from its start, seeded."""

from collections.abc import Iterator
from random import Random
from typing import Final, Literal

Arrivals = Literal["poisson", "constant", "gamma"]
ARRIVALS: Final[tuple[Arrivals, ...]] = ("poisson", "constant", "gamma")


def arrival_times(arrivals: Arrivals, rate: float, burstiness: float, random: Random) -> Iterator[float]:
    """Yield times of arrival without end, `rate` per second on average.

    `burstiness` is the shape of gamma arrivals: 1 is Poisson, less is burstier, much more is constant.
    """
    now = 0.0
    while True:
        yield now
        if arrivals == "constant":
            now += 1 / rate
        elif arrivals == "poisson":
            now += random.expovariate(rate)
        else:
            now += random.gammavariate(burstiness, 1 / (rate * burstiness))
