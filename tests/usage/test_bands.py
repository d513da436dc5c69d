"""The bands that a window argues for, by the planner, on figures worked out by hand."""

import pytest

from bandplan.planner.alone import NoCapacity
from bandplan.planner.capacity import Capacity
from bandplan.planner.target import Target
from bandplan.usage.bands import Band, Sizer, load_of
from bandplan.usage.scrape import Scrape
from bandplan.usage.window import DAY, Window
from tests.usage.rows import NOW, row, steady, window

CHUNKS = Capacity("bands", 980)
SIZER = Sizer(CHUNKS, Target(), 20.0)


def week(per_minute: int, *, given: int = 2048, made: int = 256) -> Window:
    """A day is enough for a band: every minute the same."""
    return window([row(minute, given, made) for minute in range(NOW - DAY, NOW) for _ in range(per_minute)])


def test_ceiling_holds_the_level_with_headroom_and_the_floor_the_average() -> None:
    # 60 requests of 2,304 tokens in a minute are 1 request/s: 2,304 x 1.2 / 980 = 2.8 chunks.
    found = SIZER.at(week(60), 99)
    assert (found.tokens_per_second, found.band.max) == (2304, 3)
    assert found.requests_per_second == pytest.approx(1)


def test_percentiles_differ_where_minutes_do() -> None:
    # 98% of the minutes have 12 requests of 1,000 tokens (200 tokens/s), 2% have 120 (2,000 tokens/s).
    busy = window(steady(1, lambda minute: 120 if minute % 50 == 0 else 12))
    lower, target, upper = (SIZER.at(busy, percent) for percent in (90, 99, 100))
    assert (lower.tokens_per_second, target.tokens_per_second, upper.tokens_per_second) == (200, 2000, 2000)
    # 2,000 x 1.2 / 980 = 2.4; the average of 0.98 x 200 + 0.02 x 2,000 = 236 tokens/s is well within a chunk.
    assert (lower.band, target.band) == (Band(1, 1), Band(1, 3))


def test_floor_holds_what_a_policy_asks_of_it() -> None:
    busy = window(steady(1, lambda minute: 120 if minute % 50 == 0 else 12))
    # 50% of 2,000 tokens/s are 1,000: two chunks of 980.
    assert Sizer(CHUNKS, Target(), 20.0, steady_percent=50).at(busy, 99).band == Band(2, 3)


def test_latency_that_the_tokens_alone_would_not_ask_for_takes_more() -> None:
    # A reference request alone takes 4 x 2,304 / 980 / 1.35 = 6.97 s in a chunk; with others beside it longer.
    load = week(24)
    alone = SIZER.at(load, 99).band.max
    assert alone == 2  # 0.4 x 2,304 x 1.2 / 980 = 1.13
    assert Sizer(CHUNKS, Target(latency_seconds=7.6, percentile=95), 20.0).at(load, 99).band.max > alone
    with pytest.raises(NoCapacity, match=r"one request alone takes 7\.0 s"):
        Sizer(CHUNKS, Target(latency_seconds=6.9), 20.0).at(load, 99)


def test_model_units_have_one_amount() -> None:
    # 3,800 tokens at 1 request/s, with 20%: 4,560 / (50 x 65) = 1.4 steps of 50 units.
    found = Sizer(Capacity("model_units", 50), Target(), 20.0).at(week(60, given=3500, made=300), 99)
    assert found.band == Band(2, 2)


def test_endpoint_without_requests_needs_the_least_there_is() -> None:
    idle = window([], {minute: Scrape(0) for minute in range(NOW - DAY, NOW)})
    assert SIZER.at(idle, 99).band == Band(1, 1)


def test_planner_is_given_the_observed_load() -> None:
    rows = [
        row(minute + second / 60, given, made)
        for minute in range(NOW - 60, NOW)
        for second, given, made in ((1, 1000, 100), (17, 3000, 120))
    ]
    load = load_of(window(rows))
    # Two requests a minute; input 1,000 and 3,000 deviate by half of their mean.
    assert (load.shape.input_tokens, load.shape.output_tokens) == (2000, 110)
    assert load.requests_per_second == pytest.approx(2 / 60)
    assert load.spread_percent == 50
    assert load.arrivals == "poisson"
