import pytest

from bandplan.serving.editing.edits import CannotEdit, with_child, with_entries
from bandplan.serving.spec.document import read

ENTRY = {"name": "new", "throughput": {"bands": {"min": 1, "max": 2}}}
ADDED = """\
  - name: new
    throughput: {bands: {min: 1, max: 2}}
"""


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("", "version: 1\nmodels:\n" + ADDED),
        ("version: 1\nmodels: []\n", "version: 1\nmodels:\n" + ADDED),
        ("version: 1\nmodels: []  # none yet\n", "version: 1\nmodels: # none yet\n" + ADDED),
        ("version: 1\nmodels:\n", "version: 1\nmodels:\n" + ADDED),
        ("version: 1 # one\n", "version: 1 # one\nmodels:\n" + ADDED),
        (
            "version: 1\nmodels:\n  - name: old # mine\n    task: x\n\noverrides: {}\n",
            "version: 1\nmodels:\n  - name: old # mine\n    task: x\n" + ADDED + "\noverrides: {}\n",
        ),
        (
            "models:\n- name: old\n  note: |\n    text\n    more\nversion: 1\n",
            "models:\n- name: old\n  note: |\n    text\n    more\n\n- name: new\n  throughput: {bands: {min: 1, max: 2}}\n"
            "version: 1\n",
        ),
        (
            "x: &a {b: 1}\nmodels:\n  - name: old\n    tags: *a\n",
            "x: &a {b: 1}\nmodels:\n  - name: old\n    tags: *a\n" + ADDED,
        ),
    ],
)  # fmt: skip
def test_entries_are_added_and_nothing_else_changes(before: str, after: str) -> None:
    assert with_entries(before, [ENTRY]) == after
    assert read(after, "f").problems == ()


def test_entries_stand_apart_where_those_of_the_file_do() -> None:
    before = "models:\n  - name: a\n\n  # b\n  - name: b\n"
    assert with_entries(before, [ENTRY]) == before + "\n" + ADDED


def test_windows_line_ends_are_kept() -> None:
    after = with_entries("version: 1\r\nmodels: []\r\n", [ENTRY])
    assert after.count("\r\n") == after.count("\n") == 4


def test_file_without_a_line_end_at_its_end_gets_one() -> None:
    assert with_entries("models:\n  - name: a", [ENTRY]) == "models:\n  - name: a\n" + ADDED


@pytest.mark.parametrize("text", ["models: [{name: a}]\n", "{version: 1, models: []}\n", "models: {a: b}\n"])
def test_list_in_brackets_is_left_alone_with_a_reason(text: str) -> None:
    with pytest.raises(CannotEdit):
        with_entries(text, [ENTRY])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("models: []\n", "models: []\noverrides:\n  dev:\n    chat: {tags: {team: null}}\n"),
        ("overrides:\n  dev:\n    a: {x: 1} # c\n", "overrides:\n  dev:\n    a: {x: 1} # c\n    chat: {tags: {team: null}}\n"),
        ("overrides: {dev: {a: {x: 1}}}\n", "overrides: {dev: {a: {x: 1}, chat: {tags: {team: null}}}}\n"),
        ("overrides:\n  prod: {}\n", "overrides:\n  prod: {}\n  dev:\n    chat: {tags: {team: null}}\n"),
    ],
)  # fmt: skip
def test_override_is_added_where_there_are_some_or_none(before: str, after: str) -> None:
    assert with_child(before, ("overrides", "dev", "chat"), {"tags": {"team": None}}) == after
