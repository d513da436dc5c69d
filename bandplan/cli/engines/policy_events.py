"""What policies found, as `policyEvents` of a preview's JSON document, the same from both engines."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

KEYS: Final = ("policyPackName", "policyName", "resourceUrn", "message", "enforcementLevel")
"""Of an event in Pulumi's log; what is left out is the same for all of them, or of the display."""


def with_policy_events(text: str, events: Iterable[Mapping[str, Any]]) -> str:
    """The text of `pulumi preview --json` with the events of its log; as it is without any, or when it is no JSON."""
    found = in_order({key: event.get(key, "") for key in KEYS} for event in events)
    if not found:
        return text
    try:
        document = json.loads(text)
    except ValueError:
        return text
    return json.dumps({**document, "policyEvents": found}, indent=4) + "\n"


def in_order(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """As Pulumi's display has them: mandatory first, then by policy and resource."""
    return sorted(
        events, key=lambda one: (one["enforcementLevel"] != "mandatory", one["policyName"], one["resourceUrn"])
    )
