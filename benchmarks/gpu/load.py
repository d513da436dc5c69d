"""The load of a measurement, and what its token times say."""

import random
import string
from collections.abc import Sequence
from dataclasses import dataclass, replace

WARM_UP_TOKENS = 8
"""Length of the answers before those that are measured. Arbitrary."""


@dataclass(frozen=True)
class Load:
    """`batch` requests at once, each with a prompt of its own of `input_tokens` and an answer of `output_tokens`."""

    batch: int
    input_tokens: int
    output_tokens: int

    @property
    def context(self) -> float:
        """Tokens before the one that is generated, on average over an answer."""
        return self.input_tokens + self.output_tokens / 2

    @property
    def warm_up(self) -> "Load":
        """The same load with short answers, to be sent first."""
        return replace(self, output_tokens=min(WARM_UP_TOKENS, self.output_tokens))

    def prompt(self, number: int) -> str:
        """Return a prompt that shares no beginning with the others, so that no cache helps.

        A word of four letters is one token of random weights, which have no tokenizer.
        """
        drawn = random.Random(number)
        return " ".join("".join(drawn.choices(string.ascii_lowercase, k=4)) for _ in range(self.input_tokens))


@dataclass(frozen=True)
class Speed:
    """Tokens per second while all answers were being generated, and from the first request to the last token."""

    decoding: float
    overall: float


def speed_of(sent: float, times: Sequence[Sequence[float]]) -> Speed:
    """Return the speed of answers by the times of their tokens; all requests were sent at `sent`.

    Raises ValueError if an answer has fewer than two tokens.
    """
    if any(len(one) < 2 for one in times):
        raise ValueError("an answer has fewer than two tokens")
    began, ended = max(one[0] for one in times), min(one[-1] for one in times)
    last = max(one[-1] for one in times)
    overall = sum(map(len, times)) / (last - sent)
    together = [sum(began < at <= ended for at in one) for one in times]
    # Prompts that take longer than an answer leave no time at which all are being generated.
    decoding = sum(together) / (ended - began) if ended > began and min(together) > 1 else overall
    return Speed(decoding, overall)
