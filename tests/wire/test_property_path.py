"""Property paths, written, read and followed."""

from typing import Any

import pytest

from bandplan.wire.property_path import below, parse, property_path, value_at


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("size", ("size",)),
        ("config.servedEntities[0].name", ("config", "servedEntities", 0, "name")),
        ('tags["a.b"]', ("tags", "a.b")),
        ('["say \\"hi\\""].x', ('say "hi"', "x")),
        ("list[*].x", ("list", "*", "x")),
        ("*", ("*",)),
    ],
)
def test_path_is_read(text: str, path: tuple[str | int, ...]) -> None:
    assert parse(text) == path


@pytest.mark.parametrize("text", [".a", "a.", "a[", "a[x]", 'a["x]'])
def test_text_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a property path"):
        parse(text)


def test_key_is_quoted_when_it_is_no_plain_name() -> None:
    assert below("tags", "team") == "tags.team"
    assert below("", "team") == "team"
    assert below("tags", 'a "b"') == 'tags["a \\"b\\""]'


@pytest.mark.parametrize("path", [("config", "servedEntities", 0, "name"), ("tags", "a.b"), ("1a", 'say "hi"')])
def test_written_path_is_read_back(path: tuple[str | int, ...]) -> None:
    assert parse(property_path(path)) == path


@pytest.mark.parametrize(
    ("path", "value"),
    [("a[1].b", 3), ("a[2].b", None), ("a.b", None), ("x[0]", None), ("a[0]", "text"), ("a[0].b", None), ("", {})],
)
def test_value_at_a_path_is_found_or_none(path: str, value: Any) -> None:
    record = {"a": ["text", {"b": 3}], "x": "text"}
    assert value_at(record if path else {}, parse(path)) == value
