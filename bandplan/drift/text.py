"""The result for people: endpoint by endpoint, and the next steps. Pure."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from bandplan.drift.endpoint import EndpointReport
from bandplan.drift.finding import FieldFinding, Pending, Verdict
from bandplan.drift.stack import StackReport
from bandplan.serving.spec.problem import clipped, printable

_ALWAYS_SHOWN = (Verdict.REAL, Verdict.OURS, Verdict.UNMANAGED)
_MOST_NAMES = 20
_MOST_CHARACTERS = 100

_SITUATIONS = {
    "missing": "missing: deployed, but no longer in the workspace",
    "recreated": "recreated: another endpoint has this name",
    "unreadable": "could not be read",
    "not deployed": "not deployed yet (a pending change, not drift)",
    "begun": "begun",
    "exists, not in the stack": "exists in the workspace, but not in the stack (not drift)",
}


def text(report: StackReport, *, shows_all: bool = False, shows_steps: bool = True) -> str:
    """Format the report; `shows_all` includes fields that are not drift (defaults, autoscaler) and endpoints in step.

    `shows_steps`: end with the next steps.
    """
    lines = [_headline(report)]
    for endpoint in report.endpoints:
        lines += _endpoint(endpoint, shows_all)
    for model in report.models:
        lines += ["", f"{printable(model.name)}: changed manually", *(_changed(finding) for finding in model.findings)]
    if report.unmanaged:
        lines += [
            "",
            f"in the workspace, but not in this stack (not drift): {_names([one.name for one in report.unmanaged])}",
        ]
    steps = list(_next_steps(report)) if shows_steps else []
    return "\n".join([*lines, *(["", *steps] if steps else [])])


def _headline(report: StackReport) -> str:
    parts = [
        f"{len(report.drifted)} of {_counted(len(report.endpoints), 'endpoint')} drifted"
        if report.drifted
        else f"no drift in {_counted(len(report.endpoints), 'endpoint')}"
    ]
    if report.models:
        parts.append(f"{_counted(len(report.models), 'model version or alias', 'model versions or aliases')} drifted")
    if report.pending:
        parts.append(f"{len(report.pending)} with pending changes in models.yaml")
    if report.unreadable:
        parts.append(f"{len(report.unreadable)} could not be read")
    if report.unmanaged:
        parts.append(f"{len(report.unmanaged)} unmanaged")
    return f"stack {report.stack} at {report.host}: {', '.join(parts)}"


def _endpoint(report: EndpointReport, shows_all: bool) -> Iterator[str]:
    hidden = report.of(Verdict.UNVERIFIABLE)
    shown = [finding for finding in report.findings if shows_all or finding.verdict in _ALWAYS_SHOWN]
    shown = [finding for finding in shown if finding.verdict is not Verdict.UNVERIFIABLE]
    is_told = (
        bool(report.own_update)
        or report.has_drifted
        or report.has_pending
        or report.situation != "deployed"
        or report.condition != "ready"
    )
    if not is_told and not shown and not hidden:
        return
    yield ""
    yield f"{report.name}: {_verdict(report)}"
    for finding in shown:
        yield _changed(finding)
    for change in report.pending:
        yield _waiting(change)
    if report.is_leaving:
        yield "  it is no longer in models.yaml: the next `up` deletes it"
    if hidden:
        names = ", ".join(f"{printable(finding.field)} ({finding.note})" for finding in hidden)
        yield f"  cannot be verified: {names}"


def _verdict(report: EndpointReport) -> str:
    reason = f": {printable(report.reason)}" if report.reason else ""
    if report.own_update and not report.of(Verdict.REAL) and report.condition in ("ready", "updating"):
        return f"being changed by {printable(report.own_update)} (not drift){reason}"
    if report.situation != "deployed":
        return _SITUATIONS[report.situation] + reason
    if report.condition != "ready":
        return report.condition + reason
    if report.has_drifted:
        return "changed manually"
    return "pending changes in models.yaml (not drift)" if report.has_pending else "in step"


def _changed(finding: FieldFinding) -> str:
    kind = "" if finding.verdict is Verdict.REAL else f" ({finding.verdict.value})"
    note = f"; {finding.note}" if finding.note else ""
    return f"  {printable(finding.field)}: deployed {_value(finding.deployed)}, now {_value(finding.live)}{kind}{note}"


def _waiting(change: Pending) -> str:
    return (
        f"  {printable(change.field)}: deployed {_value(change.deployed)}, models.yaml "
        f"{_value(change.wanted)} (pending)"
    )


def _next_steps(report: StackReport) -> Iterator[str]:
    option = "" if report.stack == "local" else f" --stack {report.stack}"
    if report.drifted or report.models:
        also = "; this also applies the pending changes" if report.pending else ""
        if report.on_compute:
            which = ", ".join(printable(one.name) for one in report.on_compute)
            yield f"first `bandplan up{option}`: a refresh now would keep the throughput of {which} from coming back"
        yield f"to restore what was deployed: `bandplan up --refresh{option}`{also}"
        yield f"to keep the live values: declare them in models.yaml, then run `bandplan refresh{option}`"
    elif any(one.own_update for one in report.endpoints):
        yield (
            f"to finish the running update: wait for its `up`, or run `bandplan up{option}` again if it was interrupted"
        )
    elif report.pending:
        yield f"to apply the pending changes: `bandplan up{option}`"
    if report.unreadable:
        yield "some endpoints could not be read: ask for CAN_VIEW on them, then run `bandplan drift` again"
    names = [*(one.name for one in report.to_adopt), *(one.name for one in report.unmanaged)]
    if names:
        which = names[0] if len(names) == 1 else "NAME"
        yield f"to take over endpoints that are not in the stack: `bandplan adopt {which}{option}`"


def _value(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return clipped(printable(value), _MOST_CHARACTERS) or '""'
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return clipped(printable(json.dumps(value, ensure_ascii=False, default=str)), _MOST_CHARACTERS)


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMES:,} more" if len(names) > _MOST_NAMES else ""
    return ", ".join(printable(name) for name in names[:_MOST_NAMES]) + more


def _counted(count: int, one: str, several: str = "") -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"
