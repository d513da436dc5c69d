"""Figures with intervals: order statistics, shares, batch means. Pure, with the standard library alone."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

CONFIDENCE: Final = 0.95
_Z: Final = 1.959964
"""Two-sided 95% of the normal distribution."""

_ONE_SIDED_Z: Final = 1.644854
_EXACT_UP_TO: Final = 1_000
"""Samples up to which ranks come from the binomial distribution itself; above, its normal approximation does."""

_T: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""Student's t, two-sided 95%, for 1 to 30 degrees of freedom."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval; a bound is None where the samples do not give one."""

    value: float
    low: float | None = None
    high: float | None = None


def samples_needed(share: float) -> int:
    """Return the fewest samples that bound a quantile from above with 95% confidence: 59 for p95, 299 for p99."""
    return math.ceil(math.log(1 - CONFIDENCE) / math.log(share))


def percentile(ordered: Sequence[float], share: float) -> Estimate | None:
    """Return the quantile of samples in ascending order; None with too few samples, or if it lies among failures.

    `low` and `high` are order statistics, each a one-sided 95% bound.
    """
    count = len(ordered)
    if count < samples_needed(share):
        return None
    value = ordered[math.ceil(share * count) - 1]
    if math.isinf(value):
        return None
    low, high = _ranks(count, share)
    return Estimate(value, _finite(ordered[low - 1]) if low else None, _finite(ordered[high - 1]))


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _ranks(count: int, share: float) -> tuple[int, int]:
    """Return the 1-based ranks of the lower and upper bound; a lower rank of 0 means that there is none."""
    if count > _EXACT_UP_TO:
        half = _ONE_SIDED_Z * math.sqrt(count * share * (1 - share))
        return max(0, math.floor(count * share - half)), min(count, math.ceil(count * share + half) + 1)
    below, low, high = 0.0, 0, count
    for rank in range(1, count + 1):
        below += _binomial(count, rank - 1, share)  # P(fewer than `rank` samples at or below the quantile)
        if below <= 1 - CONFIDENCE:
            low = rank
        if below >= CONFIDENCE:
            high = rank
            break
    return low, high


def _binomial(count: int, hits: int, share: float) -> float:
    chosen = math.lgamma(count + 1) - math.lgamma(hits + 1) - math.lgamma(count - hits + 1)
    return math.exp(chosen + hits * math.log(share) + (count - hits) * math.log1p(-share))


def wilson(good: int, count: int) -> Estimate | None:
    """Return a share with its Wilson 95% interval; None if nothing was counted."""
    if not count:
        return None
    share = good / count
    scale = 1 + _Z**2 / count
    middle = (share + _Z**2 / (2 * count)) / scale
    half = _Z / scale * math.sqrt(share * (1 - share) / count + _Z**2 / (4 * count**2))
    return Estimate(share, max(0.0, middle - half), min(1.0, middle + half))


def mean_of_batches(batches: Sequence[float]) -> Estimate:
    """Return the mean of equal batches with the 95% interval of Student's t; no interval for a single one."""
    count = len(batches)
    mean = sum(batches) / count
    if count < 2:
        return Estimate(mean)
    spread = math.sqrt(sum((one - mean) ** 2 for one in batches) / (count - 1))
    half = (_T[count - 2] if count - 1 <= len(_T) else _Z) * spread / math.sqrt(count)
    return Estimate(mean, mean - half, mean + half)


def is_within(estimate: Estimate, share: float) -> bool:
    """Whether the half width of the interval is at most `share` of the value."""
    if estimate.low is None or estimate.high is None or estimate.value <= 0:
        return False
    return (estimate.high - estimate.low) / 2 <= share * estimate.value
