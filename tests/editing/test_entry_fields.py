"""Another version, or another size, written into the text of models.yaml."""

from typing import Any

import pytest

from bandplan.serving.editing.edits import CannotEdit
from bandplan.serving.editing.entry_fields import with_fields, with_version

TEXT = """\
version: 1   # of the format
models:
  # desk
  - name: chat
    task: llm/v1/chat
    model: m.a.old
    version: "2"    # pinned by Ana
    throughput: {bands: {min: 1, max: 2}}
  - {name: other, task: llm/v1/chat, model: m.a.old, version: "2", throughput: {bands: {min: 1, max: 2}}}
overrides:
  dev: {chat: {version: "5"}}
"""


def edited(text: str = TEXT, *, stack: str | None = None, model: str = "m.a.old", version: str = "1") -> str:
    return with_version(text, "models.yaml", stack, "chat", model, version)


def test_only_the_version_of_the_entry_changes() -> None:
    assert edited() == TEXT.replace('version: "2"    # pinned', 'version: "1"    # pinned')


def test_windows_line_ends_and_text_beyond_ascii_stay() -> None:
    text = TEXT.replace("# desk", "# Büro 🛎").replace("\n", "\r\n")
    assert edited(text) == text.replace('version: "2"    # pinned', 'version: "1"    # pinned')


def test_override_of_the_stack_is_edited_where_it_says_the_version() -> None:
    assert edited(stack="dev") == TEXT.replace('"5"', '"1"')
    assert edited(stack="prod") == edited()


def test_another_model_is_written_with_its_version() -> None:
    changed = edited(model="m.a.new", version="7")
    assert changed == TEXT.replace('model: m.a.old\n    version: "2"', 'model: m.a.new\n    version: "7"')


@pytest.mark.parametrize(
    "alias", ["{alias: champion}    # pinned by Ana", "\n      alias: champion    # pinned by Ana"]
)
def test_followed_alias_becomes_a_number(alias: str) -> None:
    changed = edited(TEXT.replace('"2"    # pinned by Ana', alias, 1))
    assert "alias: champion" not in changed and "# pinned by Ana" in changed


def test_text_that_says_so_already_stays() -> None:
    assert edited(version="2") == TEXT


@pytest.mark.parametrize(
    "text",
    [
        TEXT.replace('version: "2"    #', 'version: &v "2"    #').replace(
            'm.a.old, version: "2"', "m.a.old, version: *v"
        ),
        TEXT.replace("version: 1   #", 'version: 1\ndefaults: {tags: {v: &v "2"}}   #').replace(
            'version: "2"    #', "version: *v    #"
        ),
    ],
)
def test_version_behind_an_anchor_is_left_to_people(text: str) -> None:
    with pytest.raises(CannotEdit, match="anchor"):
        edited(text)


def test_entry_that_is_not_there_is_named() -> None:
    with pytest.raises(CannotEdit, match="models/nobody"):
        with_version(TEXT, "models.yaml", None, "nobody", "m.a.old", "1")


MAX = ("throughput", "bands", "max")


@pytest.mark.parametrize(
    ("stack", "fields", "old", "new"),
    [
        (None, {MAX: 4}, "max: 2}}\n  - {", "max: 4}}\n  - {"),
        ("dev", {MAX: 4}, "max: 2}}\n  - {", "max: 4}}\n  - {"),  # the override does not say it
        ("dev", {("version",): "7"}, '"5"', '"7"'),
        (None, {("throughput",): {"model_units": 50}}, "{bands: {min: 1, max: 2}}\n  -", "{model_units: 50}\n  -"),
        (None, {("headroom_percent",): 30}, "max: 2}}\n  - {", "max: 2}}\n    headroom_percent: 30\n  - {"),
    ],
)
def test_a_field_is_written_where_it_is_now_or_in_the_entry(
    stack: str | None, fields: dict[tuple[str | int, ...], Any], old: str, new: str
) -> None:
    assert TEXT.count(old) == 1
    assert with_fields(TEXT, "models.yaml", stack, "chat", fields) == TEXT.replace(old, new)


def test_a_size_in_the_override_of_a_stack_is_that_stack_s_own() -> None:
    text = TEXT.replace('{version: "5"}', '{version: "5", throughput: {bands: {max: 1}}}')
    assert with_fields(text, "models.yaml", "dev", "chat", {MAX: 9}) == text.replace("{max: 1}", "{max: 9}")
    assert with_fields(text, "models.yaml", "prod", "chat", {MAX: 9}) == text.replace("max: 2}}\n  -", "max: 9}}\n  -")
    with pytest.raises(CannotEdit, match="models/nobody: there is no such entry"):
        with_fields(text, "models.yaml", "prod", "nobody", {MAX: 9})
