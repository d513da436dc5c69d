"""The documentation's own arithmetic: one request, a batch job, and how far an endpoint really scaled."""

from typing import Literal

from bandplan.planner.load import Shape
from bandplan.planner.published import BANDS_SHAPE, IN_FLIGHT_PER_CHUNK

Than = Literal["longer", "shorter", "about as long", "not known"]


def request_seconds(shape: Shape, tokens_per_second: float) -> float:
    """Return the naive seconds of one request: its tokens over the endpoint's tokens/s (2304 / 2304 = 1 s)."""
    return shape.total / tokens_per_second


def batch_seconds(rows: int, shape: Shape, tokens_per_second: float) -> float:
    """Return the naive seconds of a batch job (1000 rows x 3500 / 3500 = 1000 s)."""
    return rows * request_seconds(shape, tokens_per_second)


def batch_takes(shape: Shape) -> Than:
    """Return how a batch job compares with its naive seconds: by whether both averages are above the reference shape or
    both below. Mixed shapes are not covered by the documentation."""
    more = (shape.input_tokens > BANDS_SHAPE.input_tokens, shape.output_tokens > BANDS_SHAPE.output_tokens)
    less = (shape.input_tokens < BANDS_SHAPE.input_tokens, shape.output_tokens < BANDS_SHAPE.output_tokens)
    if not any((*more, *less)):
        return "about as long"
    if any(more) and any(less):
        return "not known"
    return "longer" if any(more) else "shorter"


def real_tokens_per_second(provisioned_concurrency: float, smallest_band: float) -> float:
    """Return the tokens/s that an endpoint really scaled to (8 x 850 / 4 = 1700)."""
    return provisioned_concurrency * smallest_band / IN_FLIGHT_PER_CHUNK
