"""The file that `stop_if` of a rollout reads, written from a measured level."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bandplan.bench.curve import Curve
from bandplan.bench.document import write_whole
from bandplan.bench.level import Point
from bandplan.bench.problem import BenchProblem


def measured_point(curve: Curve) -> Point | None:
    """The level to judge by: the chosen one, else the last that is valid."""
    valid = [one for one in curve.points if one.is_valid]
    return curve.chosen or (valid[-1] if valid else None)


def write_measured(path: Path, curve: Curve, now: datetime | None = None) -> None:
    """Put this endpoint's measurement into the file and keep those of others. Errors: BenchProblem."""
    point = measured_point(curve)
    if point is None:
        raise BenchProblem(f"{path}: not written: no level is valid; see the notes of the levels")
    if curve.served is None:
        raise BenchProblem(f"{path}: not written: which served entity answered is not known; name one with --served")
    document = _existing(path)
    measured: dict[str, Any] = {
        "measured_at": (now or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "window_minutes": round(point.window.seconds / 60, 3),
        "requests": sum(count for outcome, count in point.counts.items() if outcome != "unfinished"),
        "errors": point.counts["failed"],
    }
    ttft = point.ttft.percentiles["p95"] if point.ttft else None
    if ttft is not None:
        measured |= {"ttft_seconds": round(ttft.value, 6), "percentile": 95}
    document["endpoints"].setdefault(curve.name, {})[curve.served] = measured
    write_whole(path, json.dumps(document, indent=1) + "\n")


def _existing(path: Path) -> dict[str, Any]:
    if not path.exists():
        return {"version": 1, "endpoints": {}}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise BenchProblem(f"{path}: cannot be added to: {error}; name another file") from error
    if not isinstance(found, dict) or found.get("version") != 1 or not isinstance(found.get("endpoints"), dict):
        raise BenchProblem(f"{path}: not a file of measured use of version 1; name another file")
    return found
