"""An event log of the `pulumi` CLI as a preview's document."""

import json
from typing import Any

from bandplan.cli.engines.event_document import event_document

FLEET = "urn:pulumi:dev::p::bandplan:index:Fleet::fleet"


def log(*events: dict[str, Any]) -> list[str]:
    return [json.dumps(event) for event in events]


def pre(op: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"resourcePreEvent": {"metadata": {"op": op, "urn": f"urn:pulumi:dev::p::{kind}::x", "type": kind, **more}}}


PRELUDE = {"preludeEvent": {"config": {"p:a": "1"}}}


def test_a_step_has_states_reasons_and_its_detailed_difference() -> None:
    detailed = {"a.b": {"diffKind": "update", "inputDiff": False}}
    new = {"type": "t", "inputs": {"a": {"b": 2}}, "outputs": {}, "id": ""}
    (step,) = event_document(
        log(PRELUDE, pre("update", "t", old={"id": "1"}, new=new, diffs=["a"], detailedDiff=detailed))
    )["steps"]
    assert step == {
        "op": "update",
        "urn": "urn:pulumi:dev::p::t::x",
        "oldState": {"id": "1"},
        "newState": {"type": "t", "inputs": {"a": {"b": 2}}},
        "diffReasons": ["a"],
        "detailedDiff": {"a.b": {"kind": "update", "inputDiff": False}},
    }


def test_what_stays_and_what_is_behind_a_replacement_is_left_out_but_for_the_stack() -> None:
    stack = {"resOutputsEvent": {"metadata": {"op": "same", "urn": "u", "type": "pulumi:pulumi:Stack", "old": {}}}}
    hidden = [pre(op, "t") for op in ("same", "create-replacement", "delete-replaced")]
    document = event_document(log(PRELUDE, *hidden, pre("create", "pulumi:providers:x"), pre("replace", "t"), stack))
    assert [step["op"] for step in document["steps"]] == ["replace", "same"]


def test_unchanged_components_follow_the_steps() -> None:
    standing = pre("same", "bandplan:index:Endpoint", new={"type": "bandplan:index:Endpoint", "inputs": {"name": "x"}})
    document = event_document(log(PRELUDE, standing, pre("create", "t")))
    assert [step["op"] for step in document["steps"]] == ["create", "same"]
    assert document["steps"][1]["newState"]["inputs"] == {"name": "x"}


def test_the_last_run_of_a_log_counts_and_a_line_cut_short_ends_it() -> None:
    policy = {"policyEvent": {"policyName": "p", "message": "m", "enforcementLevel": "mandatory"}}
    told = {"diagnosticEvent": {"prefix": "error: ", "message": "no\n", "severity": "error", "urn": FLEET}}
    debug = {"diagnosticEvent": {"prefix": "debug: ", "message": "x", "severity": "debug"}}
    summary = {"summaryEvent": {"resourceChanges": {"create": 1}}}
    lines = log(PRELUDE, pre("delete", "t"), {"preludeEvent": {"config": {"p:a": "2"}}}, debug, policy, told, summary)
    assert event_document([*lines, '{"preludeEvent": {"conf']) == {
        "config": {"p:a": "2"},
        "steps": [],
        "diagnostics": [{"urn": FLEET, "message": "error: no\n", "severity": "error"}],
        "policyEvents": [policy["policyEvent"]],
        "changeSummary": {"create": 1},
    }
