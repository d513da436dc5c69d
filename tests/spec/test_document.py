import tracemalloc

import pytest

from bandplan.serving.spec.document import read
from bandplan.serving.spec.problem import Problem


def problem(text: str) -> Problem:
    (found,) = read(text, "models.yaml").problems
    return found


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", 1),
        ("a: -3", -3),
        ("a: 0.1", 0.1),
        ("a: 1e3", 1000.0),
        ("a: '1'", "1"),
        ("a: true", True),
        ("a: null", None),
        ("a:", None),
        ("a: yes", "yes"),
        ("a: on", "on"),
        ("a: 2026-01-31", "2026-01-31"),
        ("a: 010", "010"),
        ("a: 1_000", "1_000"),
        ("a: 12:30", "12:30"),
        ("a: !!str 1", "1"),
        ("a: [1, [2]]", [1, [2]]),
        ("a: |\n  x\n  y\n", "x\ny\n"),
    ],
)
def test_plain_scalars_have_the_kind_of_yaml_1_2_core(text: str, value: object) -> None:
    document = read(text, "models.yaml")
    assert document.data == {"a": value} and document.problems == ()


def test_line_breaks_that_only_yaml_1_1_has_may_be_written_escaped() -> None:
    assert read(r'a: "\u2028\u2029\N"', "models.yaml").data == {"a": "\u2028\u2029\x85"}


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_places_are_those_of_the_editor_whatever_ends_a_line(end: str) -> None:
    assert read(f"a: 1{end}b:{end}  - c: 1{end}    c: 2{end}", "models.yaml").problems[0].line == 4


def test_merge_key_gives_way_to_own_keys_and_to_earlier_mappings() -> None:
    text = "one: &one {x: 1, y: 1}\ntwo: &two {x: 2, z: 2}\nall: {<<: [*one, *two], y: 9}\n"
    data = read(text, "models.yaml").data
    assert isinstance(data, dict) and data["all"] == {"x": 1, "y": 9, "z": 2}


@pytest.mark.parametrize(
    ("text", "id", "place", "words"),
    [
        ("", "yaml", (1, 1), "empty"),
        ("# nothing\n", "yaml", (1, 1), "empty"),
        ("a: 1\nb: 2\na: 3\n", "duplicate-key", (3, 1), "already on line 1"),
        ("a:\n\tb: 1\n", "yaml-tab", (2, 1), "tab"),
        ("a: [1,\n", "yaml", (2, 1), "not valid YAML"),
        ("a: 'x\n", "yaml", (1, 4), "not valid YAML"),
        ("a: 1\n---\nb: 2\n", "yaml", (2, 1), "several documents"),
        ("a: *x\n", "yaml-anchor", (1, 4), "no anchor &x"),
        ("a: &x [*x]\n", "yaml-anchor", (1, 8), "its own anchor"),
        ("a: {<<: 3}\n", "yaml-anchor", (1, 9), "not a mapping"),
        ("1: x\n", "key-type", (1, 1), '"1"'),
        ("a: 1\ntrue: x\n", "key-type", (2, 1), '"true"'),
        ("? [a]\n: 1\n", "key-type", (1, 3), "not text"),
        ("a: !!python/name:os.system x\n", "yaml", (1, 4), "tag"),
        ("a: !!set {x}\n", "yaml", (1, 4), "tag"),
        ("a: .inf\n", "value", (1, 4), "not a number"),
        ("a: .nan\n", "value", (1, 4), "not a number"),
        ("a: 1e999\n", "value", (1, 4), "not a number"),
        ("a: " + "9" * 5000, "value", (1, 4), "not a number"),
        ("a: b\x07\n", "yaml", (1, 5), "U+0007"),
        ("# b\u2028c\na: 1\n", "yaml", (1, 4), "U+2028"),  # it would put all below it on another line than editors do
        ("a: b\u2029c\n", "yaml", (1, 5), "U+2029"),
        ("a: b\x85c\n", "yaml", (1, 5), "U+0085"),
        ("a: {b: 1\n\nc: 2}\nd: 1\n", "yaml", (3, 2), "a flow mapping that begins on line 1, column 4"),
        ('a: 1\nb: "x\nc: 1\n', "yaml", (2, 4), "the quote that ends it"),
        ("a: @b\n", "yaml", (1, 4), "put the text in quotes"),
        ("a: 50 %: b\n", "yaml", (1, 8), "text that contains a colon in quotes"),
        ("a: {{ b }}\n", "key-type", (1, 5), "put text that begins with { or [ in quotes"),
        ("a: {b: 1,960}\n", "key-type", (1, 10), 'write "960" in quotes; if it is the end of a number'),
    ],
)
def test_broken_yaml_is_one_problem_at_its_place(text: str, id: str, place: tuple[int, int], words: str) -> None:
    found = problem(text)
    assert (found.id, (found.line, found.column)) == (id, place)
    assert words in found.render()


