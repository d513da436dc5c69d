"""Warnings do not bury the change: a few stand above the table, more are folded, others' are folded always."""

from typing import Any

from bandplan.report.document import document_text
from bandplan.report.html.page import html
from bandplan.report.markdown.page import markdown
from bandplan.report.offline import OFFLINE
from bandplan.report.stack import StackReport
from tests.report.previews import changed, component_urn, document, entity, inputs, report_on


def preview(*events: dict[str, Any], **more: Any) -> dict[str, Any]:
    steps = changed(before=inputs(), after=inputs("chat", entity(2, 6)))
    return {**document(*steps), "policyEvents": list(events), **more}


def event(rule: str, endpoint: str = "chat", level: str = "advisory") -> dict[str, Any]:
    message = f"What the rule is for.\n{endpoint}: {rule} is broken"
    urn = component_urn(endpoint)
    return {"policyName": rule, "resourceUrn": urn, "message": message, "enforcementLevel": level}


def told(report: StackReport) -> tuple[str, str]:
    """(what stands above the table, what stands below it)"""
    above, _, below = markdown([report]).partition("| endpoint | change |")
    return above, below


def test_three_warnings_stand_above_the_table_with_their_endpoint_named_once() -> None:
    above, below = told(report_on(preview(event("a-rule"), event("b-rule"), event("c-rule"))))
    assert "- ⚠️ **a-rule** <code>chat</code>: a-rule is broken\n- ⚠️ **b-rule**" in above
    assert "⚠️ 3 policy warnings" in above
    assert "warning" not in below


def test_more_are_folded_but_violations_are_not() -> None:
    events = [event(f"rule-{letter}") for letter in "abcd"]
    above, below = told(report_on(preview(*events, event("grave", level="mandatory"))))
    assert "⛔ **grave** <code>chat</code>" in above
    assert "rule-a" not in above
    assert "<details><summary>4 warnings</summary>" in below


def test_those_of_endpoints_that_do_not_change_are_folded_and_not_counted_above() -> None:
    above, below = told(report_on(preview(event("a-rule", "other"))))
    assert "policy warning" not in above
    assert "<details><summary>1 warning about endpoints that do not change</summary>" in below
    assert "⚠️ **a-rule** <code>other</code>: a-rule is broken" in below


def test_an_offline_preview_says_so_in_every_form_and_another_does_not() -> None:
    offline, other = report_on(preview(offline=True)), report_on(preview())
    assert f"> {OFFLINE}" in markdown([offline])
    assert OFFLINE in html([offline])
    assert '"offline": true' in document_text([offline])
    assert OFFLINE not in markdown([other]) + html([other])


def test_a_refused_deployment_is_no_failed_preview() -> None:
    refused = {"severity": "error", "message": "error: plan.json: the plan was not applied\n  models.yaml: changed\n"}
    text = markdown([report_on({"refused": True, "steps": [], "diagnostics": [refused]}, title="prod")])
    assert text.startswith(
        "**<code>prod</code>**: nothing was deployed.\n\n- ❌ plan.json: the plan was not applied<br>"
    )
