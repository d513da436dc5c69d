"""Sums over seconds and hours, whatever the order in which spans and tokens are counted."""

import random

import pytest

from bandplan.stub.capacity.usage import Usage


def test_last_seconds_are_whole_ones_before_now() -> None:
    usage = Usage()
    usage.span(10.5, 13.0, chunks=2, capacity=100, work=50)
    assert usage.last(13.2, 1).work == pytest.approx(50)
    assert usage.last(13.2, 3).work == pytest.approx(125)
    assert usage.last(12.9, 1).chunk_seconds == pytest.approx(2)
    assert usage.last(13.2, 60).capacity == pytest.approx(250)
    assert usage.utilisation(13.2, 60) == pytest.approx(0.5)
    assert usage.utilisation(400, 60) == 0


def test_tokens_that_are_counted_before_the_span_they_lie_in_are_not_lost() -> None:
    usage = Usage()
    usage.tokens(104.5, 7, 3)
    usage.span(99.0, 105.0, chunks=1, capacity=10, work=10)
    last = usage.last(105.1, 5)
    assert (last.input_tokens, last.output_tokens, last.work) == (7, 3, pytest.approx(50))


@pytest.mark.parametrize("seed", range(5))
def test_hours_and_seconds_are_forgotten_oldest_first_and_agree(seed: int) -> None:
    draw = random.Random(seed)
    usage, now, spans = Usage(), 0.0, []
    for _ in range(300):
        start, now = now, now + draw.choice([0.1, 7.0, 400.0, 5000.0])
        spans.append((start, now))
        usage.tokens(now, 1, 1)
        usage.span(start, now, chunks=1, capacity=10, work=4)
    work = sum(4 * (end - start) for start, end in spans)
    assert sum(use.work for _, use in usage.by_hour()) == pytest.approx(work)
    starts = [start for start, _ in usage.by_hour()]
    assert starts == sorted(starts)
    recent = sum(4 * max(0.0, min(end, int(now)) - max(start, int(now) - 300)) for start, end in spans)
    assert usage.last(now, 300).work == pytest.approx(recent)


def test_no_more_than_two_months_of_hours_are_kept() -> None:
    usage = Usage()
    usage.span(0.0, 10 * 365 * 24 * 3600.0, chunks=1, capacity=1, work=1)
    assert len(usage.by_hour()) <= 2 * 31 * 24


def test_tokens_that_an_engine_counts_itself_correct_the_newest_seconds_and_the_hour() -> None:
    usage = Usage()
    usage.tokens(100.5, 50, 5)
    usage.tokens(101.5, 0, 5)
    usage.correct_tokens(102.5, -20, -7)
    assert [(use.input_tokens, use.output_tokens) for use in (usage.last(103, 1), usage.last(103, 3))] == [
        (0, 0),
        (30, 3),
    ]
    usage.correct_tokens(102.5, 0, 4)
    assert usage.last(103, 1).output_tokens == 4
