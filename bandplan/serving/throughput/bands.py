"""Bands: tokens per second in whole chunks of a model."""

from __future__ import annotations

from fractions import Fraction

# Our choice: no public page gives a figure, only the advice to over-provision.
DEFAULT_HEADROOM_PERCENT = 20
# The lowest floor at which no request waits for a scale-up (S12).
AUTO_MIN_BANDS = 1


def is_multiple_of_chunk(tokens_per_second: int, chunk_tokens_per_second: int) -> bool:
    """Whether `tokens_per_second` is a whole number of chunks."""
    return tokens_per_second % chunk_tokens_per_second == 0


def nearest_multiples(tokens_per_second: int, chunk_tokens_per_second: int, least_bands: int) -> tuple[int, ...]:
    """Return the valid bounds just below and above, in order, without those under `least_bands`."""
    below = tokens_per_second // chunk_tokens_per_second
    return tuple(bands * chunk_tokens_per_second for bands in (below, below + 1) if bands >= least_bands)


def nearest_wanted(want: int, accept: int, step: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Return the valid amounts next to `want` and to `accept`; in every combination, the accepted one is less (S18)."""
    wants, accepts = (
        (amount,) if is_multiple_of_chunk(amount, step) else nearest_multiples(amount, step, 1)
        for amount in (want, accept)
    )
    wants = tuple(one for one in wants if one > accepts[0]) or wants
    return wants, tuple(one for one in accepts if one < wants[0]) or accepts


def bands_for(tokens_per_second: Fraction, headroom_percent: int, chunk_tokens_per_second: int) -> int:
    """Return the bands whose ceiling covers a demand and its headroom: the quotient rounded up, at least 1."""
    wanted = tokens_per_second * (100 + headroom_percent) / 100
    return max(AUTO_MIN_BANDS, -(-wanted.numerator // (wanted.denominator * chunk_tokens_per_second)))
