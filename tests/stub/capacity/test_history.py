"""The last ten minutes of an endpoint, in steps of five seconds."""

import pytest

from bandplan.stub.capacity.history import MOST_REFUSALS, Histories, History, Step, percentile
from bandplan.stub.capacity.levels import STEPS, Level, Levels, total

START = 1_000_000.0  # a multiple of five seconds


def level(**changes: float) -> Level:
    return Level(**{"floor": 980, "ceiling": 1960, "chunks": 1, "in_flight": 0, "waiting": 0, **changes})  # type: ignore[arg-type]


def test_tokens_count_in_the_step_in_which_they_are_delivered() -> None:
    history = History()
    history.tokens(START + 4.9, 2048, 1)
    history.tokens(START + 5.0, 0, 9)
    first, steps = history.steps(START + 5.0)
    assert len(steps) == STEPS and first == START / 5 + 1 - (STEPS - 1)
    assert [(step.input_tokens, step.output_tokens) for step in steps[-2:]] == [(2048, 1), (0, 9)]
    assert all(step == Step() for step in steps[:-2])


def test_live_tokens_per_second_cover_the_step_before_and_the_time_since() -> None:
    history = History()
    history.tokens(START + 1, 400, 0)
    history.tokens(START + 6, 0, 200)
    assert history.tokens_per_second(START + 6) == pytest.approx(600 / 6)
    assert history.tokens_per_second(START + 9.9) == pytest.approx(600 / 9.9)
    assert history.tokens_per_second(START + 12) == pytest.approx(200 / 7)
    assert history.tokens_per_second(START + 60) == 0


def test_tokens_that_an_engine_counts_itself_correct_the_newest_steps_and_none_below_zero() -> None:
    history = History()
    history.tokens(START + 1, 100, 10)
    history.tokens(START + 6, 0, 4)
    history.correct(START + 11, 5, -6)  # 4 from the second step, 2 from the first; 5 to the third
    _, steps = history.steps(START + 11)
    assert [(step.input_tokens, step.output_tokens) for step in steps[-3:]] == [(100, 8), (0, 0), (5, 0)]
    assert history.tokens_per_second(START + 11) == pytest.approx(5 / 6)
    history.correct(START + 11, -1000, 0)
    assert history.last_minute(START + 11).tokens == 8


def test_history_forgets_what_is_older_than_ten_minutes() -> None:
    history = History()
    for second in range(0, 7200, 5):
        history.tokens(START + second, 1, 0)
    _, steps = history.steps(START + 7199)
    assert sum(step.tokens for step in steps) == STEPS
    assert len(history._steps) <= 2 * STEPS


def test_minute_counts_each_outcome_and_a_client_that_left_as_none() -> None:
    history = History()
    for status in (200, 200, 400, 429, 503, 499):
        history.end(START, status, 100.0, "why")
    minute = history.last_minute(START + 54)
    assert (minute.answered, minute.refused, minute.failed) == (2, 2, 1)
    assert history.last_minute(START + 60) == Step()


@pytest.mark.parametrize(("percent", "expected"), [(50, 500.0), (95, 950.0), (100, 1000.0)])
def test_percentile_is_within_its_bin(percent: float, expected: float) -> None:
    history = History()
    for latency_ms in range(1, 1001):
        history.end(START, 200, latency_ms)
    assert percentile(history.last_minute(START).latencies, percent) == pytest.approx(expected, rel=0.03)


def test_percentile_of_no_latency_is_none_and_of_an_instant_one_is_small() -> None:
    history = History()
    assert percentile(history.last_minute(START).latencies, 50) is None
    history.end(START, 200, 0.0)
    assert percentile(history.last_minute(START).latencies, 50) == pytest.approx(0.01, rel=0.05)


def test_equal_refusals_are_one_with_a_count_and_the_latest_comes_first() -> None:
    history = History()
    for second, (status, message) in enumerate([(429, "full"), (400, "bad"), (429, "full"), (503, "full")]):
        history.end(START + second, status, 1.0, message)
    shown = [(one.status, one.message, one.count, one.first - START, one.last - START) for one in history.refusals]
    assert shown == [(503, "full", 1, 3, 3), (429, "full", 2, 0, 2), (400, "bad", 1, 1, 1)]


def test_only_the_last_refusals_are_kept() -> None:
    history = History()
    for number in range(3 * MOST_REFUSALS):
        history.end(START, 400, 1.0, str(number))
    assert [one.message for one in history.refusals] == [
        str(n) for n in reversed(range(2 * MOST_REFUSALS, 3 * MOST_REFUSALS))
    ]


def test_oldest_history_is_forgotten_first_and_looking_makes_none() -> None:
    histories = Histories(START, most=2)
    for endpoint_id in ("a", "b", "c"):
        assert histories.seen(endpoint_id).last_minute(START) == Step()
        histories.of(endpoint_id).end(START, 200, 1.0)
    assert [histories.seen(endpoint_id).last_minute(START).answered for endpoint_id in ("a", "b", "c")] == [0, 1, 1]


def test_level_holds_until_it_changes_and_a_step_shows_its_peak() -> None:
    levels = Levels()
    levels.note(START, level())
    levels.note(START + 11, level(in_flight=4, waiting=7))
    levels.note(START + 12, level(in_flight=3, chunks=2))
    first = int(START / 5)
    assert levels.steps(first - 1, 5) == [
        None,
        level(),
        level(),
        level(in_flight=4, waiting=7, chunks=2),
        level(in_flight=3, chunks=2),
    ]


def test_step_with_a_change_shows_the_requests_that_were_there_when_it_began() -> None:
    levels = Levels()
    levels.note(START, level(waiting=5))
    levels.note(START + 6, level())
    assert levels.steps(int(START / 5), 3) == [level(waiting=5), level(waiting=5), level()]


def test_levels_of_an_idle_pool_are_remembered_after_ten_minutes() -> None:
    levels = Levels()
    for second in range(3600):
        levels.note(START + second, level(in_flight=second))
    first = int((START + 86_400) / 5)
    assert levels.steps(first, 2) == [level(in_flight=3599)] * 2
    assert len(levels._changes) <= STEPS + 1


def test_sum_of_levels_leaves_out_those_that_are_not_known() -> None:
    assert total([None, None]) is None
    assert total([level(waiting=1), None, level(chunks=2)]) == Level(1960, 3920, 3, 0, 1)
