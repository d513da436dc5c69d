"""The whole report on one page: nothing is cut, loaded or executed."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape
from typing import Final

from bandplan.report.alert import alerts
from bandplan.report.endpoint import EndpointChange
from bandplan.report.endpoint_side import Side
from bandplan.report.finding import ReportFinding
from bandplan.report.html.style import STYLE
from bandplan.report.line import Cell, endpoint_lines, models_told, move_line, name_cell, rollout_cell, short_size
from bandplan.report.number import amount, count, signed
from bandplan.report.offline import OFFLINE
from bandplan.report.price import Prices
from bandplan.report.sentence import ARROW, Run, money_range, stack_sentence, whole_sentence
from bandplan.report.stack import StackReport
from bandplan.report.totals import Summary, together
from bandplan.wire.capacity import UNITS
from bandplan.wire.prices import HOURS_PER_MONTH

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def html(reports: Sequence[StackReport]) -> str:
    """Build the page, ending with a line feed."""
    title = f"Throughput: {', '.join(report.title for report in reports[:3])}"
    body = "\n".join(_body(reports))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title[:120])}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _body(reports: Sequence[StackReport]) -> Iterator[str]:
    yield "<h1>Throughput changes</h1>"
    if len(reports) > 1:
        whole = together(report.summary for report in reports)
        yield f"<p>{_cell(whole_sentence(len(reports), whole))}</p>"
        yield _tiles(whole)
    for report in reports:
        yield from _stack(report)
    prices = next((report.prices for report in reports if report.prices is not None), None)
    yield f'<p class="soft">{_footnote(prices)}</p>'


def _stack(report: StackReport) -> Iterator[str]:
    yield f"<h2>{escape(report.title)}</h2>"
    yield f"<p>{_cell(stack_sentence(report.title, report.stack, report.summary))}</p>"
    if report.summary.status not in ("unchanged", "failed") or report.endpoints:
        yield _tiles(report.summary)
    yield f"<p>{_cell(alerts(report))}</p>"
    if report.is_offline:
        yield f'<p class="soft">{OFFLINE}</p>'
    yield _notes([one for one in report.findings if one.kind in ("error", "violation")])
    if report.endpoints:
        yield _table(report)
    told = models_told(report.endpoints)
    untold = [move_line(move, with_model=True) for move in report.models if move.model not in told]
    if untold:
        yield f"<ul>{''.join(f'<li>{_cell(line.runs)}</li>' for line in untold)}</ul>"
    unchanged = () if report.summary.status == "failed" else report.unchanged
    yield _fold("warning", "warnings", report.cautions)
    yield _fold("check deferred until up", "checks deferred until up", report.of_kind("deferred"))
    yield _fold("waiver in force", "waivers in force", report.of_kind("waiver"))
    yield _list(count(len(report.quiet), "change") + " below the thresholds", map(_quiet, report.quiet))
    yield _list(count(sum(report.others.values()), "step") + " on other resources", _others(report))
    yield _list(count(len(unchanged), "endpoint") + " unchanged", map(_unchanged, unchanged))


_TILES: Final = tuple(
    (f"{figure.title}, {unit.label}" if unit.is_range else figure.title, figure)
    for unit in UNITS
    for figure in dict.fromkeys((unit.low, unit.high))
)
"""The title of each tile of the totals, and its figure."""


def _tiles(summary: Summary) -> str:
    before, after = summary.before, summary.after
    tiles = []
    for name, figure in _TILES:
        moved: int = getattr(summary.change, figure.name)
        was_and_is = ""
        if before is not None and after is not None:
            was, will_be = getattr(before, figure.name), getattr(after, figure.name)
            if not (moved or will_be):
                continue
            was_and_is = f"{amount(was)} {ARROW} {amount(will_be)}"
        tiles.append(_tile(name, signed(moved), was_and_is, is_still=not moved))
    if summary.money is not None:
        month = f"{money_range(summary.money.per_month)} per month"
        name = f"{escape(summary.currency)} per hour, floor to ceiling"
        is_still = not (summary.money.floor or summary.money.ceiling)
        tiles.append(_tile(name, money_range(summary.money), month, is_still))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def _tile(name: str, moved: str, below: str, is_still: bool) -> str:
    still = " still" if is_still else ""
    inner = f'<span class="name">{name}</span><b>{moved}</b><span class="from">{below}</span>'
    return f'<div class="tile{still}">{inner}</div>'


def _table(report: StackReport) -> str:
    blocked = {finding.endpoint for finding in report.of_kind("violation")}
    tokens = max((_ceiling(side) for change in report.endpoints for side in (change.before, change.after)), default=0)
    rows = "".join(_row(change, report, change.name in blocked, tokens) for change in report.endpoints)
    headings = "<th>endpoint</th><th>change</th><th></th><th>rollout</th>"
    return f'<div class="table"><table><thead><tr>{headings}</tr></thead><tbody>{rows}</tbody></table></div>'


def _row(change: EndpointChange, report: StackReport, is_blocked: bool, most: int) -> str:
    first, *others = (_cell(line.runs) for line in endpoint_lines(change, report))
    lines = f"<div>{first}</div>" + "".join(f'<div class="part">{line}</div>' for line in others)
    kind = ' class="stops"' if change.rollout.stops_serving else ""
    rollout = _cell(rollout_cell(change))
    name = _cell(name_cell(change, is_blocked))
    return f"<tr><td>{name}</td><td>{lines}</td><td>{_bars(change, most)}</td><td{kind}>{rollout}</td></tr>"


def _bars(change: EndpointChange, most: int) -> str:
    """Draw before above after, each from floor to ceiling, on one scale for the whole table."""
    parts = []
    for side, name in ((change.before, "was"), (change.after, "will")):
        if side is not None and side.floor_tokens_per_second is not None and _ceiling(side):
            left, width = (100 * value / most for value in (side.floor_tokens_per_second, _ceiling(side)))
            parts.append(f'<i class="{name}" style="left:{left:.1f}%;width:{width - left:.1f}%"></i>')
    return f'<div class="bars">{"".join(parts)}</div>' if parts else ""


def _ceiling(capacity: Side | None) -> int:
    return 0 if capacity is None else capacity.ceiling_tokens_per_second or 0


def _notes(found: Iterable[ReportFinding]) -> str:
    items = "".join(f'<li class="{finding.kind}">{_finding(finding)}</li>' for finding in found)
    return f'<ul class="notes">{items}</ul>' if items else ""


def _fold(noun: str, nouns: str, found: Sequence[ReportFinding]) -> str:
    return _list(count(len(found), noun, nouns), map(_finding, found))


def _list(title: str, items: Iterable[str]) -> str:
    inner = "".join(f"<li>{item}</li>" for item in items)
    return f"<details><summary>{title}</summary><ul>{inner}</ul></details>" if inner else ""


def _finding(finding: ReportFinding) -> str:
    rule = f"<b>{escape(finding.id)}</b> " if finding.id else ""
    endpoint = f"<code>{escape(finding.endpoint)}</code> " if finding.endpoint else ""
    if finding.waiver is not None:
        waiver = finding.waiver
        by = f" by {escape(waiver.owner)}" if waiver.owner else ""
        return f"{rule}{endpoint}waived until <b>{escape(waiver.expires)}</b>{by}: {escape(waiver.reason)}"
    return f"{rule}{endpoint}{escape(finding.text)}"


def _quiet(change: EndpointChange) -> str:
    return f"{_unchanged(change.before or change.latest)} {ARROW} {short_size(change.latest)}"


def _others(report: StackReport) -> Iterable[str]:
    return (f"{escape(operation)}: {number:,}" for operation, number in report.others.items())


def _unchanged(capacity: Side) -> str:
    return f"<code>{escape(capacity.name)}</code> {short_size(capacity)}"


def _cell(cell: Cell) -> str:
    return "".join(_run(run) for run in cell)


def _run(run: Run) -> str:
    text = escape(run.text)
    if run.is_foreign and run.is_strong:
        return f"<code>{text}</code>"
    return f"<b>{text}</b>" if run.is_strong else text


def _footnote(prices: Prices | None) -> str:
    sizes = "Tokens/s count input and output together, from floor to ceiling."
    note = f"{sizes} Bars: grey is the current size, blue the new one."
    if prices is None:
        return note
    source = f" ({escape(prices.source)})" if prices.source else ""
    file = escape(prices.file.rsplit("/", 1)[-1])
    money = f"Money is the cost of floor and ceiling at the prices in {file}{source}"
    return f"{note} {money}; a month is {HOURS_PER_MONTH} h."
