"""The result as JSON, for CI and programs. docs/drift.md describes its shape; `format` changes with it."""

from typing import Any

from bandplan.drift.endpoint import EndpointReport
from bandplan.drift.finding import FieldFinding
from bandplan.drift.stack import StackReport

FORMAT = 1


def document(report: StackReport) -> dict[str, Any]:
    """Convert every endpoint of models.yaml and of the state, including those in step."""
    return {
        "format": FORMAT,
        "stack": report.stack,
        "workspace": report.host,
        "drift": report.has_drifted,
        "summary": {
            "endpoints": len(report.endpoints),
            "drifted": len(report.drifted),
            "pending": len(report.pending),
            "unreadable": len(report.unreadable),
            "unmanaged": len(report.unmanaged),
            "models": len(report.models),
        },
        "endpoints": [_endpoint(one) for one in report.endpoints],
        "models": [{"name": one.name, "fields": [_field(field) for field in one.findings]} for one in report.models],
        "unmanaged": [{"name": one.name, "id": one.id} for one in report.unmanaged],
    }


def _endpoint(report: EndpointReport) -> dict[str, Any]:
    return {
        "name": report.name,
        "situation": report.situation,
        "condition": report.condition,
        "reason": report.reason,
        "drift": report.has_drifted,
        "fields": [_field(finding) for finding in report.findings],
        "pending": [
            {"field": change.field, "deployed": change.deployed, "wanted": change.wanted} for change in report.pending
        ],
        "leaving": report.is_leaving,
        "own_update": report.own_update,
    }


def _field(finding: FieldFinding) -> dict[str, Any]:
    return {
        "field": finding.field,
        "verdict": finding.verdict.value,
        "deployed": finding.deployed,
        "live": finding.live,
        "note": finding.note,
    }
