"""Windows: levels of minutes, gaps, shapes, and whether the load stayed the same. All figures by hand."""

import math
from random import Random

import pytest

from bandplan.usage.observed import Observed
from bandplan.usage.scrape import Scrape
from bandplan.usage.window import DAY, change_of, percentile, window_of
from tests.usage.rows import NOW, row, steady, window


def test_level_of_a_minute_is_its_tokens_over_sixty_seconds() -> None:
    # 3 x 1,000 tokens in a minute are 50 tokens/s; the minute between the two has none.
    found = window([row(NOW - 3), row(NOW - 3), row(NOW - 3), row(NOW - 1)])
    assert [found.levels[minute] for minute in (NOW - 3, NOW - 2, NOW - 1)] == [50, 0, pytest.approx(1000 / 60)]
    assert (found.start, found.end, found.samples) == (NOW - 3, NOW, 3)
    assert found.mean == pytest.approx(4000 / 180)


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (90, 9), (91, 10), (100, 10), (1, 1), (0, 1)])
def test_percentile_is_the_smallest_value_that_so_many_do_not_exceed(percent: float, expected: int) -> None:
    assert percentile(list(range(1, 11)), percent) == expected
    assert percentile([], percent) == 0


def test_percentile_is_exact_where_the_product_is_not() -> None:
    assert 99.9 / 100 * 1000 > 999
    assert percentile(list(range(1, 1001)), 99.9) == 999


def test_refused_and_failed_requests_have_no_tokens_and_are_counted() -> None:
    found = window(
        [row(NOW - 1), row(NOW - 1, None, None, 429), row(NOW - 1, None, None, 503), row(NOW - 1, 5, 5, 404)]
    )
    assert (found.total.requests, found.total.answered, found.total.refused, found.total.failed) == (4, 1, 1, 1)
    assert found.levels[NOW - 1] == pytest.approx(1000 / 60)
    assert found.refused_since(NOW - 1) == 1
    assert found.refused_since(NOW) == 0


def test_answers_without_tokens_weigh_as_the_mean_of_the_others() -> None:
    found = window([row(NOW - 2), row(NOW - 2, 1600, 400), row(NOW - 1, None, None)])
    # 1,000 and 2,000 tokens: 1,500 on average, so 25 tokens/s.
    assert found.levels[NOW - 1] == 25
    assert found.untokened_percent == pytest.approx(100 / 3)
    assert (found.input_tokens, found.output_tokens) == (1200, 300)


def test_spread_is_the_larger_of_input_and_output() -> None:
    # input 1,000 and 3,000: mean 2,000, deviation 1,000 = 50%; output 100 and 120: 10 of 110.
    found = window([row(NOW - 1, 1000, 100), row(NOW - 1, 3000, 120)])
    assert found.spread_percent == pytest.approx(50)


def test_window_ends_with_the_newest_row_and_is_cut_at_its_length() -> None:
    found = window(steady(20, lambda _: 1, until=NOW - 3 * DAY), days=14)
    assert (found.end, found.start) == (NOW - 3 * DAY, NOW - 17 * DAY)
    assert found.samples == 14 * DAY
    assert found.total.requests == 14 * DAY


def test_minutes_without_rows_are_idle_without_an_export_and_gaps_are_not_known() -> None:
    found = window([row(NOW - 100), row(NOW - 1)])
    assert found.samples == 100
    assert found.gap_percent is None


def test_from_the_first_exported_minute_on_only_a_count_of_zero_is_idle() -> None:
    # Watched from NOW - 4: one minute with a row, one idle, one with requests but without rows, one not read.
    exported = {NOW - 4: Scrape(1), NOW - 3: Scrape(0), NOW - 2: Scrape(9)}
    found = window([row(NOW - 10), row(NOW - 4), row(NOW - 1)], exported)
    assert sorted(found.levels) == [*range(NOW - 10, NOW - 2), NOW - 1]
    assert found.gap_percent == 25  # NOW - 2 of the four watched


def test_rows_are_compared_with_what_the_export_counted() -> None:
    exported = {NOW - minute: Scrape(100) for minute in (1, 2)}
    rows = [row(NOW - 1)] * 90 + [row(NOW - 2)] * 60
    assert window(rows, exported).coverage_percent == 75
    assert window(rows, {NOW - 1: Scrape(99)}).coverage_percent is None  # too few to tell


