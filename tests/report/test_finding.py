"""Errors, policies, warnings, checks put off and waivers, and the endpoint that each is about."""

import json
from typing import Any

from tests.report.previews import (
    GUARD,
    PREFIX,
    changed,
    child_urn,
    component_urn,
    document,
    entity,
    inputs,
    report_on,
    step,
    summary_entry,
    warning,
)

UP = changed(before=inputs(), after=inputs("chat", entity(2, 6)))


def event(level: str = "mandatory", name: str = "over-provisioned", **changes: Any) -> dict[str, Any]:
    return {
        "resourceUrn": component_urn("chat"),
        "message": "Ceilings follow demand.\nceiling 5,880 is 2.13 x demand 2,765; allowed 2.00 x = 5,529\n",
        "policyName": name,
        "policyPackName": "bandplan-policies",
        "enforcementLevel": level,
        **changes,
    }


def log(*events: dict[str, Any]) -> str:
    return "".join(json.dumps({"sequence": i, "policyEvent": one}) + "\n" for i, one in enumerate(events))


def test_a_mandatory_policy_blocks_and_an_advisory_one_does_not() -> None:
    blocked = report_on(document(*UP), events=log(event(), event("advisory", "owner-missing")))
    assert blocked.summary.status == "blocked"
    assert [(one.kind, one.id, one.endpoint) for one in blocked.findings] == [
        ("violation", "over-provisioned", "chat"),
        ("advisory", "owner-missing", "chat"),
    ]
    assert blocked.findings[0].text == "ceiling 5,880 is 2.13 x demand 2,765; allowed 2.00 x = 5,529"
    assert report_on(document(*UP), events=log(event("advisory"))).summary.status == "changed"


def test_policy_events_may_stand_in_the_preview_itself() -> None:
    report = report_on({**document(*UP), "policyEvents": [event()]})
    assert [one.id for one in report.of_kind("violation")] == ["over-provisioned"]


def test_an_event_log_has_other_events_and_may_be_cut_short() -> None:
    text = '{"sequence":0,"preludeEvent":{}}\n' + log(event()) + '{"sequence":9,"summaryEv'
    assert len(report_on(document(*UP), events=text).of_kind("violation")) == 1


def test_that_the_preview_failed_is_no_news_beside_the_violation() -> None:
    """Pulumi ends a preview with a mandatory violation with this error alone."""
    failed = {"message": "error: preview failed\n", "severity": "error"}
    preview = document(*UP, diagnostics=[failed])
    report = report_on(preview, events=log(event()))
    assert report.summary.status == "blocked"
    assert report.of_kind("error") == ()
    alone = report_on(preview)
    assert (alone.summary.status, [one.text for one in alone.findings]) == ("failed", ["preview failed"])


def test_a_warning_of_the_program_is_taken_apart() -> None:
    text = "models.yaml:103:5: floor-zero models/chat/throughput: the band starts at 0; S12: slow; write a min of 1"
    (found,) = report_on(document(*UP, diagnostics=[warning(text)])).findings
    assert (found.kind, found.id, found.endpoint) == ("warning", "floor-zero", "chat")
    assert found.text == "the band starts at 0; S12: slow; write a min of 1 (models.yaml:103:5)"


def test_a_warning_of_a_provider_belongs_to_the_endpoint_of_its_resource() -> None:
    guard = step("update", child_urn("chat", GUARD, "-ready"), {}, {}, parent=component_urn("chat"))
    said = warning("chat: not as declared: live 5820, declared 2910", guard["urn"])
    (found,) = report_on(document(guard, endpoints=[summary_entry()], diagnostics=[said])).findings
    assert (found.endpoint, found.text) == ("chat", "not as declared: live 5820, declared 2910")


def test_a_check_put_off_is_what_a_version_to_be_made_warns_an_entry_of() -> None:
    version = f"{PREFIX}bandplan:index:ModelVersion::ml.x.y@champion"
    said = [
        warning("models/chat: whether ml.x.y is eligible is checked once it is registered", version),
        warning("ml.x.y version 3 is kept although retain is false: in use", version),
    ]
    found = report_on(document(*UP, diagnostics=said)).findings
    assert [(one.kind, one.endpoint, one.text) for one in found] == [
        ("warning", "", "ml.x.y version 3 is kept although retain is false: in use"),
        ("deferred", "chat", "whether ml.x.y is eligible is checked once it is registered"),
    ]


def test_waivers_come_from_the_endpoint_and_from_waived_warnings() -> None:
    waiver = {"policy": "over-provisioned", "reason": "launch: day one", "owner": "ana", "expires": "2027-01-31"}
    said = {
        "message": "models.yaml:9:5: waived floor-zero models/night/throughput: the band starts at 0; "
        "waived until 2027-02-28 by bo: nightly: only\n",
        "severity": "info",
    }
    steps = changed(before=inputs(), after=inputs(waivers=[waiver]))
    found = report_on(document(*steps, diagnostics=[said])).of_kind("waiver")
    told = [
        (one.endpoint, one.id, one.waiver and (one.waiver.expires, one.waiver.owner, one.waiver.reason))
        for one in found
    ]
    assert told == [
        ("chat", "over-provisioned", ("2027-01-31", "ana", "launch: day one")),
        ("night", "floor-zero", ("2027-02-28", "bo", "nightly: only")),
    ]


def test_a_reason_cannot_give_its_waiver_another_date() -> None:
    reason = "why; waived until 2099-12-31 by boss: fine"
    said = {
        "message": f"models.yaml:9:5: waived floor-zero models/a/b: x; waived until 2027-02-28 by mail:bo: {reason}",
        "severity": "info",
    }
    (found,) = report_on(document(*UP, diagnostics=[said])).of_kind("waiver")
    assert found.waiver is not None
    assert (found.waiver.expires, found.waiver.owner, found.waiver.reason) == ("2027-02-28", "mail:bo", reason)


def test_waivers_of_unchanged_endpoints_are_told_where_the_preview_has_them() -> None:
    waiver = {"policy": "single-region", "reason": "pilot", "owner": "ana", "expires": "2027-01-31"}
    same = step("same", component_urn("other"), inputs("other"), inputs("other", waivers=[waiver]))
    (found,) = report_on(document(same)).of_kind("waiver")
    assert found.endpoint == "other"


def test_the_note_about_a_plugin_on_path_is_left_out() -> None:
    """It has a path of the machine in it."""
    note = "using pulumi-resource-databricks from $PATH at /home/me/.bandplan/plugins/pulumi-resource-databricks"
    assert report_on(document(*UP, diagnostics=[warning(note)])).findings == ()


def test_other_messages_are_no_findings() -> None:
    said = [{"message": "hello\n", "severity": "info"}, {"message": "x\n", "severity": "info#err"}]
    assert report_on(document(*UP, diagnostics=said)).findings == ()


def test_the_same_finding_twice_is_told_once() -> None:
    text = warning("models.yaml:1:1: floor-zero models/chat/throughput: x")
    assert len(report_on(document(*UP, diagnostics=[text, text])).findings) == 1
