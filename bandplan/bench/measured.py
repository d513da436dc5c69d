"""What a measured level says about one served entity, as `stop_if` of a rollout reads it from measured use."""

from datetime import UTC, datetime
from typing import Any

from bandplan.bench.curve import Curve
from bandplan.bench.level import Point
from bandplan.bench.problem import BenchProblem


def measured_point(curve: Curve) -> Point | None:
    """Return the level to judge by: the chosen one, else the last valid one."""
    valid = [one for one in curve.points if one.is_valid]
    return curve.chosen or (valid[-1] if valid else None)


def measured(curve: Curve, now: datetime | None = None) -> tuple[str, dict[str, Any]]:
    """Return (served entity, its measurement). Errors: BenchProblem if there is none."""
    point = measured_point(curve)
    if point is None:
        raise BenchProblem("no level is valid; see the notes of the levels")
    if curve.served is None:
        raise BenchProblem("it is unknown which served entity answered; name one with --served")
    found: dict[str, Any] = {
        "measured_at": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window_minutes": round(point.window.seconds / 60, 3),
        "requests": sum(count for outcome, count in point.counts.items() if outcome != "unfinished"),
        "errors": point.counts["failed"],
    }
    ttft = point.ttft.percentiles["p95"] if point.ttft else None
    if ttft is not None:
        found |= {"ttft_seconds": round(ttft.value, 6), "percentile": 95}
    return curve.served, found
