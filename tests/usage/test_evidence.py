"""When a window is not evidence: every reason at once, by the thresholds of the policy observed-use."""

import pytest

from bandplan.policies.configuration import defaults
from bandplan.policies.rules.observed_use import RULE
from bandplan.usage.evidence import Thresholds, shortcomings
from bandplan.usage.reason import Code
from bandplan.usage.scrape import Scrape
from bandplan.usage.window import DAY, Window
from tests.usage.rows import NOW, row, steady, window


def codes(found: Window | None, percentile: float = 99, now: int = NOW, *, has_rows: bool = True) -> list[Code]:
    return [reason.code for reason in shortcomings(found, Thresholds(), percentile, now, has_rows=has_rows)]


def test_thresholds_are_those_of_the_policy() -> None:
    assert {name: defaults(RULE)[name] for name in Thresholds.__dataclass_fields__} == {
        name: getattr(Thresholds(), name) for name in Thresholds.__dataclass_fields__
    }


def test_steady_week_is_evidence() -> None:
    assert codes(window(steady(7, lambda _: 1))) == []


@pytest.mark.parametrize(
    ("found", "percentile", "later", "expected"),
    [
        (window(steady(6.9, lambda _: 1)), 99, 0, [Code.SHORT_WINDOW]),
        (window(steady(7, lambda _: 1)), 90, 0, [Code.LOW_PERCENTILE]),
        (window(steady(7, lambda _: 1)), 99, 31 * DAY, [Code.OLD]),
        (window(steady(0.5, lambda _: 1)), 94, 31 * DAY,
         [Code.FEW_SAMPLES, Code.SHORT_WINDOW, Code.LOW_PERCENTILE, Code.OLD]),
    ],
)  # fmt: skip
def test_thin_windows_are_told_with_every_reason(
    found: Window, percentile: float, later: int, expected: list[Code]
) -> None:
    assert codes(found, percentile, NOW + later) == expected


def test_window_of_minutes_less_than_the_days_required_is_not_called_as_long() -> None:
    (reason,) = shortcomings(window(steady(6.99, lambda _: 1)), Thresholds(), 99, NOW, has_rows=True)
    assert reason.text == "6.9 of the 7 days required"


def test_nothing_known_says_where_it_could_come_from() -> None:
    (without,) = shortcomings(None, Thresholds(), 99, NOW, has_rows=False)
    (empty,) = shortcomings(None, Thresholds(), 99, NOW, has_rows=True)
    assert (without.code, empty.code) == (Code.NO_DATA, Code.NO_DATA)
    assert without.text.endswith("give --usage FILE")
    assert empty.text == "the usage file has no request of it"


def test_rows_without_tokens_are_no_evidence_once_they_are_more_than_a_tenth() -> None:
    def share(untokened: int) -> list[Code]:
        rows = [
            row(minute, *((None, None) if minute % 100 < untokened else (800, 200)))
            for minute in range(NOW - 7 * DAY, NOW)
        ]
        return codes(window(rows))

    assert share(10) == []
    assert share(11) == [Code.NO_TOKENS]
    assert share(100) == [Code.NO_TOKENS]


def test_export_alone_counts_requests_but_no_tokens() -> None:
    exported = {minute: Scrape(minute % 2) for minute in range(NOW - 8 * DAY, NOW)}
    assert codes(window([], exported), has_rows=False) == [Code.NO_TOKENS]


def test_rows_that_are_fewer_than_the_export_counted_are_no_evidence() -> None:
    rows = list(steady(7, lambda _: 1))
    full, half = ({minute: Scrape(count) for minute in range(NOW - 7 * DAY, NOW)} for count in (1, 2))
    assert codes(window(rows, full)) == []
    assert codes(window(rows, half)) == [Code.ROWS_MISSING]


def test_load_that_changed_is_no_evidence_for_one_band() -> None:
    assert codes(window(steady(10, lambda minute: 2 if minute < 5 * DAY else 4))) == [Code.LOAD_CHANGED]
    # A twentieth more does not count as a change, however even the days are.
    assert codes(window(steady(10, lambda minute: 20 if minute < 5 * DAY else 21))) == []
    # Nor is a weekend: see test_window.
    assert codes(window(steady(10, lambda minute: 4 if minute // DAY in (5, 6) else 10))) == []
