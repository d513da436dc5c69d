"""Measured levels out of the document that `bandplan bench` writes (schemas/bench.schema.json)."""

from collections.abc import Mapping
from typing import Any

from bandplan.planner.law import Point
from bandplan.planner.load import Shape


class BadCurve(ValueError):
    """The document is not a curve to plan with; the message says why and what to do."""


def points_of(document: Any) -> list[Point]:
    """Return the valid levels of a closed loop, all of the shape of the whole run. Errors: BadCurve."""
    if not isinstance(document, Mapping) or document.get("version") != 1:
        raise BadCurve("not a version 1 curve; write it with `bandplan bench`")
    levels = document.get("curve")
    if not isinstance(levels, list):
        raise BadCurve("curve: missing, or not a list; write it with `bandplan bench`")
    measured = []
    for index, level in enumerate(levels):
        if not isinstance(level, Mapping):
            raise BadCurve(f"curve[{index}]: must be a mapping; write it with `bandplan bench`")
        parallel = level.get("parallel")
        if parallel is None or level.get("output_tokens_per_second") is None or level.get("valid") is False:
            continue  # an open loop, nothing measured, or a client that was too slow
        throughput = _value(level.get("output_tokens_per_second"))
        count = _positive(parallel)
        if count is None or throughput is None:
            place = f"curve[{index}]"
            raise BadCurve(f"{place}: parallel and output_tokens_per_second must be above 0; measure the level again")
        measured.append((count, throughput, level))
    if not measured:
        raise BadCurve("no valid level of a closed loop; measure a sweep with `bandplan bench`")
    shape = Shape(*(_length(document, [level for *_, level in measured], kind) for kind in ("input", "output")))
    return [Point(shape, parallel, throughput) for parallel, throughput, _ in measured]


def doubts(document: Any, model: str, chunks: int | None) -> list[str]:
    """Return what a document with points says against its being a curve of `model` with so many `chunks`, if known."""
    found = []
    endpoint = document.get("endpoint")
    measured = endpoint.get("model") if isinstance(endpoint, Mapping) else None
    if isinstance(measured, str) and measured.count(".") == 2 and measured != model:
        found.append(f"it measured {measured}, not {model}")
    seen = {
        count
        for level in document["curve"]
        if level.get("parallel") is not None and level.get("valid") is not False
        for one in level.get("chunks_in_use") or ()
        if isinstance(one, Mapping) and (count := _positive(one.get("chunks"))) is not None
    }
    if chunks is not None and seen and seen != {chunks}:
        span = " to ".join(f"{count:g}" for count in sorted({min(seen), max(seen)}))
        found.append(f"chunks in use while it was measured: {span}, not {chunks:,}")
    return found


def _length(document: Mapping[str, Any], levels: list[Mapping[str, Any]], kind: str) -> float:
    """Return the mean length that was measured, else the one asked for."""
    means = [level.get(f"mean_{kind}_tokens") for level in levels]
    known = [mean for mean in map(_positive, means) if mean is not None]
    if known:
        return round(sum(known) / len(known), 1)
    load = document.get("load")
    asked = load.get(f"{kind}_tokens") if isinstance(load, Mapping) else None
    mean = _positive(asked.get("mean") if isinstance(asked, Mapping) else None)
    if mean is None:
        raise BadCurve(f"the mean {kind} tokens are not in it (mean_{kind}_tokens, load); measure with output forced")
    return mean


def _value(estimate: Any) -> float | None:
    return _positive(estimate.get("value") if isinstance(estimate, Mapping) else estimate)


def _positive(value: Any) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and 0 < value < 1e12 else None
