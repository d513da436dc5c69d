"""The report as a JSON document, for programs; docs/report.md describes it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from fractions import Fraction
from typing import Any, Final

from bandplan.report.endpoint import EndpointChange
from bandplan.report.endpoint_side import Side
from bandplan.report.finding import ReportFinding
from bandplan.report.price import Money
from bandplan.report.stack import Bill, StackReport
from bandplan.report.totals import Summary, decimal_text, together
from bandplan.wire.capacity import FIGURES, UNITS, Totals
from bandplan.wire.endpoint import StepOfRollout
from bandplan.wire.names import to_property_name
from bandplan.wire.planned import write_planned
from bandplan.wire.prices import HOURS_PER_MONTH

VERSION: Final = 1


def document(reports: Sequence[StackReport]) -> dict[str, Any]:
    """Build the document. Tokens per second are input and output together; money is per hour, as decimal strings; null
    means absent.
    """
    return {
        "version": VERSION,
        "hoursPerMonth": HOURS_PER_MONTH,
        "summary": summary_document(together([report.summary for report in reports])),
        "stacks": [_stack(report) for report in reports],
    }


def document_text(reports: Sequence[StackReport]) -> str:
    # No indent: with one, Python's encoder takes a quarter of a second for a thousand endpoints.
    return json.dumps(document(reports), ensure_ascii=False) + "\n"


def summary_document(summary: Summary) -> dict[str, Any]:
    return {
        "status": summary.status,
        "changedEndpoints": summary.changed,
        "endpoints": summary.endpoints,
        "before": _totals(summary.before),
        "after": _totals(summary.after),
        "change": _totals(summary.change),
        "moneyChange": _money(summary.money),
        "currency": summary.currency or None,
        "unpricedEndpoints": summary.unpriced,
        "unsizedEndpoints": summary.unsized,
        "unmovedEndpoints": summary.unmoved,
        "totalsUnknown": summary.is_outdated,
    }


def _stack(report: StackReport) -> dict[str, Any]:
    quiet = {change.urn for change in report.quiet}
    return {
        "title": report.title,
        "stack": report.stack,
        "project": report.project,
        "offline": report.is_offline,
        "summary": summary_document(report.summary),
        "endpoints": [
            _endpoint(change, report.bills.get(change.urn), change.urn in quiet)
            for change in (*report.endpoints, *report.quiet)
        ],
        "models": [asdict(move) for move in report.models],
        "findings": [_finding(finding) for finding in report.findings],
        "unchanged": [capacity.name for capacity in report.unchanged],
        "otherSteps": dict(report.others),
    }


def _endpoint(change: EndpointChange, bill: Bill | None, is_quiet: bool) -> dict[str, Any]:
    return {
        "name": change.name,
        "urn": change.urn,
        "quiet": is_quiet,
        "rollout": {
            "kind": change.rollout.kind,
            "stopsServing": change.rollout.stops_serving,
            "because": list(change.rollout.because),
            "consequence": change.rollout.consequence,
        },
        "before": _capacity(change.before),
        "after": _capacity(change.after),
        "also": list(change.also),
        "money": None
        if bill is None
        else {"before": _money(bill.before), "after": _money(bill.after), "change": _money(bill.change)},
    }


def _capacity(capacity: Side | None) -> dict[str, Any] | None:
    if capacity is None:
        return None
    return {
        "family": capacity.family,
        **_figures(capacity),
        "chunkTokensPerSecond": capacity.chunk_tokens_per_second,
        "bands": None if capacity.bands is None else {"min": capacity.bands[0], "max": capacity.bands[1]},
        **{to_property_name(unit.accepted): getattr(capacity, unit.accepted) for unit in UNITS},
        "stepOfRollout": None if capacity.step_of_rollout is None else _step(capacity.step_of_rollout),
        "burst": capacity.burst,
        "demandTokensPerSecond": _number(capacity.demand_tokens_per_second),
        "headroom": capacity.headroom,
        "entities": [
            {
                "servedName": entity.served_name,
                "model": entity.model,
                "version": entity.version,
                "alias": entity.alias,
                "trafficPercent": entity.traffic_percent,
                **_figures(entity),
                "planned": write_planned(entity.planned),
            }
            for entity in capacity.entities
        ],
    }


def _finding(finding: ReportFinding) -> Mapping[str, Any]:
    waiver = finding.waiver
    return {
        "kind": finding.kind,
        "id": finding.id or None,
        "endpoint": finding.endpoint or None,
        "text": finding.text or None,
        "waiver": None if waiver is None else asdict(waiver),
    }


def _totals(totals: Totals | None) -> dict[str, Any] | None:
    return None if totals is None else _figures(totals)


def _figures(sized: Any) -> dict[str, Any]:
    return {figure.property_name: getattr(sized, figure.name) for figure in FIGURES}


def _number(value: Fraction | None) -> float | None:
    if value is None:
        return None
    return value.numerator if value.denominator == 1 else float(value)


def _step(step: StepOfRollout) -> dict[str, Any]:
    return {name: value for name, value in asdict(step).items() if name != "from_model"}


def _money(money: Money | None) -> dict[str, str] | None:
    return None if money is None else {"floor": decimal_text(money.floor), "ceiling": decimal_text(money.ceiling)}
