"""Counts by logarithmic buckets: small, mergeable, exact to 2%."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

SMALLEST: Final = 1e-5
BASE: Final = 1.02


@dataclass(slots=True)
class Histogram:
    """Bucket i counts from SMALLEST * BASE^i up to the next; bucket 0 also everything below."""

    counts: dict[int, int] = field(default_factory=dict)
    infinite: int = 0

    def add(self, seconds: float) -> None:
        if math.isinf(seconds):
            self.infinite += 1
            return
        bucket = max(0, math.floor(math.log(seconds / SMALLEST) / math.log(BASE))) if seconds > SMALLEST else 0
        self.counts[bucket] = self.counts.get(bucket, 0) + 1


def histogram_of(values: Iterable[float]) -> Histogram:
    found = Histogram()
    for value in values:
        found.add(value)
    return found


def middle(bucket: int) -> float:
    """Seconds in the middle of a bucket."""
    return float(SMALLEST * BASE ** (bucket + 0.5))
