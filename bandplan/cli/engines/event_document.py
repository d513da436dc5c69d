"""Convert an event log of the `pulumi` CLI to the JSON document of `pulumi preview --json`, including policy events.

The log has everything that `--json` has, also for updates, and leaves the terminal display intact. Secrets are masked
in it. Source of both shapes: sdk/go/common/apitype/events.go and pkg/display/json.go in github.com/pulumi/pulumi (read
2026-11).
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

from bandplan.wire.types import PROVIDER_PREFIX, STACK

_HIDDEN: Final = frozenset({"create-replacement", "import-replacement", "delete-replaced", "discard-replaced"})
"""Steps that belong to a `replace`, which is shown."""


def event_document(lines: Iterable[str]) -> dict[str, Any]:
    """Build the document for the last run of the log, which may hold a preview and its update; a truncated line ends
    it.
    """
    document, standing = _empty(), list[dict[str, Any]]()
    for line in lines:
        if '"severity": "debug"' in line or '"severity":"debug"' in line:
            continue
        try:
            event = json.loads(line)
        except ValueError:
            break
        match event:
            case {"preludeEvent": {"config": dict(config)}}:
                document, standing = {**_empty(), "config": config}, []
            case {"resourcePreEvent": {"metadata": dict(metadata)}} if _is_shown(metadata):
                document["steps"].append(_step(metadata))
            case {"resourcePreEvent": {"metadata": dict(metadata)}} if is_standing_component(metadata):
                standing.append(standing_step(metadata))
            case {"resOutputsEvent": {"metadata": {"type": t} as metadata}} if t == STACK:
                document["steps"].append(_step(metadata))
            case {"diagnosticEvent": dict(told)}:
                document["diagnostics"].append(_diagnostic(told))
            case {"policyEvent": dict(policy)}:
                document["policyEvents"].append(policy)
            case {"summaryEvent": {"resourceChanges": dict(changes)}}:
                document["changeSummary"] = changes
    document["steps"] += standing
    return document


def is_standing_component(metadata: Mapping[str, Any]) -> bool:
    """Report whether the event leaves a component unchanged; the report needs the figures that it states."""
    state = metadata.get("new") or {}
    return metadata["op"] == "same" and metadata["type"] != STACK and bool(state) and not state.get("custom")


def standing_step(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Return the step of an unchanged component as `--show-sames` shows it, without its equal old state."""
    state = metadata["new"]
    kept = {"urn": metadata["urn"], "custom": False, "type": metadata["type"], "inputs": state.get("inputs") or {}}
    return {
        "op": metadata["op"],
        "urn": metadata["urn"],
        "newState": {**kept, "parent": state.get("parent", "")},
        "detailedDiff": None,
    }


def document_of_refusal(message: str) -> dict[str, Any]:
    """Build the document for a run that was refused before it began: no steps, and the reason."""
    return {**_empty(), "diagnostics": [{"severity": "error", "message": f"error: {message}\n"}]}


def _empty() -> dict[str, Any]:
    return {"config": {}, "steps": [], "diagnostics": [], "policyEvents": [], "changeSummary": {}}


def _is_shown(metadata: Mapping[str, Any]) -> bool:
    op, kind = metadata["op"], metadata["type"]
    return op != "same" and op not in _HIDDEN and kind != STACK and not kind.startswith(PROVIDER_PREFIX)


def _step(metadata: Mapping[str, Any]) -> dict[str, Any]:
    step: dict[str, Any] = {"op": metadata["op"], "urn": metadata["urn"]}
    for key, state in (("oldState", metadata.get("old")), ("newState", metadata.get("new"))):
        if state:
            step[key] = {name: value for name, value in state.items() if value not in (None, "", {}, [])}
    if metadata.get("diffs"):
        step["diffReasons"] = metadata["diffs"]
    if metadata.get("keys"):
        step["replaceReasons"] = metadata["keys"]
    detailed = metadata.get("detailedDiff")
    step["detailedDiff"] = detailed and {
        path: {"kind": change["diffKind"], "inputDiff": change["inputDiff"]} for path, change in detailed.items()
    }
    return step


def _diagnostic(told: Mapping[str, Any]) -> dict[str, Any]:
    urn = {"urn": told["urn"]} if told.get("urn") else {}
    message = f"{told.get('prefix', '')}{told.get('message', '')}"
    return {**urn, "message": message, "severity": told.get("severity", "info")}
