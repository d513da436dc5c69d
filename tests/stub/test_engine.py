"""The simulated engine by itself: tokens, stop words, pace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bandplan.stub.inference import tokens
from bandplan.stub.inference.engine import Token
from bandplan.stub.inference.simulated import Pace, parse_pace
from bandplan.stub.inference.stopping import StopWords
from tests.unhurried import UNHURRIED


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("Hello, world", ["Hell", "o", ",", " worl", "d"]),
        ("abcd efgh", ["abcd", " efgh"]),
        ("a_b", ["a", "_", "b"]),
        ("x  ", ["x", "  "]),
        ("  ", ["  "]),
        ("äöüß!", ["äöüß", "!"]),
    ],
)
def test_text_is_split_by_the_stated_rule(text: str, expected: list[str]) -> None:
    assert tokens.split(text) == expected
    assert tokens.count(text) == len(expected)


@UNHURRIED
@given(st.text())
def test_tokens_joined_are_the_text_again(text: str) -> None:
    assert "".join(tokens.split(text)) == text


@UNHURRIED
@given(st.text("ab ,\n\u00e4_", max_size=200), st.integers(1, 20))
def test_slices_of_a_text_have_its_tokens(text: str, length: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tokens, "SLICE_LENGTH", length)
        parts = list(tokens.slices(text))
    assert "".join(parts) == text
    assert [token for part in parts for token in tokens.split(part)] == tokens.split(text)


def stopped(text_tokens: list[str], *stop_words: str) -> list[str]:
    """The texts that go out of tokens that come one at a time."""
    stopping, out = StopWords(stop_words), []
    for text in text_tokens:
        if not stopping.is_met:
            out += stopping.feed([Token(text)])
    return [token.text for token in out + stopping.rest()]


@pytest.mark.parametrize(
    ("text_tokens", "stop_words", "expected"),
    [
        (["ab", "cd"], [], ["ab", "cd"]),
        (["ab", "cd", "ef"], ["cd"], ["ab"]),
        (["ab", "cd", "ef"], ["bcde"], ["a"]),
        (["ab", "cd", "ef"], ["x"], ["ab", "cd", "ef"]),
        (["ab", "cd"], ["cdx"], ["ab", "cd"]),
        (["ab", "cd"], ["ab"], []),
        (["ab", "cd", "ef"], ["ef", "bc"], ["a"]),
    ],
)
def test_tokens_end_before_the_first_stop_word(
    text_tokens: list[str], stop_words: list[str], expected: list[str]
) -> None:
    assert stopped(text_tokens, *stop_words) == expected


@UNHURRIED
@given(st.lists(st.text("ab", min_size=1, max_size=4)), st.lists(st.text("ab", min_size=1, max_size=3), max_size=3))
def test_stopping_never_lets_a_stop_word_out(text_tokens: list[str], stop_words: list[str]) -> None:
    whole, out = "".join(text_tokens), "".join(stopped(text_tokens, *stop_words))
    assert whole.startswith(out)
    assert not any(word in out for word in stop_words)
    if not any(word in whole for word in stop_words):
        assert out == whole


def test_pace_is_read_in_milliseconds() -> None:
    assert parse_pace("200:25") == Pace(first_token_seconds=0.2, seconds_per_token=0.025)


@pytest.mark.parametrize("pace", ["", "1", "x:1", "1:-1", "nan:1", "1:inf", "1:2:3"])
def test_other_paces_are_refused(pace: str) -> None:
    with pytest.raises(ValueError, match="--pace"):
        parse_pace(pace)