def test_rows_that_are_still_to_come_are_not_missing_but_those_of_this_morning_are() -> None:
    def coverage(late_minutes: int) -> float | None:
        """Both tell a request a minute for two days; rows end `late_minutes` ago."""
        exported = {minute: Scrape(1) for minute in range(NOW - 2 * DAY, NOW)} | {NOW - 1: Scrape(0)}
        return window(steady(2 - late_minutes / DAY, lambda _: 1, until=NOW - late_minutes), exported).coverage_percent

    assert coverage(5 * 60) == 100
    # 40 hours of rows, and 42 of the export's that should have them.
    assert coverage(8 * 60) == pytest.approx(100 * 40 / 42, abs=0.1)


def test_nothing_known_is_no_window_and_idle_minutes_alone_are_one() -> None:
    assert window_of(Observed(), {}, 14, NOW) is None
    assert window_of(Observed(), {NOW - 1: Scrape(5)}, 14, NOW) is None
    idle = window_of(Observed(), {NOW - 1: Scrape(0), NOW - 2: Scrape(0)}, 14, NOW)
    assert idle is not None
    assert (idle.samples, idle.mean, idle.gap_percent) == (2, 0, 0)


def test_poisson_arrivals_have_a_dispersion_of_one_and_gamma_gaps_of_a_quarter_about_four() -> None:
    def arrivals(shape: float) -> list[float]:
        random, at, found = Random(7), 0.0, []
        while at < 2 * 3600:
            at += random.gammavariate(shape, 0.25 / shape)  # four in a second on average
            found.append(at)
        return found

    start = NOW - 200
    poisson, bursty = (window([row(start + at / 60) for at in arrivals(shape)]).dispersion for shape in (1.0, 0.25))
    assert poisson == pytest.approx(1, abs=0.1)
    assert bursty is not None and 2.5 < bursty < 4.5


def test_busy_and_quiet_hours_are_no_bursts() -> None:
    random, rows = Random(3), []
    for second in range(4 * 3600):
        rate = 4 if second // 3600 % 2 else 0.5
        count = sum(random.random() < rate / 20 for _ in range(20))  # about Poisson
        rows += [row(NOW - 300 + second / 60)] * count
    dispersion = window(rows).dispersion
    assert dispersion is not None and dispersion < 1.3


def test_dispersion_is_not_known_from_few_requests_or_times_that_are_rounded_to_minutes() -> None:
    assert window([row(NOW - 1)] * 10).dispersion is None
    assert window([row(NOW - 1 - index % 50) for index in range(2000)]).dispersion is None


def test_days_are_counted_back_from_the_end() -> None:
    found = window(steady(2.5, lambda minute: 1))
    assert [len(day) for day in found.by_day()] == [DAY, DAY, DAY // 2]


def test_load_that_doubles_half_way_has_changed_by_more_than_its_spread() -> None:
    # 1 request of 1,000 tokens a minute for five days, then 2: 16.7 tokens/s more, and no spread within the halves.
    found = change_of(window(steady(10, lambda minute: 1 if minute < 5 * DAY else 2)))
    assert found is not None
    assert found[0] == pytest.approx(1000 / 60)
    assert found[1] == pytest.approx(0, abs=1e-6)


def test_weekends_are_a_spread() -> None:
    # Ten days from a Monday: 5 x 10, 2 x 4, 3 x 10 requests a minute. Newer half: 4, 4, 10, 10, 10 = 7.6; older: 10.
    def per_minute(minute: int) -> int:
        return 4 if minute // DAY in (5, 6) else 10

    found = change_of(window(steady(10, per_minute)))
    assert found is not None
    unit = 1000 / 60
    assert found[0] == pytest.approx(-2.4 * unit)
    # deviations: 0 in the older half; -3.6, -3.6, 2.4, 2.4, 2.4 in the newer one
    assert found[1] == pytest.approx(unit * math.sqrt((2 * 3.6**2 + 3 * 2.4**2) / 10))


def test_change_needs_four_whole_days() -> None:
    assert change_of(window(steady(3.9, lambda _: 1))) is None
