"""What a newer version may change: what nobody edited. Pure."""

import json
from typing import Any

import pytest

from bandplan.starter.answers import Answers
from bandplan.starter.changes import Change, changes_of, merged_where_possible
from bandplan.starter.files import File
from bandplan.starter.manifest import NotAManifest, digest, manifest_of, read, render

ANSWERS = Answers("fleet", "ml", "aws", "github", ())


def changes(before: dict[str, str], after: dict[str, str], here: dict[str, str]) -> dict[str, Change]:
    generated = {path: digest(text) for path, text in before.items()}
    return {one.path: one for one in changes_of(generated, before, after, here)}


def verdict(before: str | None, after: str | None, here: str | None) -> str | None:
    """Of one file; None: there is nothing to do."""

    def files(text: str | None) -> dict[str, str]:
        return {} if text is None else {"a": text}

    found = changes(files(before), files(after), files(here))
    return found["a"].verdict if found else None


@pytest.mark.parametrize(
    ("before", "after", "here", "expected"),
    [
        ("1", "1", "1", None),
        ("1", "1", "edited", None),
        ("1", "2", "1", "write"),
        ("1", "2", "2", None),  # the team made the same change
        ("1", "2", "edited", "edited"),
        ("1", "2", None, "edited"),  # the team removed it
        (None, "2", None, "add"),
        (None, "2", "theirs", "edited"),
        ("1", None, "1", "remove"),
        ("1", None, "edited", "edited, gone"),
        ("1", None, None, None),
    ],
)
def test_only_what_nobody_edited_is_changed(
    before: str | None, after: str | None, here: str | None, expected: str | None
) -> None:
    assert verdict(before, after, here) == expected


def test_diff_is_against_what_was_generated_not_against_the_edit() -> None:
    (change,) = changes({"a": "1\n"}, {"a": "2\n"}, {"a": "edited\n"}).values()
    assert change.diff() == "--- a/a\n+++ b/a\n@@ -1 +1 @@\n-1\n+2\n" and not change.is_written


def test_old_text_that_is_not_known_has_no_diff() -> None:
    (change,) = changes_of({"a": digest("1")}, {}, {"a": "2"}, {"a": "edited"})
    assert change.diff() == ""


def both(here: str, before: str, after: str) -> str | None:
    """A merge of texts of one word each: the new word goes behind the edit, unless that says no."""
    return None if "no" in here else here if after in here else f"{here} {after}"


@pytest.mark.parametrize(
    ("here", "expected"),
    [("edited", ("merge", "edited", "edited 2")), ("no edit", ("edited", "1", "2")), ("edited 2", None)],
)
def test_what_the_team_edited_is_merged_unless_both_contradict(
    here: str, expected: tuple[str, str, str] | None
) -> None:
    found = list(changes({"a": "1"}, {"a": "2"}, {"a": here}).values())
    merged = merged_where_possible(found, {"a": here}, both)
    assert [(one.verdict, one.before, one.after) for one in merged] == ([expected] if expected else [])


def test_removed_file_and_unknown_old_text_are_not_merged() -> None:
    gone = list(changes({"a": "1"}, {"a": "2"}, {}).values())
    assert merged_where_possible(gone, {}, both) == gone
    unknown = changes_of({"a": digest("1")}, {}, {"a": "2"}, {"a": "edited"})
    assert merged_where_possible(unknown, {"a": "edited"}, both) == unknown


def manifest() -> dict[str, Any]:
    files = {"a": File("1"), "models.yaml": File("m", is_generated=False)}
    text = render(manifest_of("0.1.0", ANSWERS, files))
    found = read(text)
    assert (found.version, found.answers, found.files) == ("0.1.0", ANSWERS, {"a": digest("1")})
    document: dict[str, Any] = json.loads(text)
    return document


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": 2}, "a later bandplan wrote it"),
        ({"bandplan": None}, "bandplan: must be a version"),
        ({"files": {"a": 1}}, "files: must map paths to digests"),
        ({"files": {"../a": "x"}}, "files: ../a is outside the repository"),
        ({"files": {"/etc/a": "x"}}, "files: /etc/a is outside the repository"),
        ({"formats": []}, "formats: must map names to numbers"),
        ({"older": {"a": 1}}, "older: must map paths to versions"),
        ({"answers": {}}, "answers.stacks: must be a list"),
    ],
)
def test_record_of_another_form_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(NotAManifest, match=message):
        read(json.dumps({**manifest(), **change}))


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000])
def test_damaged_record_is_refused(text: str) -> None:
    with pytest.raises(NotAManifest):
        read(text)
