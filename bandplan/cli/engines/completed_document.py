"""The document of `pulumi preview --json` with what only the event log has: policy findings and unchanged components.

The result is identical to that of the embedded engine.
"""

import json
from collections.abc import Iterable
from typing import Any, Final

from bandplan.cli.engines.events import Events

KEYS: Final = ("policyPackName", "policyName", "resourceUrn", "message", "enforcementLevel")
"""Keys kept of an event in Pulumi's log; the others are the same for all events, or concern the display."""


def completed_document(text: str, events: Events) -> str:
    """Complete the text of a document; return it unchanged if there is nothing to add or it is not JSON."""
    found = in_order({key: event.get(key, "") for key in KEYS} for event in events.policy_events)
    if not (found or events.standing):
        return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    steps = {"steps": [*(document.get("steps") or ()), *events.standing]} if events.standing else {}
    policies = {"policyEvents": found} if found else {}
    return json.dumps({**document, **steps, **policies}, indent=4) + "\n"


def in_order(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort events as Pulumi's display does: mandatory first, then by policy and resource."""
    return sorted(
        events, key=lambda one: (one["enforcementLevel"] != "mandatory", one["policyName"], one["resourceUrn"])
    )
