"""A run's events as the JSON document of `pulumi preview --json`.

Source: pkg/backend/display/json.go and sdk/go/common/display in github.com/pulumi/pulumi (read 2026-11).
"""

from typing import Any, Final

from bandplan.embedded.events import (
    Diagnosed,
    Event,
    Finished,
    PolicyViolated,
    Started,
    StepBegan,
    StepEnded,
    StepFailed,
)
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.values import to_json

_HIDDEN: Final = frozenset({Op.CREATE_REPLACEMENT, Op.IMPORT_REPLACEMENT, Op.DELETE_REPLACED})
"""Steps behind a `replace`, which is shown instead."""


class Digest:
    """Collects events; `document` is the JSON document of the events so far."""

    def __init__(self) -> None:
        """Start without events."""
        self._config: dict[str, str] = {}
        self._is_refresh = False
        self._steps: list[Step] = []
        self._standing: list[Step] = []
        self._places: dict[str, int] = {}
        self._diagnostics: list[dict[str, Any]] = []
        self._policy_events: list[dict[str, Any]] = []
        self._duration_nanoseconds = 0
        self._changes: dict[str, int] = {}

    def take(self, event: Event) -> None:
        """Add one event."""
        match event:
            case Started(kind=kind, config=config):
                self._is_refresh = kind == "refresh"
                self._config = config
            case StepBegan(step=step) if is_shown(step):
                self._places[step.urn] = len(self._steps)
                self._steps.append(step)
            case StepBegan(step=step) if is_standing_component(step):
                self._standing.append(step)
            case StepEnded(step=step) if self._is_refresh and step.op in (Op.UPDATE, Op.DELETE):
                # A refresh first reports that it reads, then replaces that with what it found.
                if step.urn in self._places:
                    self._steps[self._places[step.urn]] = step
            case StepFailed(step=step, message=message):
                self._diagnostics.append({"urn": step.urn, "message": f"error: {message}\n", "severity": "error"})
            case Diagnosed(severity=severity, message=message, urn=urn):
                entry = {"urn": urn} if urn else {}
                prefix = "" if severity == "info" else f"{severity}: "
                self._diagnostics.append({**entry, "message": f"{prefix}{message}\n", "severity": severity})
            case PolicyViolated():
                self._policy_events.append(policy_event_json(event))
            case Finished(changes=changes, seconds=seconds):
                self._changes = changes
                self._duration_nanoseconds = round(seconds * 1e9)

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document; empty keys are left out, as in Pulumi."""
        whole = {
            "config": self._config,
            "steps": [*map(step_json, self._steps), *map(standing_json, self._standing)],
            "diagnostics": self._diagnostics,
            "policyEvents": in_order(self._policy_events),
            "duration": self._duration_nanoseconds,
            "changeSummary": dict(sorted(self._changes.items())),
        }
        return {key: value for key, value in whole.items() if value}


def is_shown(step: Step) -> bool:
    """Report whether readers see the step.

    Hidden are steps of default providers, steps behind a replacement, and unchanged resources unless their protection
    changes; the stack is always shown.
    """
    state = step.resource
    if state.is_provider or step.op in _HIDDEN:
        return False
    is_protection_changed = step.old is not None and step.new is not None and step.old.protect != step.new.protect
    return step.op is not Op.SAME or state.is_stack or is_protection_changed


def is_standing_component(step: Step) -> bool:
    """Report whether the step leaves a component unchanged; readers need the figures that it states."""
    return step.op is Op.SAME and not step.resource.custom and not step.resource.is_stack


def standing_json(step: Step) -> dict[str, Any]:
    """Return the step of an unchanged component as `--show-sames` shows it, without its equal old state."""
    state = step.resource
    kept = {"urn": state.urn, "custom": False, "type": state.type, "inputs": state.inputs, "parent": state.parent}
    return {"op": step.op.value, "urn": step.urn, "newState": to_json(kept), "detailedDiff": None}


def step_json(step: Step) -> dict[str, Any]:
    """Return one step of the document. As in the real engine, a new state has no outputs before its step begins."""
    entry: dict[str, Any] = {"op": step.op.value, "urn": step.urn}
    if step.resource.provider:
        entry["provider"] = step.resource.provider
    if step.old is not None:
        entry["oldState"] = to_json(step.old.to_json())
    if step.new is not None and step.op is not Op.DELETE:
        entry["newState"] = to_json(_unrealised(step).to_json())
    if step.diffs:
        entry["diffReasons"] = step.diffs
    if step.replace_keys:
        entry["replaceReasons"] = step.replace_keys
    detailed = step.detailed_diff
    entry["detailedDiff"] = (
        {key: {"kind": diff.kind, "inputDiff": diff.input_diff} for key, diff in sorted(detailed.items())}
        if detailed is not None
        else None
    )
    return entry


def _unrealised(step: Step) -> ResourceState:
    assert step.new is not None
    return step.new if step.is_done or step.op is Op.REFRESH else step.new.changed(id="", outputs={})


def policy_event_json(event: PolicyViolated) -> dict[str, Any]:
    """Return a policy violation in the form of Pulumi's event log; Pulumi's `--json` has none."""
    return {
        "policyPackName": event.pack,
        "policyName": event.policy,
        "resourceUrn": event.urn,
        "message": event.message,
        "enforcementLevel": event.level,
    }


def in_order(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Sort policy events as Pulumi's display does: mandatory first, then by policy and resource."""
    return sorted(
        events, key=lambda one: (one["enforcementLevel"] != "mandatory", one["policyName"], one["resourceUrn"])
    )
