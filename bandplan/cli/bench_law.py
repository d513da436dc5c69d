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
    is_flat = any(parallel > law.cap for parallel, _ in levels)
    limit = law.throughput(law.shape, law.cap) if is_flat else 1 / law.a if law.a > 0 else None
    # C / (t0 + a C) is half of the limit.
    half = None if limit is None else limit / 2 * law.t0 / (1 - law.a * limit / 2)
    return Fitted(lambda parallel: law.throughput(law.shape, parallel), limit, half)
