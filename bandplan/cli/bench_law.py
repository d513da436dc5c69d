"""The planner's law through the levels of a benchmark, for its summary and its page."""

from collections.abc import Sequence

from bandplan.bench.curve import Fitted
from bandplan.planner.law import NoLaw, fit_levels


def fitted_law(levels: Sequence[tuple[int, float]]) -> Fitted | None:
    """Return the law of (requests in flight, tokens/s) levels; None if they are too few or do not follow it."""
    try:
        law = fit_levels(levels)
    except NoLaw:
        return None
    limit, half = (1 / law.a, law.t0 / law.a) if law.a > 0 else (None, None)
    return Fitted(lambda parallel: law.throughput(law.shape, parallel), limit, half)
