"""The file of measured use that `rightsize` and `bench` write together."""

import json
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.errors import UsageProblem
from bandplan.cli.measured_file import put_measured

USE: dict[str, Any] = {
    "percentile": 99,
    "tokens_per_second": 1500,
    "samples": 20160,
    "from": "2026-11-08",
    "to": "2026-11-21",
}
ENTITY: dict[str, Any] = {"measured_at": "2026-11-22T12:00:00Z", "requests": 1200, "errors": 3}


def test_each_writer_keeps_what_the_other_wrote(tmp_path: Path) -> None:
    path = tmp_path / "measured.json"
    put_measured(path, {"chat": USE}, {})
    put_measured(path, {}, {"chat": {"chat-1": ENTITY}, "other": {"other-1": ENTITY}})
    put_measured(path, {"chat": {**USE, "samples": 1}}, {"chat": {"chat-2": ENTITY}})
    assert json.loads(path.read_text()) == {
        "version": 2,
        "endpoints": {
            "chat": {"use": {**USE, "samples": 1}, "entities": {"chat-1": ENTITY, "chat-2": ENTITY}},
            "other": {"entities": {"other-1": ENTITY}},
        },
    }
    assert [one.name for one in tmp_path.iterdir()] == ["measured.json"]


@pytest.mark.parametrize(
    ("old", "kept"),
    [
        ({"version": 1, "endpoints": {"chat": {"chat-1": ENTITY}}}, {"entities": {"chat-1": ENTITY}}),
        ({"version": 1, "measurements": [{"endpoint": "chat", **USE}]}, {"use": USE}),
    ],
)
def test_older_file_becomes_a_newer_one_with_all_that_it_had(
    tmp_path: Path, old: dict[str, Any], kept: dict[str, Any]
) -> None:
    path = tmp_path / "measured.json"
    path.write_text(json.dumps(old))
    put_measured(path, {"new": USE}, {})
    assert json.loads(path.read_text()) == {"version": 2, "endpoints": {"chat": kept, "new": {"use": USE}}}


@pytest.mark.parametrize("text", ["[]", "{", '{"version": 3, "endpoints": {}}', '{"version": 1}'])
def test_another_file_is_left_as_it_is(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(UsageProblem, match="name another file"):
        put_measured(path, {"chat": USE}, {})
    assert path.read_text() == text
