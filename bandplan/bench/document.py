"""`bench.json`: the one writer of a curve, and the one reader of what `bench compare` needs of it.

`schemas/bench.schema.json` tells the same shape.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bandplan.bench.curve import Curve
from bandplan.bench.histogram import BASE, SMALLEST
from bandplan.bench.lengths import Length
from bandplan.bench.level import Distribution, Point, Slo
from bandplan.bench.problem import BenchProblem
from bandplan.bench.statistics import Estimate
from bandplan.whole_file import replace_file

VERSION: Final = 1


def document(curve: Curve) -> dict[str, Any]:
    """Return the curve in the form of its schema."""
    return {
        "version": VERSION,
        "endpoint": {
            "name": curve.name,
            "model": curve.model,
            "served": curve.served,
            "task": curve.task,
            "address": curve.address,
            "route": curve.route,
            "streamed": curve.streamed,
        },
        "started_at": curve.started_at,
        "seconds": round(curve.seconds, 3),
        "source": "bandplan",
        "client": curve.client,
        "seed": curve.seed,
        "load": {
            "mode": curve.mode,
            "arrivals": curve.arrivals,
            "burstiness": curve.burstiness,
            "input_tokens": _length(curve.input),
            "output_tokens": _length(curve.output),
        },
        "token_source": curve.token_source,
        "slo": _slo(curve.slo),
        "stopped": curve.stopped,
        "plateau": curve.plateau,
        "curve": [point_document(one) for one in curve.points],
    }


def point_document(point: Point) -> dict[str, Any]:
    return {
        "parallel": point.parallel,
        "offered_requests_per_second": point.offered,
        "valid": point.is_valid,
        "notes": [*point.invalid, *point.notes],
        "converged": point.is_converged,
        "window_seconds": round(point.window.seconds, 6),
        "requests": {"sent": sum(point.counts.values()), **point.counts},
        "mean_input_tokens": point.mean_input,
        "mean_output_tokens": point.mean_output,
        "asked_output_tokens": point.asked_output,
        "requests_per_second": point.requests_per_second,
        "output_tokens_per_second": _estimate(point.output),
        "total_tokens_per_second": _estimate(point.total),
        "ttft_seconds": _distribution(point.ttft),
        "tpot_seconds": _distribution(point.tpot),
        "itl_seconds": _distribution(point.itl),
        "latency_seconds": _distribution(point.latency),
        "scheduled_latency_seconds": _distribution(point.scheduled_latency),
        "goodput_requests_per_second": point.goodput,
        "attainment": _estimate(point.attainment),
        "chunks_in_use": [{"seconds": round(at, 3), "chunks": count} for at, count in point.chunks],
        "client_lag_p99_seconds": point.client.lag_p99_seconds,
        "client_cpu": point.client.cpu,
        "client_processes": point.client.processes,
    }


def write_whole(path: Path, text: str) -> None:
    """Write a file so that a reader sees all of it or what was there before. Errors: BenchProblem."""
    try:
        replace_file(path, text.encode("utf-8"))
    except OSError as error:
        raise BenchProblem(
            f"{path}: cannot be written: {error.strerror}; name a file in a folder that exists and can be written"
        ) from error


def write_document(path: Path, curve: Curve) -> None:
    write_whole(path, json.dumps(document(curve), indent=1, allow_nan=False) + "\n")


def read_document(path: Path) -> dict[str, Any]:
    """Read a file of this format as plain values. Errors: BenchProblem with place, rule and next step."""
    step = "run `bandplan bench` to make one, or `bandplan bench import` for results of AIPerf or vLLM"
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BenchProblem(f"{path}: {error.strerror}; {step}") from error
    except (ValueError, RecursionError) as error:
        raise BenchProblem(f"{path}: not JSON: {error}; {step}") from error
    if not isinstance(found, dict) or found.get("version") != VERSION or not isinstance(found.get("curve"), list):
        raise BenchProblem(f"{path}: not a version {VERSION} curve; {step}")
    for place, point in enumerate(found["curve"]):
        rate = point.get("output_tokens_per_second") if isinstance(point, Mapping) else None
        if not isinstance(rate, Mapping) or not _is_number(rate.get("value")):
            raise BenchProblem(f"{path}: curve[{place}].output_tokens_per_second.value: must be a number; {step}")
    return found


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _length(length: Length) -> dict[str, float]:
    return {"mean": length.mean, "spread": length.spread}


def _slo(slo: Slo | None) -> dict[str, float] | None:
    return None if slo is None else {name: value for name, value in asdict(slo).items() if value is not None}


def _estimate(estimate: Estimate | None) -> dict[str, float | None] | None:
    return None if estimate is None else {"value": estimate.value, "low": estimate.low, "high": estimate.high}


def _distribution(found: Distribution | None) -> dict[str, Any] | None:
    if found is None:
        return None
    counts = {str(bucket): count for bucket, count in sorted(found.histogram.counts.items())}
    return {
        "samples": found.samples,
        "mean": found.mean,
        **{name: _estimate(estimate) for name, estimate in found.percentiles.items()},
        "histogram": {"smallest": SMALLEST, "base": BASE, "counts": counts, "infinite": found.histogram.infinite},
    }
