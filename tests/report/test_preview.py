"""The shape of a preview: what is refused, and with which words."""

import json
from typing import Any

import pytest

from bandplan.report.errors import BadInput
from bandplan.report.load import Given, load_reports
from bandplan.report.threshold import Thresholds
from tests.report.previews import changed, component_urn, document, entity, inputs, report_on, step


def refused(text: str, *, name: str = "prod.json") -> list[str]:
    with pytest.raises(BadInput) as raised:
        load_reports([Given(name, text)], environ={}, thresholds=Thresholds())
    return str(raised.value).splitlines()


def with_steps(*steps: Any) -> str:
    return json.dumps(document(*steps))


def test_what_is_no_preview_is_told_what_was_expected() -> None:
    export = {"version": 3, "deployment": {"resources": []}}
    (line,) = refused(json.dumps(export))
    assert line == (
        "prod.json: has neither `steps` nor `diagnostics`; "
        "expected the output of `bandplan preview --json` or `pulumi preview --json`"
    )
    assert refused("[]")[0].startswith("prod.json: has neither `steps`")


def test_every_wrong_step_is_named_with_its_place() -> None:
    wrong = [3, {"urn": component_urn("chat")}, {"op": "update", "urn": "chat"}]
    found = refused(with_steps(*wrong))
    assert found == [
        "prod.json: steps[1]: found a number, expected an object",
        "prod.json: steps[1]: found a step without `op` or `urn`",
        "prod.json: steps[2]: found a step without `op` or `urn`",
        "prod.json: steps[3].urn: found a string that is not a URN such as urn:pulumi:dev::fleet::type::name",
    ]


def test_a_figure_of_another_kind_is_named_down_to_its_key() -> None:
    wrong = entity()
    wrong["floorTokensPerSecond"] = "1960"
    after = inputs("chat", entity(), ceilingTokensPerSecond=[1])
    after["entities"] = [wrong]
    found = refused(with_steps(*changed(before=inputs(), after=after)))
    assert found == [
        "prod.json: steps[1].newState.inputs.ceilingTokensPerSecond: found a list, expected a number",
        "prod.json: steps[1].newState.inputs.entities[0].floorTokensPerSecond: found a string, expected a number",
    ]


def test_problems_of_all_files_are_told_at_once() -> None:
    with pytest.raises(BadInput) as raised:
        load_reports([Given("a.json", "{"), Given("b.json", "[]")], environ={}, thresholds=Thresholds())
    assert [line.partition(":")[0] for line in str(raised.value).splitlines()] == ["a.json", "b.json"]


def test_two_previews_of_one_stack_need_names() -> None:
    text = with_steps(*changed(before=inputs(), after=inputs("chat", entity(2, 5))))
    with pytest.raises(BadInput, match=r"two previews of prod: give each its own name with NAME=FILE"):
        load_reports([Given("a.json", text), Given("b.json", text)], environ={}, thresholds=Thresholds())
    named = load_reports(
        [Given("a.json", text, "eu"), Given("b.json", text, "us")], environ={}, thresholds=Thresholds()
    )
    assert [report.title for report in named] == ["eu", "us"]


def test_a_preview_without_empty_keys_is_read_too() -> None:
    """Both engines leave out what is empty."""
    preview = {"steps": document()["steps"]}
    assert report_on(preview).summary.status == "unchanged"


def test_steps_that_only_read_are_no_change() -> None:
    """A preview with --refresh has one for each resource, before the plan's step."""
    read = step("refresh", component_urn("chat"), inputs(), inputs())
    update = changed(before=inputs(), after=inputs("chat", entity(2, 5)))
    (change,) = report_on(document(read, *update)).endpoints
    assert change.rollout.kind == "in_place"
    assert report_on(document(read)).summary.status == "unchanged"
