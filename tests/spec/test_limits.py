"""Files that are wrong very often, or large: what is reported stays small, and comes in bounded time."""

import os
from pathlib import Path

import pytest

from bandplan.serving.spec.loading import load, load_text
from bandplan.serving.spec.problem import Problem, in_order
from bandplan.serving.spec.suggestion import MAX_SUGGESTIONS, Suggestions, nearest

from .conftest import ENTRY, Load, OnlyProblem


def problem(line: int, severity: str = "error") -> Problem:
    kind = "warning" if severity == "warning" else "error"
    return Problem("models.yaml", line, 1, "", f"finding {line}", "", "", "value", kind)


def test_past_a_thousand_problems_the_last_line_says_how_many_more_there_are(load: Load) -> None:
    loaded = load(ENTRY + "".join(f"    key{number}: 1\n" for number in range(1234)))
    *listed, last = loaded.problems
    assert [one.id for one in listed] == ["unknown-key"] * 1000
    # 1234 - 1000
    assert last.id == "more-problems"
    assert last.finding == "234 more problems are not listed (234 errors, 0 warnings)"
    assert loaded.fleet is None


def test_a_thousand_problems_are_all_listed(load: Load) -> None:
    loaded = load(ENTRY + "".join(f"    key{number}: 1\n" for number in range(1000)))
    assert len(loaded.problems) == 1000 and "more-problems" not in {one.id for one in loaded.problems}


def test_errors_are_listed_before_warnings_are_and_in_the_order_of_the_file() -> None:
    found = in_order([problem(line, "warning") for line in range(1, 1501)] + [problem(2000), problem(2001)])
    assert [one.line for one in found if one.severity == "error"] == [2000, 2001]
    # 998 warnings find room beside 2 errors; 1500 - 998
    assert found[-1].finding == "502 more problems are not listed (0 errors, 502 warnings)"
    assert found[-1].severity == "warning"


def test_counts_of_two_checks_are_added_up() -> None:
    first = in_order([problem(line) for line in range(1, 1601)])
    whole = in_order([*first, *(problem(line, "warning") for line in range(3000, 3050))])
    assert len(whole) == 1001
    assert whole[-1].finding == "650 more problems are not listed (600 errors, 50 warnings)"


def test_checking_ends_when_very_much_is_wrong_and_says_at_least() -> None:
    loaded = load_text("version: 1\nmodels:\n" + "  - {}\n" * 20_000, "models.yaml", None)
    assert len(loaded.problems) == 1001
    assert loaded.problems[-1].finding.startswith("at least ")


def test_mistyped_override_names_of_many_entries_are_suggested_at_first_and_then_only_named() -> None:
    entry = (
        "  - {{name: entry-{0:05d}, task: llm/v1/chat, model: a.b.c, version: '1', throughput: {{model_units: 1}}}}\n"
    )
    text = (
        "version: 1\nmodels:\n"
        + "".join(entry.format(number) for number in range(9000))
        + "overrides:\n  dev:\n"
        + "".join(f"    entrie-{number:05d}: {{}}\n" for number in range(9000))
    )
    loaded = load_text(text, "models.yaml", None)
    assert {one.id for one in loaded.problems[:-1]} == {"unknown-override"}
    steps = [one.next_step for one in loaded.problems[:-1]]
    assert steps[0] == "did you mean entry-00000?"
    assert sum(step.startswith("did you mean") for step in steps) == MAX_SUGGESTIONS
    assert steps[-1] == "remove it, or add the entry to models"
    assert loaded.problems[-1].finding.startswith("8,000 more")


def test_suggestions_are_compared_with_few_of_many_names() -> None:
    names = [f"entry-{number}" for number in range(100_000)]
    assert nearest("entri-54321", names) == "entry-54321"
    assert nearest("something-else", names) is None


def test_same_name_has_the_same_suggestion_when_no_more_are_made() -> None:
    suggestions = Suggestions()
    asked = [suggestions.nearest(f"tag{number}", ("tags", "task")) for number in range(MAX_SUGGESTIONS + 5)]
    assert asked[-1] is None
    assert suggestions.nearest("tag0", ("tags", "task")) == asked[0] == "tags"


def test_defaults_over_very_many_entries_are_refused_in_one_problem(only_problem: OnlyProblem) -> None:
    tags = ", ".join(f"t{number}: x" for number in range(1000))
    entries = "".join(ENTRY.replace("support-chat", f"chat-{number}") for number in range(300))
    # an entry is 1 + 4 x 2 + 8 values, the defaults are 1 + 2 + 1000 x 2: 300 x (17 + 2003) = 606,000
    loaded = load_text(f"version: 1\ndefaults: {{tags: {{{tags}}}}}\nmodels:\n{entries}", "models.yaml", None)
    assert "606,000 values" in only_problem(loaded, "yaml-limit", (2, 1)).finding


def test_long_text_counts_as_many_values_when_aliases_repeat_it(load: Load) -> None:
    long = "x" * 1_000_000  # counts 10,000 values
    tags = ", ".join(f"t{number}: *d" for number in range(30))
    loaded = load(f"{ENTRY}    description: &d {long}\n    tags: {{{tags}}}\n")
    assert [one.id for one in loaded.problems] == ["yaml-limit"]
    once = load(f"{ENTRY}    description: &d {long}\n    tags: {{a: *d}}\n")
    assert {one.id for one in once.problems} == {"value"}  # longer than a text may be, in a file that is read


@pytest.mark.parametrize(
    ("key", "most"),
    [
        ("description", 5000),
        ("tags: {team", 1000),
        ("waivers: [{policy: a, owner: b, expires: 2027-01-31, reason", 5000),
    ],
)
def test_texts_have_a_longest_length_which_the_message_names(load: Load, key: str, most: int) -> None:
    end = "}" * key.count("{") + "]" * key.count("[")
    assert not [one for one in load(f"{ENTRY}    {key}: {'x' * most}{end}\n").problems if one.id == "value"]
    (problem,) = load(f"{ENTRY}    {key}: {'x' * (most + 1)}{end}\n").problems
    assert f"has {most + 1:,} characters, more than {most:,}" in problem.finding
    assert problem.next_step == f"write at most {most:,} characters"


def test_many_tag_handles_are_refused_before_they_are_compared() -> None:
    text = "".join(f"%TAG !a{number}! tag:x\n" for number in range(200_000)) + "---\na: 1\n"
    assert [one.id for one in load_text(text, "models.yaml", None).problems] == ["yaml-limit"]


def test_key_of_thousands_of_digits_is_a_problem_not_an_exception(load: Load) -> None:
    loaded = load(f"{ENTRY}    ? '{'9' * 5000}'\n    : 1\n", top="defaults: {tags: {a: b}}\n")
    assert [one.id for one in loaded.problems] == ["unknown-key"]
    assert len(loaded.problems[0].render()) < 1000


@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_only_a_regular_file_is_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "models.yaml"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path = Path("/dev/zero")
    (found,) = load(path, None).problems
    assert found.id == "file" and "not a regular file" in found.finding
