"""A curve as one HTML file that loads nothing: plots, table, and what each figure is."""

from collections.abc import Iterator
from html import escape
from typing import Final

from bandplan.bench.curve import Curve, Fitted, rate_of
from bandplan.bench.histogram import BASE, SMALLEST
from bandplan.bench.level import Distribution, Point
from bandplan.bench.measured import measured_point
from bandplan.bench.plot import Plot
from bandplan.bench.table import COUNTED

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1f2328;--dim:#636c76;--line:#d1d9e0;--paper:#fff;--card:#f6f8fa;
--a:#0969da;--b:#bc4c00;--c:#1a7f37;--bad:#cf222e}
@media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9198a1;--line:#3d444d;--paper:#0d1117;--card:#151b23;
--a:#4493f8;--b:#f0883e;--c:#3fb950;--bad:#f85149}}
body{font:14px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif;color:var(--ink);background:var(--paper);
max-width:1180px;margin:24px auto;padding:0 20px}
h1{font-size:22px;margin:0 0 4px}p{margin:4px 0 12px}.dim{color:var(--dim)}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:16px;margin:16px 0}
figure{margin:0;padding:12px;background:var(--card);border:1px solid var(--line);border-radius:8px}
figcaption{font-weight:600;margin-bottom:6px}svg{width:100%;height:auto;display:block}
svg text{fill:var(--dim);font-size:11px}svg .label{fill:var(--ink)}
.grid{stroke:var(--line)}polyline{fill:none;stroke-width:2}
.a{stroke:var(--a)}circle.a,rect.a{fill:var(--a);stroke:none}.b{stroke:var(--b)}circle.b,rect.b{fill:var(--b);stroke:none}
.c{stroke:var(--c)}.fit{stroke:var(--dim);stroke-dasharray:5 4}
.slo{stroke:var(--bad);stroke-dasharray:6 4;stroke-width:1.5}
circle.bad{fill:var(--bad)}circle.chosen{fill:none;stroke:var(--c);stroke-width:3;r:8px}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:6px 10px;border-bottom:1px solid var(--line);text-align:right}th{font-weight:600}
th:first-child,td:first-child,.notes{text-align:left}td{white-space:nowrap}
td.notes{color:var(--bad);white-space:normal;padding-top:0}
.notes span{position:sticky;left:10px;display:inline-block;max-width:calc(100vw - 60px)}
tr.noted td{border-bottom:0;padding-bottom:2px}
.scroll{overflow-x:auto}.key{font-size:12px;color:var(--dim);margin:6px 0 0}
.key span{white-space:nowrap;margin-right:10px}
.key .a{color:var(--a)}.key .b{color:var(--b)}.key .c{color:var(--c)}.key .bad{color:var(--bad)}
@media (max-width:600px){body{margin:16px auto;padding:0 12px}svg text{font-size:14px}th,td{padding:6px}}
"""


_EXPLAINED: Final = (
    "Output tokens/s count answers only, total tokens/s also prompts; both over the steady window, with "
    "95% intervals. Percentiles need samples: 59 for p95, 299 for p99. Failed and refused requests count as "
    "infinitely late."
)


def page(curve: Curve, law: Fitted | None = None) -> str:
    """Return the whole file."""
    title = escape(f"{curve.name}: throughput and latency")
    lengths = f"prompts of {curve.input.mean:,.0f}, answers of {curve.output.mean:,.0f} tokens"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><h1>{title}</h1>"
        f'<p class="dim">{escape(curve.model or curve.task)} at {escape(curve.address)} · {escape(curve.mode)} · '
        f"{lengths} · {escape(curve.started_at)} · stopped: {escape(curve.stopped)}</p>"
        f"{_findings(curve, law)}"
        f'<div class="plots">{"".join(_plots(curve, law))}</div>{_table(curve)}'
        f'<p class="dim">Tokens are counted by {escape(COUNTED[curve.token_source])}. {_EXPLAINED}</p></body></html>\n'
    )


def _findings(curve: Curve, law: Fitted | None) -> str:
    found = []
    if curve.plateau:
        found.append(f"plateau at {curve.plateau:,} in flight")
    if law is not None and law.limit is not None:
        found.append(f"fitted limit {law.limit:,.0f} tokens/s, half of it with {law.half or 0:,.1f} in flight")
    if curve.slo is not None:
        best = curve.chosen
        found.append(
            "no valid level kept the SLO" if best is None else f"best goodput {best.goodput or 0:,.2f} requests/s"
        )
    return f"<p>{escape('; '.join(found))}</p>" if found else ""


def _plots(curve: Curve, law: Fitted | None) -> Iterator[str]:
    if not curve.points:
        return
    if any(one.parallel for one in curve.points):
        yield _throughput(curve, law)
    yield _latency(curve)
    shown = measured_point(curve) or curve.points[-1]
    at = f"{shown.parallel:,} in flight" if shown.parallel is not None else f"{shown.offered:.3g} requests/s"
    if shown.ttft is not None:
        yield _distribution(f"Time to first token at {at}", shown.ttft, "a")
    if shown.tpot is not None:
        yield _distribution(f"Time per output token at {at}", shown.tpot, "b")
    if shown.timeline:
        yield _timeline(f"Timeline at {at}", shown)


def _throughput(curve: Curve, law: Fitted | None) -> str:
    points = [one for one in curve.points if one.parallel]
    most = max(one.parallel or 0 for one in points)
    top = max([*(one.output.high or one.output.value for one in points), *(rate_of(one) for one in points)])
    if law is not None:
        top = max(top, law.at(most))
    word = "output tokens/s" if any(one.output.value for one in points) else "tokens/s"
    plot = Plot("Throughput by requests in flight", ("requests in flight", most), (word, top * 1.05))
    if law is not None:
        plot.line([(most * step / 80, law.at(most * step / 80)) for step in range(1, 81)], "fit")
    if curve.plateau:
        plot.level(max(rate_of(one) for one in points if one.is_valid), "plateau", "fit")
    plot.line([(one.parallel or 0, rate_of(one)) for one in points], "a")
    spans = [(one.parallel or 0, one.output.low, one.output.high) for one in points]
    plot.spans([(x, low, high) for x, low, high in spans if low is not None and high is not None], "a")
    _dots(plot, [(one.parallel or 0, rate_of(one), one) for one in points], curve.chosen)
    fitted = [("dim", "- -", "fitted law")] if law is not None else []
    plot.key([("a", "●", "measured, with its 95% interval"), *fitted, *_dot_keys(curve)])
    return plot.svg()


def _dot_keys(curve: Curve) -> Iterator[tuple[str, str, str]]:
    if any(not one.is_valid for one in curve.points):
        yield "bad", "●", "not valid"
    if curve.chosen is not None:
        yield "c", "○", "chosen"


def _latency(curve: Curve) -> str:
    rows = []
    for one in curve.points:
        found = one.scheduled_latency
        middle = found.percentiles["p50"] if found else None
        late = found.percentiles["p95"] if found else None
        x = one.parallel if one.parallel is not None else one.offered or 0
        rows.append((x, middle.value if middle else None, late.value if late else None, one))
    slo = curve.slo.latency_seconds if curve.slo else None
    top = max([slo or 0, *(value for _, *both, _ in rows for value in both if isinstance(value, float))], default=1)
    name = "requests in flight" if any(one.parallel for one in curve.points) else "requests/s offered"
    plot = Plot(
        "Latency from the scheduled time: p50 and p95", (name, max(row[0] for row in rows)), ("seconds", top * 1.1)
    )
    if slo:
        plot.level(slo, f"SLO {slo:g} s", "slo")
    plot.line([(x, value) for x, value, _, _ in rows if value is not None], "a")
    plot.line([(x, value) for x, _, value, _ in rows if value is not None], "b")
    _dots(plot, [(x, value, one) for x, value, _, one in rows if value is not None], curve.chosen)
    plot.points([(x, value, f"p95 {value:.3f} s") for x, _, value, _ in rows if value is not None], "b")
    has_late = any(value is not None for _, _, value, _ in rows)
    plot.key([("a", "●", "p50"), *([("b", "●", "p95")] if has_late else []), *_dot_keys(curve)])
    return plot.svg()


def _dots(plot: Plot, rows: list[tuple[float, float, Point]], chosen: Point | None) -> None:
    for x, y, one in rows:
        plot.points([(x, y, f"{x:g}: {y:,.4g}")], "a" if one.is_valid else "bad")
        if one is chosen:
            plot.points([(x, y, "chosen")], "chosen")


def _distribution(title: str, found: Distribution, kind: str) -> str:
    """Draw milliseconds in 40 equal bars, up to a limit that nearly all of them keep."""
    counts = sorted(found.histogram.counts.items())
    total = sum(count for _, count in counts)
    seen, most = 0, 0.0
    for bucket, count in counts:
        seen += count
        most = SMALLEST * BASE ** (bucket + 1) * 1000
        if seen >= 0.995 * total:
            break
    bars = [0] * 40
    for bucket, count in counts:
        middle = SMALLEST * BASE ** (bucket + 0.5) * 1000
        bars[min(39, int(middle / most * 40))] += count
    plot = Plot(title, ("ms", most), ("samples", max(bars)))
    plot.bars([(most * place / 40, most * (place + 1) / 40, count) for place, count in enumerate(bars) if count], kind)
    return plot.svg()


def _timeline(title: str, point: Point) -> str:
    """Draw output tokens/s, and requests in flight and chunks in use, each scaled to the same height."""
    most_rate = max(rate for _, rate, _ in point.timeline) or 1.0
    most_flight = max(flight for _, _, flight in point.timeline) or 1
    most_chunks = max((count for _, count in point.chunks), default=0)
    plot = Plot(title, ("seconds", point.timeline[-1][0]), ("output tokens/s", most_rate))
    plot.key([("a", "■", "output tokens/s"), ("b", "—", f"in flight, up to {most_flight:,}")])
    if most_chunks:
        plot.key([("c", "—", f"chunks in use, up to {most_chunks:g}")])
    step = point.timeline[1][0] - point.timeline[0][0] if len(point.timeline) > 1 else 1.0
    plot.bars([(at, at + step, rate) for at, rate, _ in point.timeline], "a")
    plot.line([(at, flight / most_flight * most_rate * 0.95) for at, _, flight in point.timeline], "b")
    if most_chunks:
        end = point.timeline[-1][0] + step
        plot.line([(at, count / most_chunks * most_rate) for at, count in _stepped(point.chunks, end)], "c")
    return plot.svg()


def _stepped(seen: list[tuple[float, float]], end: float) -> Iterator[tuple[float, float]]:
    """Keep each value until the next one was seen, the first from the start and the last to the end."""
    before = seen[0][1]
    yield 0.0, before
    for at, value in seen:
        yield at, before
        yield at, value
        before = value
    yield end, before


def _table(curve: Curve) -> str:
    heads = (
        "load", "completed", "failed", "429", "output tokens/s", "total tokens/s", "requests/s", "TTFT p50", "p95",
        "TPOT p50", "p95", "latency p50", "p95", "SLO kept",
    )  # fmt: skip
    rows = "".join(_row(one) for one in curve.points)
    head = "".join(f"<th>{name}</th>" for name in heads)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(one: Point) -> str:
    load = f"{one.parallel:,}" if one.parallel is not None else f"{one.offered:.3g}/s"
    margin = "" if one.output.high is None else f" ± {one.output.high - one.output.value:,.1f}"
    cells = [
        load,
        f"{one.counts['completed']:,}",
        f"{one.counts['failed']:,}",
        f"{one.counts['refused']:,}",
        f"{one.output.value:,.1f}{margin}",
        f"{one.total.value:,.1f}",
        f"{one.requests_per_second:,.2f}",
        *(_ms(found, name) for found in (one.ttft, one.tpot, one.scheduled_latency) for name in ("p50", "p95")),
        "" if one.attainment is None else f"{one.attainment.value:.1%}",
    ]
    row = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
    told = [*(f"not valid: {why}" for why in one.invalid), *one.notes]
    if not told:
        return f"<tr>{row}</tr>"
    notes = f'<td class="notes" colspan="{len(cells)}"><span>{escape("; ".join(told))}</span></td>'
    return f'<tr class="noted">{row}</tr><tr>{notes}</tr>'


def _ms(found: Distribution | None, name: str) -> str:
    estimate = found.percentiles[name] if found else None
    return "–" if estimate is None else f"{estimate.value * 1000:,.1f} ms"
