"""One endpoint on all three sides: where it exists, its condition, and its fields. Pure."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from bandplan.drift.begun import Begun, as_ours
from bandplan.drift.fields import field_findings
from bandplan.drift.finding import FieldFinding, Pending, Verdict
from bandplan.drift.pending import WantedEndpoint, pending_changes
from bandplan.drift.permissions import access_findings
from bandplan.drift.recorded import RecordedEndpoint
from bandplan.serving.endpoint.declared import Declared
from bandplan.serving.endpoint.foreign_capacity import compute_by_hand
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.endpoint.readiness import Failed, Ready, assess
from bandplan.serving.workspace.surveyed import Surveyed

Situation = Literal[
    "deployed", "missing", "recreated", "unreadable", "not deployed", "exists, not in the stack", "begun"
]
"""Where an endpoint exists. `begun`: an `up` of this stack is creating or deleting it, or was interrupted meanwhile."""
Condition = Literal["ready", "updating", "update failed", "not ready"]
NOTHING_BEGUN = Begun()


@dataclass(frozen=True)
class EndpointReport:
    """The findings about one endpoint, of all verdicts; `reason` says why it is not ready.

    `is_leaving`: it is deployed but no longer in models.yaml. `own_update`: the owner of an update that is not in the
    state yet, "" if there is none.
    """

    name: str
    situation: Situation
    condition: Condition = "ready"
    reason: str = ""
    findings: tuple[FieldFinding, ...] = ()
    pending: tuple[Pending, ...] = ()
    is_leaving: bool = False
    own_update: str = ""
    runs_on_compute: bool = False
    """Whether its throughput was replaced by compute, which an `up` undoes and an `up --refresh` cannot."""

    @property
    def has_drifted(self) -> bool:
        if self.situation in ("missing", "recreated"):
            return True
        return self.condition in ("update failed", "not ready") or bool(self.of(Verdict.REAL))

    @property
    def has_pending(self) -> bool:
        return bool(self.pending) or self.is_leaving or self.situation == "not deployed"

    def of(self, verdict: Verdict) -> tuple[FieldFinding, ...]:
        return tuple(finding for finding in self.findings if finding.verdict is verdict)


def endpoint_report(
    name: str,
    wanted: WantedEndpoint | None,
    recorded: RecordedEndpoint | None,
    surveyed: Surveyed,
    caller: str,
    presentable: Callable[[str], str] = str,
    begun: Begun = NOTHING_BEGUN,
) -> EndpointReport:
    """Compare one endpoint; `wanted` or `recorded` exists, or both. `presentable` prepares the platform's text for a
    message.
    """
    live = surveyed.live
    own = begun.who if name in begun.names else ""
    if own and ((recorded is None and live is not None) or (recorded is not None and live is None)):
        return EndpointReport(name, "begun", own_update=own)
    if recorded is None:
        return EndpointReport(name, "not deployed" if live is None else "exists, not in the stack")
    pending = () if wanted is None else pending_changes(recorded, wanted)
    leaving = wanted is None
    if surveyed.refusal:
        return EndpointReport(name, "unreadable", reason=surveyed.refusal, pending=pending, is_leaving=leaving)
    if live is None:
        return EndpointReport(name, "missing", pending=pending, is_leaving=leaving)
    condition, reason = _condition(live)
    if recorded.id and live.id and recorded.id != live.id and name in begun.names:
        return EndpointReport(name, "begun", own_update=own)
    if recorded.id and live.id and recorded.id != live.id:
        reason = f"its id is {live.id}, the deployed endpoint had {recorded.id}"
        return EndpointReport(name, "recreated", "ready", reason, (), pending, leaving)
    findings = _findings(recorded, surveyed, live, caller)
    if begun.who:
        findings = as_ours(findings, [_findings(one, surveyed, live, caller) for one in begun.of(name)])
        own = own or (begun.who if any(one.verdict is Verdict.OURS for one in findings) else "")
    if condition == "update failed" and recorded.is_short_of_capacity:
        condition = "ready"  # the deployment's own attempt failed, and every `up` tries again
    compute = bool(compute_by_hand(Declared.from_inputs(recorded.declared), live))
    return EndpointReport(name, "deployed", condition, presentable(reason), findings, pending, leaving, own, compute)


def _findings(
    recorded: RecordedEndpoint, surveyed: Surveyed, live: LiveEndpoint, caller: str
) -> tuple[FieldFinding, ...]:
    return (*field_findings(recorded, live), *_access(recorded, surveyed, live, caller))


def _access(
    recorded: RecordedEndpoint, surveyed: Surveyed, live: LiveEndpoint, caller: str
) -> tuple[FieldFinding, ...]:
    if surveyed.grants is None:
        if recorded.access is None:
            return ()
        note = "this token may not read the permissions of the endpoint"
        return (FieldFinding("permissions", Verdict.UNVERIFIABLE, "(set)", None, note),)
    creator = str(surveyed.body.get("creator") or "")
    return tuple(access_findings(recorded.access, surveyed.grants, frozenset(filter(None, (caller, creator)))))


def _condition(live: LiveEndpoint) -> tuple[Condition, str]:
    verdict = assess(live)
    match verdict:
        case Ready():
            return "ready", ""
        case Failed():
            told = "; ".join(
                f"{one.served_name} {one.deployment}: {one.reason}".rstrip(": ") for one in verdict.entities
            )
            kept = "; the previous config keeps serving" if verdict.still_serves and live.has_failed_update else ""
            if live.has_failed_update:
                return "update failed", (told or verdict.text) + kept
            return "not ready", told or verdict.text
    return ("updating" if live.is_updating else "not ready"), verdict.text
