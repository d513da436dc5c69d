"""Requests that are replayed as they were observed, on figures worked out by hand."""

from collections.abc import Iterator

import pytest

from bandplan.planner.capacity import Capacity
from bandplan.planner.target import Target
from bandplan.usage.arrivals import BLOCK, Arrivals
from bandplan.usage.bands import Sizer
from bandplan.usage.replay import NoReplay, Replay, least_requests, replay_of
from bandplan.usage.usage_table import Row
from bandplan.usage.window import DAY, Window
from tests.usage.rows import NOW, row, window

CHUNKS = Capacity("bands", 980)
PERIOD = 5.0
"""Seconds between two requests; a request of 2,304 tokens takes 6.97 s alone in a chunk of 980, 1.19 times that beside
another one: (2304 / 245 / 1.35) x (8.57 + 2) / (8.57 + 1), with the 8.57 of four in flight at 1.35."""


def rows(offsets: list[float], *, given: int = 2048, made: int = 256) -> Iterator[Row]:
    """A day in which every minute has requests at these seconds."""
    for minute in range(NOW - DAY, NOW):
        for second in offsets:
            yield row(minute + second / 60, given, made)


EVEN = [0.25 + PERIOD * number for number in range(12)]
AT_ONCE = [20.25 + 0.01 * number for number in range(12)]


def sizer(seconds: float) -> Sizer:
    return Sizer(CHUNKS, Target(latency_seconds=seconds), 0.0)


def replayed(found: Replay | NoReplay | None) -> Replay:
    assert isinstance(found, Replay), found
    return found


def test_arrivals_decide_and_not_only_their_mean() -> None:
    # Both have 0.2 requests/s of one shape. Evenly, two share a chunk of the two: 461 tokens/s are 0.47 of a chunk.
    even, at_once = (sizer(9.0).at(window(rows(one)), 99) for one in (EVEN, AT_ONCE))
    assert replayed(even.replay).requests == 1008  # 84 minutes of 12
    assert even.band.max == 1
    # Twelve at once, in one chunk: four take 6.97 x 1.35 = 9.4 s, and eight of them wait. With two in each of six
    # chunks all take 6.97 x (8.57 + 2) / (8.57 + 1) = 7.7 s; with three in four of them, 8.4 s.
    assert at_once.band.max == 4
    assert even.plan is not None
    assert at_once.plan is not None
    assert even.plan.peak == at_once.plan.peak or at_once.plan.peak.arrivals == "bursty"


def test_a_smooth_load_takes_less_than_a_random_one_of_the_same_rate() -> None:
    found = sizer(8.0).at(window(rows(EVEN)), 99)
    assert found.plan is not None
    assert found.plan.ceiling_steps > found.band.max == 1


def test_lengths_are_those_of_the_requests() -> None:
    def mixed() -> Iterator[Row]:
        for number, one in enumerate(rows(EVEN)):
            yield one._replace(input_tokens=100, output_tokens=10) if number % 10 else one

    found = window(mixed())
    trace = replayed(replay_of(found, found.level(99), 95)).trace
    assert {(shape.input_tokens, shape.output_tokens) for shape in trace.shapes} == {(2048, 256), (100, 10)}


def test_each_minute_is_led_into_and_followed_by_a_pause() -> None:
    found = replayed(replay_of(window(rows(EVEN)), 12 * 2304 / 60, 95))
    trace = found.trace
    assert found.minutes == 84
    # The first minute of the window has none before it, the second one has one.
    assert len(trace.times) == 36 * 84 - 24 - 12
    assert list(trace.judged[:13]) == [*range(12), 24]
    assert trace.times[12] - trace.times[11] > 300


@pytest.mark.parametrize(
    ("offsets", "reason"),
    [
        ([0.0] * 12, "the times of the rows are rounded to minutes"),
        ([0.25, 30.25], ""),
    ],
)
def test_what_cannot_be_replayed_says_so(offsets: list[float], reason: str) -> None:
    found = replay_of(window(rows(offsets)), len(offsets) * 2304 / 60, 95)
    assert (found.reason if isinstance(found, NoReplay) else "") == reason


def test_a_level_that_no_minute_has_is_not_replayed() -> None:
    found = replay_of(window(rows(EVEN)), 1000, 95)
    assert isinstance(found, NoReplay)
    assert str(found) == "simulated from mean and spread: no minute is within 5% of the level"


def test_too_few_requests_are_not_replayed() -> None:
    quiet = window([row(NOW - 60 + number + 0.5, 2048, 256) for number in range(60)] + [row(NOW - 1 + 0.5, 9000, 900)])
    found = replay_of(quiet, quiet.level(100), 95)
    assert isinstance(found, NoReplay)
    assert found.reason == "only 2 requests of minutes within 5% of the level; p95 takes 59"
    assert (least_requests(95), least_requests(99)) == (59, 299)  # ln 0.05 / ln 0.95, ln 0.05 / ln 0.99


def test_times_of_whole_seconds_are_spread_over_them() -> None:
    whole = window(rows([float(int(one)) for one in EVEN[1:]]))
    trace = replayed(replay_of(whole, 11 * 2304 / 60, 95)).trace
    fractions = {round(at % 1, 3) for at in trace.times}
    assert len(fractions) > 100
    assert replay_of(whole, 11 * 2304 / 60, 95) == replay_of(whole, 11 * 2304 / 60, 95)


def test_requests_without_tokens_have_the_mean_lengths() -> None:
    known = list(rows(EVEN))
    known[5] = known[5]._replace(input_tokens=None, output_tokens=None)
    found: Window = window(known)
    trace = replayed(replay_of(found, 12 * 2304 / 60, 95)).trace
    assert {(shape.input_tokens, shape.output_tokens) for shape in trace.shapes} == {(2048, 256)}


@pytest.mark.parametrize("is_reversed", [False, True])
def test_kept_requests_are_bounded_whatever_their_order(is_reversed: bool) -> None:
    kept = Arrivals(most=100)
    minutes = range(64 * BLOCK)
    for minute in reversed(minutes) if is_reversed else minutes:
        kept.add(60.0 * minute + 1, 10, 10)
    blocks = {minute // BLOCK for minute in minutes if minute in kept}
    assert blocks == {0, 16, 32, 48}  # 4 x 16 minutes; 8 blocks would be 128 requests
    assert list(kept.of(0)) == [(1.0, 10.0, 10.0)]
