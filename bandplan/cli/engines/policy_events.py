"""Policy findings as `policyEvents` of a preview's JSON document, identical for both engines."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

KEYS: Final = ("policyPackName", "policyName", "resourceUrn", "message", "enforcementLevel")
"""Keys kept of an event in Pulumi's log; the others are the same for all events, or concern the display."""


def with_policy_events(text: str, events: Iterable[Mapping[str, Any]]) -> str:
    """Add the log's events to the text of `pulumi preview --json`; return it unchanged if there are none or it is not
    JSON.
    """
    found = in_order({key: event.get(key, "") for key in KEYS} for event in events)
    if not found:
        return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return json.dumps({**document, "policyEvents": found}, indent=4) + "\n"


def in_order(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort events as Pulumi's display does: mandatory first, then by policy and resource."""
    return sorted(
        events, key=lambda one: (one["enforcementLevel"] != "mandatory", one["policyName"], one["resourceUrn"])
    )
