"""Lengths of prompts and answers: fixed, drawn, or taken from a trace."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

LONGEST: Final = 10_000_000
"""Tokens; no model takes more."""


@dataclass(frozen=True, slots=True)
class Length:
    """Tokens with a mean and a standard deviation; drawn from a normal distribution and cut off at `least`."""

    mean: float
    spread: float = 0.0

    def draw(self, random: Random, least: int = 1) -> int:
        if not self.spread:
            return max(least, round(self.mean))
        return max(least, round(random.gauss(self.mean, self.spread)))


def length_of(values: Sequence[int]) -> Length:
    """Return the mean and the standard deviation of lengths."""
    mean = sum(values) / len(values)
    return Length(mean, (sum((one - mean) ** 2 for one in values) / len(values)) ** 0.5)


def parse_length(text: str) -> Length:
    """Parse `2048`, or `2048:512` for a mean and a spread. Errors: ValueError with the rule."""
    mean_text, _, spread_text = text.partition(":")
    try:
        mean, spread = float(mean_text), float(spread_text or 0)
    except ValueError:
        raise ValueError(
            f"'{text}' is not a length; write tokens such as 2048, or mean and spread as 2048:512"
        ) from None
    if not 0 <= mean <= LONGEST or not 0 <= spread <= LONGEST:
        raise ValueError(f"'{text}': a length is 0 to {LONGEST:,} tokens")
    return Length(mean, spread)
