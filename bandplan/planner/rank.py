"""The one definition of a percentile: the nearest rank."""

import math


def nearest_rank(count: int, percent: float) -> int:
    """Return the index of the smallest of `count` sorted values that `percent` percent do not exceed; 0 of none."""
    # Rounded, as 99.9 / 100 * 1000 is a little above 999.
    return max(0, math.ceil(round(percent / 100 * count, 6)) - 1)
