"""Redaction takes time in proportion to what it searches, whatever stands there; benchmarks/redaction.py times it."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from bandplan.wire.redaction import _FEW, _TOKENS, CUT, MOST_SEARCHED, REDACTED, redactor

# The parser of the standard library, under its name of Python 3.11 and later.
parser = re._parser  # type: ignore[attr-defined]

KNOWN = ["correct horse battery", *(f"known secret number {number}" for number in range(2 * _FEW))]


def repeats(tree: Any) -> Iterator[tuple[str, int]]:
    """The kind and the upper bound of every repetition of a pattern."""
    for operation, argument in tree:
        name = str(operation)
        if name.endswith("REPEAT"):
            yield name, argument[1]
        yield from repeats_within(argument)


def repeats_within(argument: Any) -> Iterator[tuple[str, int]]:
    if isinstance(argument, parser.SubPattern):
        yield from repeats(argument)
    elif isinstance(argument, (tuple, list)):
        for item in argument:
            yield from repeats_within(item)


@pytest.mark.parametrize("pattern", [pattern for _, pattern in _TOKENS], ids=lambda pattern: pattern.pattern[:30])
def test_no_pattern_tries_one_stretch_of_text_in_several_ways(pattern: re.Pattern[str]) -> None:
    """A greedy repetition without a bound is possessive. A lazy one goes on from where it is, once."""
    greedy = [most for kind, most in repeats(parser.parse(pattern.pattern)) if kind == "MAX_REPEAT"]
    assert all(most <= 40 for most in greedy)
    lazy = [most for kind, most in repeats(parser.parse(pattern.pattern)) if kind == "MIN_REPEAT" and most > 1]
    assert len(lazy) <= 1


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("eyJabcdefgh.abcd.abcd", REDACTED),
        ("x-eyJabcdefgh.abcd.abcd,", f"x-{REDACTED},"),
        ("eyJ-eyJabcdefgh.abcd", REDACTED),
        ("eyJ.eyJabcdefgh.abcd", f"eyJ.{REDACTED}"),
        ("xeyJabcdefgh.abcd", "xeyJabcdefgh.abcd"),
        ("eyJabcdefgh.abcd.e.f.g of five parts", f"{REDACTED} of five parts"),
        ("Bearer  abcdefgh", f"Bearer  {REDACTED}"),
        ("token=1234x", f"token={REDACTED}"),
        ("token=1,234", "token=1,234"),
        ("https://me:@host", "https://me:@host"),
    ],
)
def test_what_is_found_where_it_can_begin_in_several_places(text: str, left: str) -> None:
    assert redactor(())(text) == left


@pytest.mark.parametrize("known", [KNOWN[:3], KNOWN], ids=["few", "many"])
def test_few_and_many_known_secrets_are_found_alike(known: list[str]) -> None:
    redact = redactor([*known, known[1] + " and more"])
    text = f"<{known[0]}> <{known[1]} and more> <{known[1]}> <{known[2][:-2]}>"
    assert redact(text) == f"<{REDACTED}> <{REDACTED}> <{REDACTED}> <{known[2][:-2]}>"


def test_secrets_of_many_lengths_that_begin_alike_all_go() -> None:
    known = ["secretva" + "x" * length for length in range(2 * _FEW)]
    assert redactor(known)(f"{known[5]} and {known[-1]}") == REDACTED


@pytest.mark.parametrize(
    "secret", ["pass phrase " * 100, "eyJ" + "a" * 3000 + "." + "b" * 3000, "dapi" + "0123456789abcdef" * 3]
)
@pytest.mark.parametrize("before", range(MOST_SEARCHED - 5000, MOST_SEARCHED + 2000, 500))
def test_a_secret_that_a_cut_goes_through_is_not_shown(secret: str, before: int) -> None:
    text = "word " * (before // 5) + secret + " word" * 20_000
    shown = redactor(["pass phrase " * 100], MOST_SEARCHED)(text)
    assert shown.endswith(CUT) and len(shown) < MOST_SEARCHED
    assert not {"pass", "phrase"} & set(shown.split()) and "eyJ" not in shown and "dapi" not in shown


def test_a_short_text_is_not_cut() -> None:
    assert redactor((), MOST_SEARCHED)("w" * MOST_SEARCHED) == "w" * MOST_SEARCHED
