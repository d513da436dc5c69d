import json
from typing import Any

from bandplan.cli.engines.events import read_events


def summary(**changes: int) -> dict[str, Any]:
    return {"sequence": 9, "summaryEvent": {"resourceChanges": changes, "isPreview": True}}


def outputs(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    states = {"new": {"outputs": new}, "old": None if old is None else {"outputs": old}}
    return {"resOutputsEvent": {"metadata": {"op": "same", "type": "pulumi:pulumi:Stack", **states}}}


def lines(*events: dict[str, Any]) -> list[str]:
    return [json.dumps(event) + "\n" for event in events]


def test_run_where_all_stays_the_same_is_unchanged() -> None:
    events = read_events(lines(outputs({"endpoints": []}, {"endpoints": []}), summary(same=7)))
    assert events.is_unchanged
    assert events.outputs == {"endpoints": []}


def test_any_operation_but_same_is_a_change() -> None:
    events = read_events(lines(outputs({}, {}), summary(same=7, update=1)))
    assert events.changes == {"update": 1}
    assert not events.is_unchanged


def test_new_stack_output_alone_is_a_change() -> None:
    assert not read_events(lines(outputs({"a": 2}, {"a": 1}), summary(same=1))).is_unchanged


def test_outputs_of_the_first_deployment_are_read() -> None:
    assert read_events(lines(outputs({"a": 1}, None), summary(create=1))).outputs == {"a": 1}


def test_outputs_of_other_resources_are_not_the_stacks() -> None:
    other = {
        "resOutputsEvent": {"metadata": {"op": "same", "type": "bandplan:index:Fleet", "new": {"outputs": {"b": 1}}}}
    }
    assert read_events(lines(outputs({"a": 1}, {"a": 1}), other, summary(same=2))).outputs == {"a": 1}


def test_log_that_was_cut_short_is_not_taken_for_unchanged() -> None:
    cut = [*lines(outputs({}, {})), json.dumps(summary(same=1))[:20]]
    assert not read_events(cut).is_unchanged
    assert not read_events([]).is_unchanged


def test_update_is_told_from_the_preview_before_it() -> None:
    step = {"metadata": {"op": "create", "type": "bandplan:index:Fleet", "new": {}}}
    planned = {"resourcePreEvent": {**step, "planning": True}}
    assert not read_events(lines(planned, summary(create=1))).is_update
    assert read_events(lines({"resourcePreEvent": step})).is_update
    assert read_events(lines({"summaryEvent": {"resourceChanges": {"same": 1}, "isPreview": False}})).is_update
