"""Correct counts of tokens after the fact: an engine may report its own count when its answer has ended."""

from collections.abc import Iterable
from typing import Protocol


class Counts(Protocol):
    """Tokens counted in one span of time."""

    input_tokens: int
    output_tokens: int


def recount(newest_first: Iterable[Counts], input_tokens: int, output_tokens: int) -> None:
    """Add tokens to the newest span; take those that are negative from the newest spans that have any, none below 0."""
    for span in newest_first:
        more_input, more_output = max(input_tokens, -span.input_tokens), max(output_tokens, -span.output_tokens)
        span.input_tokens += more_input
        span.output_tokens += more_output
        input_tokens -= more_input
        output_tokens -= more_output
        if not input_tokens and not output_tokens:
            return
