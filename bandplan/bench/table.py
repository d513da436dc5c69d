"""A curve for a terminal: one line for each level, and a bar that grows with throughput; and the same as CSV."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Final

from bandplan.bench.curve import Curve, Fitted, rate_of
from bandplan.bench.level import Distribution, Point

_BAR: Final = 24
_COLUMNS: Final = (
    ("in flight", 9), ("requests", 9), ("output tok/s", 16), ("total tok/s", 12), ("TTFT p50", 9), ("p95", 8),
    ("TPOT p50", 9), ("latency p50", 12), ("p95", 8),
)  # fmt: skip
_DISPENSABLE: Final = (3, 8)
"""Columns that a narrow terminal does without: tokens/s with prompts, and the tail of the latency."""


def head(width: int | None = None) -> str:
    """Return the headings that fit in `width` columns; None is room enough."""
    return _row([name for name, _ in _COLUMNS], width)


def line(point: Point, largest: float, width: int | None = None) -> str:
    """Format one level; the bar is full at `largest` tokens/s, and only as wide as `width` columns leave room for.

    Notes follow on lines of their own.
    """
    load = f"{point.parallel:,}" if point.parallel is not None else f"{point.offered:.3g}/s"
    margin = "" if point.output.high is None else f" ±{point.output.high - point.output.value:,.1f}"
    latency = point.latency if point.parallel is not None else point.scheduled_latency
    cells = [
        load,
        f"{point.counts['completed']:,}",
        f"{point.output.value:,.1f}{margin}",
        f"{point.total.value:,.1f}",
        _ms(point.ttft, "p50"),
        _ms(point.ttft, "p95"),
        _ms(point.tpot, "p50"),
        _ms(latency, "p50"),
        _ms(latency, "p95"),
    ]
    text = _row(cells, width)
    room = _BAR if width is None else max(0, min(_BAR, width - len(text) - 2))
    bar = "#" * round(room * rate_of(point) / largest) if largest > 0 else ""
    text = f"{text}  {bar}".rstrip()
    marks = [f"  not valid: {why}" for why in point.invalid] + [f"  note: {why}" for why in point.notes]
    failed, refused = point.counts["failed"], point.counts["refused"]
    if failed or refused:
        marks.append(f"  {failed:,} failed, {refused:,} refused with 429")
    if point.attainment is not None:
        share = point.attainment
        marks.append(
            f"  {share.value:.1%} kept the SLO ({share.low or 0:.1%} to {share.high or 1:.1%}), "
            f"goodput {point.goodput or 0:,.2f} requests/s"
        )
    return "\n".join([text, *marks])


def _row(cells: Sequence[str], width: int | None) -> str:
    """Align the cells of the columns that fit."""
    whole = sum(room + 1 for _, room in _COLUMNS) - 1
    left_out = _DISPENSABLE if width is not None and width < whole else ()
    return " ".join(
        cell.rjust(room)
        for index, (cell, (_, room)) in enumerate(zip(cells, _COLUMNS, strict=True))
        if index not in left_out
    )


def summary(curve: Curve, law: Fitted | None = None) -> str:
    """Return what the levels say together, and what each figure means."""
    found = [f"stopped: {curve.stopped}"]
    if curve.plateau:
        found.append(f"plateau at {curve.plateau:,} in flight")
    if law is not None:
        limit = "no limit seen" if law.limit is None else f"{law.limit:,.0f} tokens/s at the limit"
        half = "" if law.half is None else f", half of it with {law.half:,.1f} in flight"
        found.append(f"fitted C / (t0 + s C): {limit}{half}")
    in_use = [count for one in curve.points for _, count in one.chunks]
    if in_use:
        found.append(f"chunks in use: {min(in_use):g}" + (f" to {max(in_use):g}" if min(in_use) < max(in_use) else ""))
    if curve.slo is not None:
        best = curve.chosen
        found.append(
            "no valid level kept the SLO"
            if best is None
            else f"best goodput: {best.goodput or 0:,.2f} requests/s at "
            + (f"{best.parallel:,} in flight" if best.parallel is not None else f"{best.offered:.3g} requests/s")
        )
    found.append(
        f"tokens counted by: {COUNTED[curve.token_source]}; output tok/s: answers only; total tok/s: also prompts; "
        "-: too few samples (p95 needs 59, p99 299)"
    )
    return "\n".join(found)


COUNTED: Final = {
    "usage": "the server's usage",
    "tokenize": "/stub/tokenize",
    "tokenizer": "the tokenizer file",
    "asked": "nobody: lengths are those requested",
}

COLUMNS: Final = (
    "parallel", "offered_requests_per_second", "valid", "converged", "completed", "failed", "refused",
    "requests_per_second", "output_tokens_per_second", "total_tokens_per_second", "goodput_requests_per_second",
    *(f"{kind}_{name}_seconds" for kind in ("ttft", "tpot", "itl", "latency", "scheduled_latency")
      for name in ("mean", "p50", "p95", "p99")),
)  # fmt: skip


def csv_text(points: Iterable[Point]) -> str:
    """Return a row for each level; a cell without a figure is empty."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in points:
        row: list[object] = [
            one.parallel,
            one.offered,
            str(one.is_valid).lower(),
            str(one.is_converged).lower(),
            one.counts["completed"],
            one.counts["failed"],
            one.counts["refused"],
            one.requests_per_second,
            one.output.value,
            one.total.value,
            one.goodput,
        ]
        for found in (one.ttft, one.tpot, one.itl, one.latency, one.scheduled_latency):
            row += _seconds(found)
        writer.writerow(["" if value is None else value for value in row])
    return out.getvalue()


def _seconds(found: Distribution | None) -> Sequence[float | None]:
    if found is None:
        return (None,) * 4
    estimates = (found.percentiles[name] for name in ("p50", "p95", "p99"))
    return (found.mean, *(None if one is None else one.value for one in estimates))


def _ms(found: Distribution | None, name: str) -> str:
    estimate = found.percentiles[name] if found else None
    if estimate is None:
        return "-"
    seconds = estimate.value
    return (
        f"{seconds:,.2f} s"
        if seconds >= 10
        else f"{seconds * 1000:,.0f} ms"
        if seconds >= 0.1
        else f"{seconds * 1000:.1f} ms"
    )
