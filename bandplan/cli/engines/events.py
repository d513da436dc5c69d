"""What a run of the `pulumi` CLI reports in its event log.

Source: sdk/go/common/apitype/events.go in github.com/pulumi/pulumi (`--event-log`, read 2026-11), the file that
Pulumi's Automation API also reads.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bandplan.cli.engines.event_document import is_standing_component, standing_step
from bandplan.wire import types as wire_types


@dataclass(frozen=True)
class Events:
    """The events of one run. `changes`: operation -> number of resources, without unchanged ones.

    `outputs`: the stack's outputs as this run leaves (or would leave) them; `old_outputs`: as it found them.
    `policy_events`: policy findings in the log's form. `types`: types of the declared resources. `standing`: steps of
    unchanged components, in the form of a preview's document. `is_update`: an update began. The log keeps the last of
    the two runs of `up`, and a preview marks its steps as planned.
    """

    changes: dict[str, int] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    old_outputs: dict[str, Any] = field(default_factory=dict)
    has_summary: bool = False
    policy_events: tuple[dict[str, Any], ...] = ()
    types: frozenset[str] = frozenset()
    standing: tuple[dict[str, Any], ...] = ()
    is_update: bool = False

    @property
    def is_unchanged(self) -> bool:
        """Whether nothing is left to do; False for a truncated log."""
        return self.has_summary and not self.changes and self.outputs == self.old_outputs


def read_events(lines: Iterable[str]) -> Events:
    """Read the events of one run, one JSON object per line; a truncated line ends the log."""
    changes: dict[str, int] = {}
    outputs: dict[str, Any] = {}
    old_outputs: dict[str, Any] = {}
    has_summary = False
    policy_events: list[dict[str, Any]] = []
    types: set[str] = set()
    standing: list[dict[str, Any]] = []
    is_update = False
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            break
        match event:
            case {"resourcePreEvent": dict(step)} if not step.get("planning"):
                is_update = True
            case {"summaryEvent": {"isPreview": False}}:
                is_update = True
        match event:
            case {"summaryEvent": {"resourceChanges": dict(counts)}}:
                has_summary = True
                changes = {op: count for op, count in counts.items() if op != "same" and count}
            case {"resOutputsEvent": {"metadata": {"type": wire_types.STACK, "new": new, "old": old}}}:
                outputs = (new or {}).get("outputs") or {}
                old_outputs = (old or {}).get("outputs") or {}
            case {"resourcePreEvent": {"metadata": {"type": str(declared)} as metadata}}:
                types.add(declared)
                if is_standing_component(metadata):
                    standing.append(standing_step(metadata))
            case {"policyEvent": dict(policy)}:
                policy_events.append(policy)
    return Events(
        changes, outputs, old_outputs, has_summary, tuple(policy_events), frozenset(types), tuple(standing), is_update
    )
