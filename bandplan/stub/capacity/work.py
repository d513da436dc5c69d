"""The work of a request, which grows faster than its number of tokens.

A request of `in` and `out` tokens is `a x in + b x out + c x out x (in + out/2)`: its prompt, its output, and the
context that each output token reads again. It is published that output costs more than input and that work is not
proportional to tokens; this formula is ours.
"""

from dataclasses import dataclass
from typing import Literal

from bandplan.stub.capacity.shape import Shape

Basis = Literal["total", "output"]


@dataclass(frozen=True, slots=True)
class Work:
    """Work per prompt token, per output token, and per token of context that an output token reads."""

    prompt: float
    output: float
    context: float

    def of(self, shape: Shape, cached_tokens: int = 0) -> float:
        """Return the work of a whole request; cached prompt tokens are read as context but not computed again."""
        return self.of_prompt(shape.input_tokens - cached_tokens) + self.of_output(shape)

    def of_prompt(self, tokens: int) -> float:
        return self.prompt * tokens

    def of_output(self, shape: Shape) -> float:
        """Return the work of all output tokens."""
        return shape.output_tokens * (self.output + self.context * (shape.input_tokens + shape.output_tokens / 2))

    def of_output_token(self, context: int, position: int) -> float:
        """Return the work of the output token at `position`, counted from 1, after `context` tokens of prompt."""
        return self.output + self.context * (context + position - 0.5)

    def scaled(self, shape: Shape, amount: float) -> "Work":
        """Return the same ratios, scaled so that a request of `shape` takes `amount` of work."""
        factor = amount / self.of(shape)
        return Work(self.prompt * factor, self.output * factor, self.context * factor)

    def calibrated(self, shape: Shape, basis: Basis) -> "Work":
        """Return the same ratios in the unit of a published figure: tokens of requests of `shape`.

        Depending on `basis`, these are all tokens or only output tokens.
        """
        return self.scaled(shape, shape.total_tokens if basis == "total" else shape.output_tokens)


def cached_tokens(prompt_tokens: int, percent: float) -> int:
    """Return the number of cached tokens in a prompt, rounded to whole tokens, at a hit rate of `percent`."""
    return int(prompt_tokens * percent / 100)


PROMPT_ALONE = Work(1.0, 0.0, 0.0)
"""Ratios of embedding models: every token is input."""
