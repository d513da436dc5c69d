"""Definitions of TTFT, TPOT, ITL and latency on hand-made requests."""

import math

import pytest

from tests.bench.events import request


def test_a_request_by_its_definitions() -> None:
    one = request(10.0, [10.5, 10.6, 10.8, 11.0], end=11.3)
    assert one.ttft == pytest.approx(0.5)
    assert one.latency == pytest.approx(1.0)  # to the last content, not to the last byte at 11.3
    assert one.tpot == pytest.approx(0.5 / 3)  # from the first token to the last, over N - 1
    assert one.gaps == pytest.approx([0.1, 0.2, 0.2])
    # The documentation's identity holds with N - 1.
    assert one.ttft + one.tpot * 3 == pytest.approx(one.latency)


def test_latency_counts_from_the_scheduled_time_where_the_client_was_late() -> None:
    one = request(12.0, [12.5], scheduled=10.0)
    assert one.latency == pytest.approx(0.5)
    assert one.scheduled_latency == pytest.approx(2.5)


def test_one_token_has_no_tpot() -> None:
    one = request(0.0, [0.5])
    assert one.tpot is None
    assert one.gaps == []
    assert one.ttft == one.latency == pytest.approx(0.5)


def test_tokens_without_text_count_for_tpot_but_not_for_gaps() -> None:
    # 5 tokens in 3 chunks: half a character is a token that no chunk shows, and one chunk held two.
    one = request(0.0, [1.0, 1.2, 1.8], tokens=5)
    assert one.tpot == pytest.approx(0.8 / 4)
    assert one.gaps == pytest.approx([0.2, 0.6])


def test_all_tokens_in_one_chunk_have_no_tpot() -> None:
    assert request(0.0, [1.0], tokens=8).tpot is None


def test_without_usage_the_length_asked_for_counts() -> None:
    one = request(0.0, [1.0, 1.2, 1.8], asked=5)
    one.output_tokens = None
    assert one.tpot == pytest.approx(0.8 / 4)


def test_a_whole_answer_has_a_latency_alone() -> None:
    one = request(0.0, [], end=2.0, tokens=10)
    assert one.ttft is None
    assert one.tpot is None
    assert one.latency == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("status", "fault", "outcome"),
    [
        (429, "answered 429", "refused"),
        (503, "answered 503", "failed"),
        (200, "the stream ended early, without [DONE]", "failed"),
        (0, "no connection: Connection refused", "failed"),
    ],
)
def test_what_did_not_complete_is_infinitely_late(status: int, fault: str, outcome: str) -> None:
    one = request(0.0, [0.5, 0.6], status=status, fault=fault)
    assert one.outcome == outcome
    assert one.latency == one.scheduled_latency == math.inf
    assert one.tpot is None


def test_a_clock_that_stands_still_gives_zeros() -> None:
    one = request(5.0, [5.0, 5.0, 5.0])
    assert (one.ttft, one.latency, one.tpot, one.gaps) == (0.0, 0.0, 0.0, [0.0, 0.0])
