"""The expected load of an entry."""

from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from bandplan.serving.spec.shape import IfGiven, Number, Shape, Whole

LATENCY_KEYS = frozenset({"latency_seconds", "ttft_seconds", "tpot_ms"})
"""Keys of a latency target."""


class Demand(Shape):
    """Requests per second, or how many are always in flight, and the tokens of a typical request."""

    exactly_one: ClassVar[tuple[tuple[str, ...], ...]] = (("requests_per_second", "concurrent_requests"),)

    requests_per_second: IfGiven[Annotated[Number, Field(gt=0, le=1_000_000)]] = Field(
        default=None, description="Requests per second at peak; on average if `peak_factor` is given.", examples=[2]
    )
    concurrent_requests: IfGiven[Annotated[Whole, Field(ge=1, le=10_000)]] = Field(
        default=None,
        description="Requests that are always in flight: each client sends its next one when an answer ends.",
        examples=[16],
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
        default=None, description="Requests at peak over those on average.", examples=[3]
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

    def exact_tokens_per_second(self) -> Fraction | None:
        """Return input and output tokens per second at peak, exactly as written: 0.1 requests/s is one tenth.

        None for `concurrent_requests`: how many tokens these take depends on the capacity.
        """
        if self.requests_per_second is None:
            return None
        average = Fraction(repr(self.requests_per_second)) * (self.input_tokens + self.output_tokens)
        return average if self.peak_factor is None else average * Fraction(repr(self.peak_factor))

    @property
    def tokens_per_second(self) -> float | None:
        """Input and output tokens per second at the busiest time; None for `concurrent_requests`."""
        exact = self.exact_tokens_per_second()
        return None if exact is None else float(exact)

    def share_of_tokens(self, traffic_percent: int) -> Fraction | None:
        """Return the tokens per second of an entity at peak, exactly; None for `concurrent_requests`."""
        exact = self.exact_tokens_per_second()
        return None if exact is None else exact * Fraction(traffic_percent, 100)
