"""The file of measured use."""

import json
from typing import Any

import pytest

from bandplan.serving.throughput.measured_use import MeasuredUseError, combined, read_measured_use
from bandplan.serving.throughput.rollout import Measured

VALID = {
    "measured_at": "2026-11-22T12:00:00Z",
    "window_minutes": 30,
    "requests": 1200,
    "errors": 3,
    "ttft_seconds": 1.2,
    "percentile": 95,
}


def document(**changes: Any) -> str:
    entity = {key: value for key, value in {**VALID, **changes}.items() if value is not None}
    return json.dumps({"version": 1, "endpoints": {"chat": {"chat-2": entity}}})


def test_requests_errors_and_time_to_first_token_are_read_with_their_origin() -> None:
    assert read_measured_use(document(), "use.json")["chat"]["chat-2"] == Measured(
        1200, 3, 1.2, "use.json, 30 minutes, percentile 95", 1795348800000
    )


@pytest.mark.parametrize(
    ("changes", "finding"),
    [
        ({"measured_at": None}, "endpoints/chat/chat-2/measured_at: must be a time with its zone"),
        ({"measured_at": "2026-11-22T12:00:00"}, "measured_at: must be a time with its zone"),
        ({"requests": "many"}, "requests: must be a number"),
        ({"errors": 1201}, "1201 errors among 1200 requests"),
        ({"ttft_ms": 12}, "ttft_ms: is unknown"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(changes: dict[str, Any], finding: str) -> None:
    with pytest.raises(MeasuredUseError, match=r"use\.json: ") as error:
        read_measured_use(document(**changes), "use.json")
    assert finding in str(error.value)


@pytest.mark.parametrize("text", ["", "[]", '{"version": 2}', '{"version": 1, "endpoints": []}'])
def test_another_document_is_refused(text: str) -> None:
    with pytest.raises(MeasuredUseError):
        read_measured_use(text, "use.json")


def test_newer_shape_says_the_same_with_its_own_place() -> None:
    newer = json.dumps({"version": 2, "endpoints": {"chat": {"entities": {"chat-2": VALID}, "use": {"samples": 1}}}})
    assert read_measured_use(newer, "use.json") == read_measured_use(document(), "use.json")
    with pytest.raises(MeasuredUseError, match=r"use\.json: endpoints/chat/entities/chat-2/requests: must be a number"):
        read_measured_use(newer.replace("1200", '"many"'), "use.json")


def test_file_of_the_policy_alone_measures_no_entity() -> None:
    assert read_measured_use('{"version": 1, "measurements": [{"endpoint": "chat"}]}', "use.json") == {}


def test_file_comes_before_the_export_of_one_minute_where_it_counts_requests() -> None:
    exported = {"chat-1": Measured(5, 0), "chat-2": Measured(10, 9, origin="export")}
    from_file = {"chat-2": Measured(1000, 1, 1.0, "file", 7)}
    assert combined(exported, from_file) == {"chat-1": Measured(5, 0), "chat-2": from_file["chat-2"]}


def test_file_with_the_time_to_first_token_alone_leaves_the_errors_to_the_export() -> None:
    found = combined({"chat-2": Measured(10, 9, origin="export")}, {"chat-2": Measured(0, 0, 1.0, "file", 7)})
    assert found == {"chat-2": Measured(10, 9, 1.0, "export; file", 7)}
