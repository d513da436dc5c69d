import json

from bandplan.report.document import document_text
from tests.report.previews import changed, document, entity, fleet_step, inputs, report_on, summary_entry
from tests.report.test_price import prices


def test_the_json_report_has_figures_as_numbers_and_money_as_exact_texts() -> None:
    steps = changed(before=inputs(), after=inputs("chat", entity(2, 6)), reasons=("config", "tags"))
    preview = document(fleet_step(1960, 5880), *steps, endpoints=[summary_entry(), summary_entry("same")])
    found = json.loads(document_text([report_on(preview, prices=prices())]))
    assert found["version"] == 1
    assert found["summary"] == {
        "status": "changed",
        "changedEndpoints": 1,
        "endpoints": 1,
        "before": {"floorTokensPerSecond": 1960, "ceilingTokensPerSecond": 3920, "modelUnits": 0},
        "after": {"floorTokensPerSecond": 1960, "ceilingTokensPerSecond": 5880, "modelUnits": 0},
        "change": {"floorTokensPerSecond": 0, "ceilingTokensPerSecond": 1960, "modelUnits": 0},
        "moneyChange": {"floor": "0", "ceiling": "12"},
        "currency": "USD",
        "unpricedEndpoints": 0,
        "unsizedEndpoints": 0,
        "unmovedEndpoints": 0,
        "totalsUnknown": False,
    }
    (stack,) = found["stacks"]
    assert stack["unchanged"] == ["same"]
    (endpoint,) = stack["endpoints"]
    assert endpoint["name"] == "chat"
    assert endpoint["rollout"]["kind"] == "in_place"
    assert endpoint["also"] == ["tags"]
    assert endpoint["after"]["bands"] == {"min": 2, "max": 6}
    assert endpoint["money"]["after"] == {"floor": "12", "ceiling": "36"}


def test_quiet_changes_are_in_the_json_report_and_marked() -> None:
    from bandplan.report.threshold import parse_thresholds

    steps = changed(before=inputs(), after=inputs("chat", entity(2, 5)))
    found = json.loads(document_text([report_on(document(*steps), thresholds=parse_thresholds("percent=50"))]))
    assert [endpoint["quiet"] for endpoint in found["stacks"][0]["endpoints"]] == [True]
    assert found["summary"]["status"] == "quiet"
