"""One stack as Markdown: a heading, the sentence, what stops the change, the table, then what is folded."""

from collections.abc import Iterable, Iterator, Sequence

from bandplan.report.alert import alerts
from bandplan.report.endpoint import EndpointChange
from bandplan.report.endpoint_side import Side
from bandplan.report.finding import ReportFinding
from bandplan.report.line import Cell, endpoint_lines, models_told, move_line, name_cell, rollout_cell, short_size
from bandplan.report.markdown.escaping import code, escaped
from bandplan.report.number import count
from bandplan.report.sentence import ARROW, Run, stack_sentence
from bandplan.report.stack import StackReport
from bandplan.wire.text import one_line

HEADINGS = ("| endpoint | change | rollout |", "|---|---|---|")
OPEN_KINDS = ("error", "violation")
MOST_OPEN = 10
MOST_OPEN_WARNINGS = 3
"""Most findings shown unfolded; a choice."""


def section(report: StackReport) -> str:
    """Build the whole section, however long; without changes it is one line."""
    sentence = runs(stack_sentence(report.title, report.stack, report.summary))
    is_short = report.summary.status in ("unchanged", "quiet")
    parts: list[str] = [sentence]
    parts += [line] if (line := runs(alerts(report))) else []
    if is_short:
        said = report.of_kind("advisory")
        return (
            "\n\n".join([*parts, _fold(count(len(said), "policy warning"), map(_finding, said))]) if said else sentence
        )
    grave, cautions = [one for one in report.findings if one.kind in OPEN_KINDS], report.cautions_of_change
    parts += _open_list([*grave, *(cautions if len(cautions) <= MOST_OPEN_WARNINGS else ())])
    if report.endpoints:
        parts.append("\n".join([*HEADINGS, *_table(report)]))
    told = models_told(report.endpoints)
    untold = [move_line(move, with_model=True) for move in report.models if move.model not in told]
    if untold:
        parts.append("\n".join(f"- {runs(line.runs)}" for line in untold))
    return "\n\n".join([*parts, *_folds(report)])


def runs(cell: Cell) -> str:
    """Format runs as Markdown, escaping foreign text and showing names as code."""
    return "".join(_run(run) for run in cell)


def _run(run: Run) -> str:
    """Format one run. White space stays outside strong text, which Markdown would not recognise otherwise."""
    inner = run.text.strip()
    lead, _, trail = run.text.partition(inner) if inner else (run.text, "", "")
    text = (code if run.is_strong else escaped)(inner) if run.is_foreign else inner
    whole = f"{lead}**{text}**{trail}" if run.is_strong and inner else f"{lead}{text}{trail}"
    return whole if run.is_foreign else whole.replace("\n", "<br>")


def _open_list(found: Sequence[ReportFinding]) -> list[str]:
    if not found:
        return []
    shown = [f"- {_finding(finding)}" for finding in found[:MOST_OPEN]]
    texts = ["\n".join(shown)]
    if len(found) > MOST_OPEN:
        texts.append(_fold(f"{len(found) - MOST_OPEN:,} more", [_finding(one) for one in found[MOST_OPEN:]]))
    return texts


_SIGNS = {"error": "❌", "violation": "⛔", "advisory": "⚠️", "warning": "⚠️", "deferred": "🕒", "waiver": "📝"}


def _finding(finding: ReportFinding) -> str:
    endpoint = f" {code(one_line(finding.endpoint, 100))}" if finding.endpoint else ""
    rule = f" **{escaped(one_line(finding.id, 100))}**" if finding.id else ""
    if finding.waiver is not None:
        waiver = finding.waiver
        by = f" by {escaped(waiver.owner)}" if waiver.owner else ""
        return f"📝{rule}{endpoint} waived until **{escaped(waiver.expires)}**{by}: {escaped(waiver.reason)}"
    text = "<br>".join(escaped(line) for line in finding.text.split("\n") if line.strip())
    return f"{_SIGNS[finding.kind]}{rule}{endpoint}{':' if rule or endpoint else ''} {text}"


def _table(report: StackReport) -> Iterator[str]:
    blocked = {finding.endpoint for finding in report.of_kind("violation")}
    for change in report.endpoints:
        lines = "<br>".join(runs(line.runs) for line in endpoint_lines(change, report))
        name = runs(name_cell(change, change.name in blocked))
        yield f"| {name} | {lines} | {runs(rollout_cell(change))} |"


def _folds(report: StackReport) -> list[str]:
    here, elsewhere = report.cautions_of_change, report.cautions_elsewhere
    folded = here if len(here) > MOST_OPEN_WARNINGS else ()
    unchanged = () if report.summary.status == "failed" else report.unchanged
    folds = [
        (count(len(folded), "warning"), map(_finding, folded)),
        (count(len(report.of_kind("deferred")), "check") + " deferred", map(_finding, report.of_kind("deferred"))),
        (count(len(report.of_kind("waiver")), "waiver") + " in force", map(_finding, report.of_kind("waiver"))),
        (f"{count(len(elsewhere), 'warning')} about endpoints that do not change", map(_finding, elsewhere)),
        (f"{count(len(report.quiet), 'change')} below the thresholds", map(_quiet, report.quiet)),
        (_others_title(report), (f"{operation}: {number:,}" for operation, number in report.others.items())),
        (f"{count(len(unchanged), 'endpoint')} unchanged", map(_unchanged, unchanged)),
    ]
    return [_fold(title, lines) for title, lines in folds if title[:1] not in ("0", "")]


def _others_title(report: StackReport) -> str:
    return f"{count(sum(report.others.values()), 'step')} on other resources" if report.others else ""


def _fold(title: str, lines: Iterable[str]) -> str:
    return "\n".join([f"<details><summary>{title}</summary>", "", *(f"- {line}" for line in lines), "", "</details>"])


def _quiet(change: EndpointChange) -> str:
    return f"{_unchanged(change.before or change.latest)} {ARROW} {short_size(change.latest)}"


def _unchanged(capacity: Side) -> str:
    return f"{code(one_line(capacity.name, 100))} {short_size(capacity)}"