@pytest.mark.parametrize("opening", ["[", "{a: ", "- ", "? ", "a: {b: ["])
def test_deep_nesting_is_refused_and_does_not_end_the_process(opening: str) -> None:
    assert problem(opening * 200_000).id in ("yaml-limit", "yaml")


def test_forty_levels_are_read_and_forty_one_are_not() -> None:
    assert read("a: " + "[" * 39 + "]" * 39, "models.yaml").problems == ()
    assert problem("a: " + "[" * 40 + "]" * 40).id == "yaml-limit"


def test_aliases_that_multiply_are_refused_in_little_memory() -> None:
    lines = ["a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]"]
    lines += [
        f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    tracemalloc.start()
    found = problem("\n".join(lines))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.id == "yaml-limit"
    assert peak < 10_000_000


def test_aliases_within_the_limit_are_repeated() -> None:
    data = read("a: &a {x: [1, 2]}\nb: *a\nc: [*a, *a]\n", "models.yaml").data
    assert data == {"a": {"x": [1, 2]}, "b": {"x": [1, 2]}, "c": [{"x": [1, 2]}, {"x": [1, 2]}]}


def test_more_values_than_the_limit_are_refused() -> None:
    assert problem("a: [" + "1," * 250_000 + "1]").id == "yaml-limit"
    assert read("a: [" + "1," * 100_000 + "1]", "models.yaml").problems == ()


def test_every_duplicate_and_every_odd_key_is_reported_in_one_go() -> None:
    document = read("a: 1\na: 2\n3: x\nb: {c: 1, c: 2}\n", "models.yaml")
    assert [(one.id, one.line) for one in document.problems] == [
        ("duplicate-key", 2),
        ("key-type", 3),
        ("duplicate-key", 4),
    ]
    assert document.data == {"a": 1, "b": {"c": 1}}


IN_AN_ENTRY = """\
version: 1
models:
  - name: first
    tags: {a: b}
  - name: chat
"""


@pytest.mark.parametrize(
    ("lines", "id", "path"),
    [
        ("    name: chat\n", "duplicate-key", "models/chat/name"),
        ("    tags: {a: 1, a: 2}\n", "duplicate-key", "models/chat/tags/a"),
        ("    tags: {3: x}\n", "key-type", "models/chat/tags"),
        ("    demand: {input_tokens: .nan}\n", "value", "models/chat/demand/input_tokens"),
        ("    demand: {input_tokens: 1e99}\n", "value", "models/chat/demand/input_tokens"),
        ("    entities: [{version: -.inf}]\n", "value", "models/chat/entities/0/version"),
        ("    tags: *nowhere\n", "yaml-anchor", "models/chat/tags"),
        ("    tags: {<<: 3}\n", "yaml-anchor", "models/chat/tags"),
        ("    throughput:\n\tbands: 1\n", "yaml-tab", "models/chat/throughput"),
        ("    tags: {a: [}\n", "yaml", "models/chat/tags/a/0"),
        ("  - tags: {.inf: 1}\n    name: last\n", "value", "models/last/tags"),
    ],
)
def test_problem_with_yaml_in_an_entry_has_the_path_of_the_entry(lines: str, id: str, path: str) -> None:
    found = problem(IN_AN_ENTRY + lines)
    assert (found.id, found.path) == (id, path)


@pytest.mark.parametrize(
    ("number", "step"),
    [(".nan", "in digits"), (".inf", "in digits"), ("-.INF", "in digits"), ("9e99", "smaller"), ("9" * 20, "smaller")],
)
def test_number_that_cannot_be_used_is_told_apart_from_one_that_is_too_large(number: str, step: str) -> None:
    assert step in problem(f"a: {number}\n").next_step
