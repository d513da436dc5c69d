"""The expected load of an entry."""

from fractions import Fraction
from typing import Annotated, Literal

from pydantic import Field

from bandplan.serving.spec.shape import IfGiven, Number, Shape, Whole


class Demand(Shape):
    """Requests per second, and the tokens of a typical request."""

    requests_per_second: Annotated[Number, Field(gt=0, le=1_000_000)] = Field(
        description="Requests per second at peak; on average if `peak_factor` is given.", examples=[2]
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
    ttft_seconds: IfGiven[Annotated[Number, Field(gt=0)]] = Field(
        default=None, description="Seconds that the first token may take.", examples=[1]
    )
    tpot_ms: IfGiven[Annotated[Number, Field(gt=0)]] = Field(
        default=None, description="Milliseconds that each output token after the first may take.", examples=[40]
    )
    latency_percentile: IfGiven[Annotated[Number, Field(ge=50, le=99.9)]] = Field(
        default=None, description="Percent of the requests that these limits hold for; 95 when left out.", examples=[95]
    )
    peak_factor: IfGiven[Annotated[Number, Field(ge=1, le=1000)]] = Field(
        default=None, description="Requests per second at peak over those on average.", examples=[3]
    )
    arrivals: IfGiven[Literal["poisson", "bursty"]] = Field(
        default=None, description="How requests arrive; poisson when left out.", examples=["bursty"]
    )
    spread_percent: IfGiven[Annotated[Number, Field(ge=0, le=500)]] = Field(
        default=None,
        description="Standard deviation of input and output tokens, in percent of their mean; 0 when left out.",
        examples=[50],
    )
    cache_hit_percent: IfGiven[Annotated[Number, Field(ge=0, le=100)]] = Field(
        default=None, description="Percent of the input tokens that are cached; 0 when left out.", examples=[30]
    )

    def exact_tokens_per_second(self) -> Fraction:
        """Return input and output tokens per second at peak, exactly as written: 0.1 requests/s is one tenth."""
        average = Fraction(repr(self.requests_per_second)) * (self.input_tokens + self.output_tokens)
        return average if self.peak_factor is None else average * Fraction(repr(self.peak_factor))

    @property
    def tokens_per_second(self) -> float:
        """Input and output tokens per second at the busiest time."""
        return float(self.exact_tokens_per_second())
