"""The expected load of an entry."""

from fractions import Fraction
from typing import Annotated

from pydantic import Field

from bandplan.serving.spec.shape import IfGiven, Number, Shape, Whole


class Demand(Shape):
    """Requests per second, and the tokens of a typical request."""

    requests_per_second: Annotated[Number, Field(gt=0, le=1_000_000)] = Field(
        description="Requests per second at peak.", examples=[2]
    )
    input_tokens: Annotated[Whole, Field(ge=1, le=100_000_000)] = Field(
        description="Input tokens per request.", examples=[2048]
    )
    output_tokens: Annotated[Whole, Field(ge=0, le=100_000_000)] = Field(
        description="Output tokens per request; 0 for embeddings.", examples=[256]
    )
    latency_seconds: IfGiven[Annotated[Number, Field(gt=0)]] = Field(
        default=None, description="Seconds that a whole request may take.", examples=[4]
    )

    def exact_tokens_per_second(self) -> Fraction:
        """Return input and output tokens per second, exactly as written: 0.1 requests/s is one tenth."""
        return Fraction(repr(self.requests_per_second)) * (self.input_tokens + self.output_tokens)

    @property
    def tokens_per_second(self) -> float:
        """Input and output tokens per second."""
        return float(self.exact_tokens_per_second())
