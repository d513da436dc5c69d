import pytest

from bandplan.report.errors import BadInput
from bandplan.report.reading import Reading, parsed
from bandplan.wire.sentinels import UNKNOWN
from bandplan.wire.text import one_line


def reading() -> Reading:
    return Reading("prod.json", lambda text: text)


def problems(one: Reading) -> list[str]:
    with pytest.raises(BadInput) as raised:
        one.finish()
    return str(raised.value).splitlines()


def test_what_is_of_another_kind_is_named_with_file_and_place() -> None:
    one = reading()
    assert one.record([], "steps[3].newState") == {}
    assert one.items("x", "steps") == ()
    assert one.text(5, "steps[3].op") is None
    assert one.whole("many", "steps[3].floor") is None
    assert one.flag("yes", "steps[3].burst") is False
    assert problems(one) == [
        "prod.json: steps[3].newState: found a list, expected an object",
        "prod.json: steps: found a string, expected a list",
        "prod.json: steps[3].op: found a number, expected a string",
        "prod.json: steps[3].floor: found a string, expected a number",
        "prod.json: steps[3].burst: found a string, expected true or false",
    ]


def test_absent_and_unknown_values_are_no_problem() -> None:
    one = reading()
    for value in (None, UNKNOWN):
        assert one.record(value, "x") == {}
        assert one.items(value, "x") == ()
        assert one.text(value, "x") is None
        assert one.whole(value, "x") is None
        assert one.flag(value, "x") is False
    one.finish()


@pytest.mark.parametrize(("value", "read"), [(1960, 1960), (1960.0, 1960), (0, 0)])
def test_whole_numbers_may_be_written_with_a_fraction_of_zero(value: float, read: int) -> None:
    one = reading()
    assert one.whole(value, "x") == read
    one.finish()


@pytest.mark.parametrize("value", [-1, 2.5, 10**16, 1e300, True])
def test_figures_that_no_fleet_has_are_refused(value: float) -> None:
    one = reading()
    assert one.whole(value, "x") is None
    assert len(problems(one)) == 1


def test_the_first_ten_problems_are_told_and_the_others_counted() -> None:
    one = reading()
    for index in range(25):
        one.text(index, f"steps[{index}].op")
    found = problems(one)
    assert len(found) == 11
    assert found[-1] == "prod.json: and 15 more problems of this kind"


def test_characters_that_steer_a_terminal_or_hide_are_made_visible() -> None:
    shown = reading().text("a\x1b[31mb\u202ec\u200bd\u2028e\nf", "x")
    assert shown == "a\\x1b[31mb\\u202ec\\u200bd e\nf"


def test_long_texts_are_cut() -> None:
    shown = reading().text("x" * 5_000, "x")
    assert shown is not None
    assert len(shown) == 2_000
    assert one_line("a\n b  c", 100) == "a b c"
    assert one_line("abcdefgh", 6) == "abc..."


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "prod.json:1:1: empty; expected a preview"),
        ('{"a": 1 "b": 2}', "prod.json:1:9: not JSON: "),
        ('{"steps":\n  [1, 2', "prod.json:2:"),
        ('{"a": NaN}', "prod.json: cannot be parsed as JSON: NaN is not a JSON number; expected a preview"),
        ("[" * 100_000, "prod.json: cannot be parsed as JSON: "),
        ("9" * 5_000, "prod.json: cannot be parsed as JSON: "),
    ],
)
def test_what_is_no_json_is_told_with_line_and_column(text: str, told: str) -> None:
    with pytest.raises(BadInput) as raised:
        parsed(text, "prod.json", "a preview")
    assert str(raised.value).startswith(told)
