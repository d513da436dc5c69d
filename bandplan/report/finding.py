"""What a preview says besides its steps: errors, policy violations, warnings, deferred checks, waivers.

The program writes warnings and waived warnings as one line each, in the format of `bandplan validate`:
`models.yaml:103:5: floor-zero models/embeddings/throughput: finding; rule; next step`.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

from bandplan.report.endpoint import EndpointChange, owner_urn
from bandplan.report.endpoint_side import Side, Waiver
from bandplan.report.events import PolicyEvent
from bandplan.report.preview import Diagnostic, Preview
from bandplan.wire.text import one_line
from bandplan.wire.types import MODEL_VERSION
from bandplan.wire.urn import parse_urn

Kind = Literal["error", "violation", "advisory", "warning", "deferred", "waiver"]

MOST_OF_A_TEXT: Final = 600

_PROBLEM = re.compile(
    r"(?P<place>\S+:\d+:\d+): (?:(?:warning|error) )?(?P<id>[\w-]+) "
    r"models/(?P<endpoint>[^/:\s]++)[^:\s]*+: (?P<text>.+)",
    re.DOTALL,
)
_WAIVED = re.compile(
    r"\S+:\d+:\d+: waived (?P<id>[\w-]+) models/(?P<endpoint>[^/:\s]++)[^:\s]*+: .+?; "
    r"waived until (?P<expires>\d{4}-\d\d-\d\d) by (?P<owner>(?:[^:]|:(?! )){0,1000}+): (?P<reason>.*)",
    re.DOTALL,
)
"""Pattern of a waived finding. The first `waived until` counts: a reason is free text and may contain another."""

_OF_ENTRY = re.compile(r"models/(?P<endpoint>[A-Za-z0-9_-]{1,63}): ")
OF_THE_STUB = re.compile(r"using pulumi-resource-\S+ from \$PATH at ")
"""Pulumi's note about a plugin found on PATH, such as that of the local workspace; it contains a path of this machine.
"""

ENDS: Final = ("preview failed", "an unhandled error occurred: program exited with non-zero exit code")
"""Messages with which an engine ends when the reason is in another message."""


@dataclass(frozen=True, slots=True)
class ReportFinding:
    """One finding. `endpoint` is empty if it concerns the whole stack; `id` if it has none."""

    kind: Kind
    text: str
    endpoint: str = ""
    id: str = ""
    waiver: Waiver | None = None


def findings(
    preview: Preview,
    events: Iterable[PolicyEvent],
    changes: Sequence[EndpointChange],
    unchanged: Iterable[Side] = (),
) -> tuple[ReportFinding, ...]:
    """Return every finding once, the most severe first, then by endpoint."""
    names = {change.urn: change.name for change in changes}
    found = [
        *(_of_policy(event, preview, names) for event in (*preview.policy_events, *events)),
        *(_of_waiver(change.name, waiver) for change in changes for waiver in _waivers(change)),
        *(_of_waiver(capacity.name, waiver) for capacity in unchanged for waiver in capacity.waivers),
    ]
    said = [_of_diagnostic(diagnostic, preview, names) for diagnostic in preview.diagnostics]
    found += [finding for finding in said if finding is not None]
    distinct = dict.fromkeys(_with_reason(found))
    return tuple(sorted(distinct, key=lambda one: (_GRAVITY[one.kind], one.endpoint, one.id)))


_GRAVITY: Final[Mapping[Kind, int]] = {kind: place for place, kind in enumerate(get_args(Kind))}


def _waivers(change: EndpointChange) -> tuple[Waiver, ...]:
    return change.after.waivers if change.after is not None else ()


def _of_policy(event: PolicyEvent, preview: Preview, names: Mapping[str, str]) -> ReportFinding:
    """Convert a policy event. The first line of its message is the policy's description; the rest is the finding."""
    description, _, rest = event.message.strip().partition("\n")
    endpoint = _endpoint_of(event.urn, preview, names)
    text = _cut((rest.strip() or description).removeprefix(f"{endpoint}: "))
    kind: Kind = "violation" if event.is_mandatory else "advisory"
    return ReportFinding(kind, text, endpoint, event.policy)


def _of_waiver(endpoint: str, waiver: Waiver) -> ReportFinding:
    return ReportFinding("waiver", "", endpoint, waiver.policy, waiver)


def _of_diagnostic(diagnostic: Diagnostic, preview: Preview, names: Mapping[str, str]) -> ReportFinding | None:
    message = diagnostic.message.strip()
    waived = _WAIVED.fullmatch(message)
    if waived is not None:
        owner, reason = one_line(waived["owner"], 300), one_line(waived["reason"], 300)
        return _of_waiver(waived["endpoint"], Waiver(waived["id"], waived["expires"], owner, reason))
    if diagnostic.severity not in ("warning", "error"):
        return None
    kind: Kind = "error" if diagnostic.severity == "error" else "warning"
    message = message.removeprefix(f"{kind}: ")
    if OF_THE_STUB.match(message):
        return None
    problem = _PROBLEM.fullmatch(message)
    if problem is not None and "\n" not in message:
        return ReportFinding(kind, _cut(f"{problem['text']} ({problem['place']})"), problem["endpoint"], problem["id"])
    named = _OF_ENTRY.match(message)
    endpoint = named["endpoint"] if named is not None else _endpoint_of(diagnostic.urn, preview, names)
    text = message.removeprefix("models/").removeprefix(f"{endpoint}: ") if endpoint else message
    parts = parse_urn(diagnostic.urn)
    if kind == "warning" and named is not None and parts is not None and parts.type == MODEL_VERSION:
        kind = "deferred"  # a warning to an entry about a version that does not exist yet
    return ReportFinding(kind, _cut(text, keep_lines=kind == "error"), endpoint)


def _endpoint_of(urn: str, preview: Preview, names: Mapping[str, str]) -> str:
    owner = owner_urn(urn, preview.steps) if urn else None
    parts = parse_urn(owner) if owner is not None else None
    return "" if owner is None or parts is None else names.get(owner, parts.name)


def _with_reason(found: list[ReportFinding]) -> list[ReportFinding]:
    """Drop errors that only report that there was an error, unless nothing else gives a reason."""
    reasons = [one for one in found if one.kind == "violation" or (one.kind == "error" and not _is_an_end(one))]
    return [one for one in found if not (reasons and _is_an_end(one))]


def _is_an_end(finding: ReportFinding) -> bool:
    return finding.kind == "error" and finding.text.startswith(ENDS)


def _cut(text: str, keep_lines: bool = False) -> str:
    if not keep_lines:
        return one_line(text, MOST_OF_A_TEXT)
    return text if len(text) <= MOST_OF_A_TEXT * 2 else text[: MOST_OF_A_TEXT * 2 - 3] + "..."
