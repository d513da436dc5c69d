"""The document of `pulumi preview --json`, completed from the event log."""

import json
from typing import Any

from bandplan.cli.engines.completed_document import completed_document
from bandplan.cli.engines.events import read_events

URN = "urn:pulumi:dev::p::bandplan:index:Endpoint::chat"
PREVIEW = json.dumps({"steps": [{"op": "update", "urn": "u"}]})


def events(*metadata: dict[str, Any]) -> Any:
    return read_events(json.dumps({"resourcePreEvent": {"metadata": one}}) for one in metadata)


def same(kind: str, **state: Any) -> dict[str, Any]:
    return {"op": "same", "urn": URN, "type": kind, "new": {"type": kind, **state}, "old": {"type": kind, **state}}


def test_unchanged_components_are_added_without_their_equal_old_state() -> None:
    component = same("bandplan:index:Endpoint", inputs={"name": "chat"}, parent="fleet", outputs={"long": "text"})
    stays = [same("databricks:index/modelServing:ModelServing", custom=True), same("pulumi:pulumi:Stack")]
    found = json.loads(completed_document(PREVIEW, events(component, *stays)))
    kept = {
        "urn": URN,
        "custom": False,
        "type": "bandplan:index:Endpoint",
        "inputs": {"name": "chat"},
        "parent": "fleet",
    }
    assert found["steps"][1:] == [{"op": "same", "urn": URN, "newState": kept, "detailedDiff": None}]


def test_text_that_is_no_document_stays_as_it_is() -> None:
    assert completed_document("error: no", events(same("bandplan:index:Fleet"))) == "error: no"
    assert completed_document(PREVIEW, events()) == PREVIEW
