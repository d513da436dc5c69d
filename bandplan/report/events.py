"""Policy findings from the engine's event log, which the JSON of a preview lacks.

`pulumi preview --event-log FILE` (with PULUMI_DEBUG_COMMANDS=true) writes one JSON object per line.
Source: `PolicyEvent` in sdk/go/common/apitype/events.go in github.com/pulumi/pulumi (read 2026-11).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bandplan.report.reading import Reading

WHAT: Final = "an engine event log with one JSON object per line"


@dataclass(frozen=True, slots=True)
class PolicyEvent:
    """A policy that a resource violates; the first line of `message` is the policy's description."""

    policy: str
    urn: str
    message: str
    is_mandatory: bool


def read_events(text: str, reading: Reading) -> tuple[PolicyEvent, ...]:
    """Read the policy events of a log; a truncated last line ends it."""
    found = []
    lines = text.splitlines()
    for number, line in enumerate(lines, start=1):
        if '"policyEvent"' not in line and line.startswith("{"):
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            if number < len(lines):
                reading.note(f"line {number}", f"not JSON; expected {WHAT}")
            continue
        if not isinstance(event, dict):
            reading.note(f"line {number}", f"not an object; expected {WHAT}")
        elif "policyEvent" in event:
            place = f"line {number}: policyEvent"
            found.append(policy_event(reading.record(event["policyEvent"], place), place, reading))
    return tuple(found)


def policy_event(item: Mapping[str, Any], place: str, reading: Reading) -> PolicyEvent:
    """Read one event in the event log's format."""
    policy, urn, message, level = (
        reading.text(item.get(key), f"{place}.{key}") or ""
        for key in ("policyName", "resourceUrn", "message", "enforcementLevel")
    )
    return PolicyEvent(policy or "a policy without a name", urn, message, level == "mandatory")
