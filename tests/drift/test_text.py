import json

from bandplan.drift.document import document
from bandplan.drift.pending import WantedEndpoint
from bandplan.drift.recorded import RecordedStack
from bandplan.drift.registry import LiveRegistry
from bandplan.drift.stack import SeenWorkspace, StackReport, stack_report
from bandplan.drift.text import text
from bandplan.serving.workspace.surveyed import Listed, Surveyed
from tests.drift.builders import CALLER, recorded, surveyed, wanted
from tests.endpoint.builders import live_config, live_served, served

EMPTY = LiveRegistry({}, {})


def reported(
    there: Surveyed, declared: WantedEndpoint | None = None, *, listed: tuple[Listed, ...] = (), stack: str = "prod"
) -> StackReport:
    known = RecordedStack((recorded(),))
    entries = [declared or wanted()]
    seen = SeenWorkspace("https://w.example.com", CALLER, {"chat": there}, listed, EMPTY)
    return stack_report(stack, entries, known, seen)


def test_stack_in_step_is_one_line() -> None:
    assert text(reported(surveyed())) == "stack prod at https://w.example.com: no drift in 1 endpoint"


def test_hand_edit_is_shown_with_both_values_and_the_ways_on() -> None:
    there = surveyed(config=live_config(live_served(max_provisioned_throughput=980)))

    shown = text(reported(there))

    assert "1 of 1 endpoint drifted" in shown
    assert "entities/llama-1/max_provisioned_throughput: deployed 2,940, now 980" in shown
    assert "`bandplan up --refresh --stack prod`" in shown and "models.yaml" in shown
    assert "workload_type" not in shown  # a platform default, shown with --all only


def test_throughput_replaced_by_compute_is_put_back_by_an_up_before_any_refresh() -> None:
    compute = live_served(min_provisioned_throughput=0, max_provisioned_throughput=0, workload_size="Small")
    shown = text(reported(surveyed(config=live_config(compute))))
    first, then = (line for line in shown.splitlines() if "`bandplan up" in line)
    assert first.startswith("first `bandplan up --stack prod`") and "chat" in first
    assert "`bandplan up --refresh --stack prod`" in then


def test_all_shows_what_the_platform_filled_in_with_its_verdict() -> None:
    shown = text(reported(surveyed()), shows_all=True)
    assert "workload_type: deployed nothing, now GPU_LARGE (platform default)" in shown
    assert "workload_size: deployed nothing, now Small (autoscaler)" in shown


def test_change_that_waits_is_no_drift_and_up_applies_it() -> None:
    shown = text(reported(surveyed(), wanted(servedEntities=[served(maxProvisionedThroughput=3920)])))
    assert "no drift" in shown and "models.yaml 3,920 (pending)" in shown
    assert "`bandplan up --stack prod`" in shown and "--refresh" not in shown


def test_unmanaged_endpoint_is_listed_with_the_command_that_takes_it_over_and_is_no_drift() -> None:
    report = reported(surveyed(), listed=(Listed("chat", "1"), Listed("mine", "2")), stack="local")
    assert not report.has_drifted
    assert "not in this stack (not drift): mine" in text(report)
    assert "`bandplan adopt mine`" in text(report)


def test_text_of_the_workspace_cannot_steer_a_terminal() -> None:
    assert "\x1b" not in text(reported(surveyed(description="\x1b[31mred")))


def test_document_says_the_same_to_programs() -> None:
    there = surveyed(config=live_config(live_served(max_provisioned_throughput=980)))

    found = document(reported(there, listed=(Listed("mine", "2"),)))

    assert json.loads(json.dumps(found)) == found
    assert (found["format"], found["drift"], found["summary"]["drifted"]) == (1, True, 1)
    assert found["unmanaged"] == [{"name": "mine", "id": "2"}]
    real = [field for field in found["endpoints"][0]["fields"] if field["verdict"] == "real"]
    assert real == [
        {
            "field": "entities/llama-1/max_provisioned_throughput",
            "verdict": "real",
            "deployed": 2940,
            "live": 980,
            "note": "",
        }
    ]
