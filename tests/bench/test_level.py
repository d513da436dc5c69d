"""A level as figures: window, throughput, goodput and what makes it invalid, on hand-made requests."""

import math

import pytest

from bandplan.bench.level import (
    Client,
    Slo,
    closed_point,
    distribution,
    lag_limit,
    open_point,
    timeline,
    with_chunks,
    with_silence,
)
from bandplan.bench.window import Window, chunks_in, closed_window, shares_in, throughput, warm_window
from tests.bench.events import nano, request


def lane(start: float, count: int, ttft: float = 0.5, tpot: float = 0.1, tokens: int = 6) -> list:  # type: ignore[type-arg]
    """Requests of one slot, each sent when the last one ended: 1 s with the defaults."""
    found = []
    for number in range(count):
        sent = start + number * (ttft + tpot * (tokens - 1))
        found.append(request(sent, [sent + ttft + tpot * token for token in range(tokens)], given=20))
    return found


def test_the_window_is_where_all_slots_are_busy() -> None:
    samples = [*lane(0.0, 10), *lane(0.3, 10)]
    window = closed_window(samples, 2)
    # Both have ended once at 1.3; the first slot stays idle at 10.0.
    assert window == Window(nano(1.3), nano(10.0))
    assert closed_window(samples[:1], 2) is None
    assert closed_window([*lane(0.0, 1), *lane(0.3, 1)], 2) is None  # nobody was busy after the first round


def test_the_window_begins_once_every_slot_has_begun() -> None:
    # The second slot began at 4.5, when the first one had ended four requests: two ends alone would say 2.0.
    samples = [*lane(0.0, 10), *lane(4.5, 6)]
    assert closed_window(samples, 2, full=nano(4.5)) == Window(nano(4.5), nano(10.0))
    assert closed_point(samples, 2, None, Client(), full=None).invalid == ("never steady: too few requests ended",)


def test_an_open_loop_counts_once_its_first_requests_have_ended() -> None:
    # A request each second from 0 to 39, each of 4 s with a token at its end: 39 - 4 + 1 of 40 come by second 39.
    samples = [request(float(at), [at + 4.0]) for at in range(40)]
    window = warm_window(samples, Window(0, nano(40)))
    assert window == Window(nano(4), nano(40))
    assert throughput(samples, Window(0, nano(40))).output.value == pytest.approx(36 / 40)
    assert throughput(samples, window).output.value == pytest.approx(1.0)
    slow = [request(float(at), [at + 30.0]) for at in range(40)]
    assert warm_window(slow, Window(0, nano(40))) == Window(nano(10), nano(40))
    refused = [request(0.0, [], status=429)]
    assert warm_window(refused, Window(0, nano(40))) == Window(0, nano(40))


def test_throughput_counts_tokens_where_they_came() -> None:
    samples = [*lane(0.0, 20), *lane(0.5, 20)]
    window = Window(nano(2.0), nano(12.0))
    rates = throughput(samples, window)
    # Two slots of 6 tokens a second each; with prompts of 20 tokens 26 a second each.
    assert rates.output.value == pytest.approx(12.0)
    assert rates.total.value == pytest.approx(52.0)


def test_requests_in_flight_count_as_the_completed_ones_do() -> None:
    whole = [request(0.0, [1.0, 2.0], tokens=8, given=10)]
    open_one = request(2.0, [3.0, 4.0], in_flight=True)
    rates = throughput([*whole, open_one], Window(0, nano(5.0)))
    # 4 tokens a chunk: 8 completed, 2 x 4 in flight, in 5 s; prompts 10 and as much again.
    assert rates.output.value == pytest.approx(16 / 5)
    assert rates.total.value == pytest.approx(36 / 5)


def test_a_whole_answer_is_spread_over_its_time() -> None:
    assert dict(shares_in(request(0.0, [], end=4.0, tokens=8), [nano(1.0), nano(2.0), nano(5.0)])) == {0: 0.25, 1: 0.5}


def test_chunks_are_counted_in_the_part_where_they_came() -> None:
    # Parts from 1 to 2, 2 to 3 and 3 to 4 s; a chunk at an edge is in the part that begins there.
    found = chunks_in(request(0.0, [0.5, 1.0, 1.5, 3.2, 4.0]), [nano(1.0), nano(2.0), nano(3.0), nano(4.0)])
    assert dict(found) == {0: 2, 1: 0, 2: 1}
    assert dict(chunks_in(request(0.0, [5.0, 6.0]), [0, nano(1.0)])) == {}


def test_a_closed_level() -> None:
    point = closed_point([*lane(0.0, 100), *lane(0.5, 100)], 2, Slo(ttft_seconds=0.6, latency_seconds=1.0), Client())
    assert point.is_valid
    assert point.is_converged
    assert point.output.value == pytest.approx(12.0, rel=0.01)
    assert point.requests_per_second == pytest.approx(2.0, rel=0.01)
    assert point.ttft is not None and point.tpot is not None and point.latency is not None and point.itl is not None
    assert point.ttft.mean == pytest.approx(0.5)
    assert (point.tpot.mean, point.itl.mean) == pytest.approx((0.1, 0.1))
    assert point.latency.mean == pytest.approx(1.0)
    assert point.latency.percentiles["p95"] is not None
    assert point.latency.percentiles["p99"] is None  # 197 samples, 299 needed
    assert point.attainment is not None and point.attainment.value == 1.0
    assert point.goodput == pytest.approx(2.0, rel=0.02)


def test_requests_that_end_in_the_window_are_delivered_in_it_whenever_they_were_sent() -> None:
    # Two slots with a request a second each. The window is from 1.5, when two have ended, to 4.0, when the first slot
    # stays idle: it has the ends at 2.0, 2.5, 3.0, 3.5 and 4.0. Only four of these five were also sent in it.
    point = closed_point([*lane(0.0, 4), *lane(0.5, 4)], 2, Slo(latency_seconds=1.0), Client())
    assert point.window == Window(nano(1.5), nano(4.0))
    assert point.latency is not None and point.latency.samples == 4
    assert (point.goodput, point.requests_per_second) == pytest.approx((2.0, 2.0))


def test_the_last_byte_says_when_a_request_was_delivered() -> None:
    # The window is from 1.0, the end of the first request, to 3.0, that of the last one.
    samples = [request(0.0, [0.5, 0.9], end=1.0), request(1.0, [1.5, 2.0]), request(2.0, [2.5, 3.0])]
    point = closed_point(samples, 1, Slo(latency_seconds=1.0), Client())
    assert (point.goodput, point.requests_per_second) == pytest.approx((1.0, 1.0))


def test_failures_are_never_good_and_429_is_counted_apart() -> None:
    bad = [request(50.0, [], end=50.1, status=429, fault="answered 429"), request(51.0, [51.1], fault="cut")]
    samples = [*lane(0.0, 100), *bad, *lane(0.5, 100)]
    point = open_point(samples, 2.0, Window(0, nano(100)), Slo(latency_seconds=5.0), Client())
    assert point.counts == {"completed": 200, "failed": 1, "refused": 1, "unfinished": 0}
    assert point.attainment is not None
    assert point.attainment.value == pytest.approx(200 / 202)
    assert point.latency is not None
    assert point.latency.samples == 202
    assert point.latency.histogram.infinite == 2


def test_the_slo_of_an_open_loop_is_judged_from_the_scheduled_time() -> None:
    late = [request(10.0 + one, [10.5 + one], scheduled=9.0 + one) for one in range(100)]
    window = Window(nano(9), nano(109))
    assert open_point(late, 1.0, window, Slo(latency_seconds=1.0), Client()).attainment.value == 0.0  # type: ignore[union-attr]
    assert open_point(late, 1.0, window, Slo(ttft_seconds=1.0), Client()).attainment.value == 0.0  # type: ignore[union-attr]
    assert open_point(late, 1.0, window, Slo(latency_seconds=1.6), Client()).attainment.value == 1.0  # type: ignore[union-attr]


def test_one_token_keeps_any_tpot() -> None:
    assert Slo(tpot_seconds=0.001).is_kept(request(0.0, [0.5]))


def test_a_late_or_busy_client_makes_the_level_invalid() -> None:
    samples = [*lane(0.0, 100)]
    assert closed_point(samples, 1, None, Client(lag_p99_seconds=0.004)).is_valid
    late = closed_point(samples, 1, None, Client(lag_p99_seconds=0.006))
    assert late.invalid == ("client was 6.0 ms late at p99 (limit 5.0 ms)",)
    limited = closed_point(samples, 1, None, Client(notes=("the limit on open files was reached",)))
    assert limited.invalid == ("the limit on open files was reached",)
    busy = closed_point(samples, 1, None, Client(cpu=0.97))
    assert busy.invalid == ("client used 97% of a core; add --processes 2",)


def test_the_limit_of_lateness() -> None:
    assert lag_limit(10.0) == 0.005
    assert lag_limit(0.3) == pytest.approx(0.003)  # 1% of the median latency
    assert lag_limit(0.01) == 0.001  # the timer itself


def test_a_level_without_a_steady_window_is_invalid() -> None:
    point = closed_point(lane(0.0, 1), 4, None, Client())
    assert not point.is_valid
    assert closed_point([], 1, None, Client()).output.value == 0.0


def test_answers_of_another_length_are_told() -> None:
    samples = [request(float(one), [one + 0.5, one + 1.0], tokens=2, asked=3) for one in range(70)]
    assert closed_point(samples, 1, None, Client()).notes == ("answers have 2.0 tokens on average, 3.0 were requested",)


def test_a_distribution_of_failures_alone() -> None:
    found = distribution([math.inf] * 60)
    assert found is not None
    assert found.mean is None
    assert found.percentiles["p50"] is None


def test_chunks_in_use_are_seen_on_the_time_of_the_level() -> None:
    samples = lane(5.0, 10)
    point = closed_point(samples, 1, None, Client())
    start, end = point.window.start, point.window.end
    steady = with_chunks(point, samples, [(nano(4.0), 2.0), (start, 3.0), (end, 3.0), (end + nano(1), 4.0)])
    assert steady.notes == point.notes  # what changes outside of the window changes no figure
    assert steady.chunks[:2] == [(0.0, 2.0), (start / 1e9 - 5.0, 3.0)]
    grown = with_chunks(point, samples, [(start, 3.0), (end, 4.0)])
    assert grown.notes == (*point.notes, "3 to 4 chunks were in use while this was measured")
    assert with_chunks(point, samples, []) is point


def test_answers_without_text_are_told() -> None:
    samples = [request(float(one), [], end=one + 1.0, tokens=4) for one in range(8)]
    point = closed_point(samples, 1, None, Client())
    assert with_silence(point, samples).notes[-1] == "8 of 8 answers have no text, and so no TTFT and TPOT"
    spoken = lane(0.0, 8)
    assert with_silence(point, spoken) is point


def test_the_timeline_of_a_level() -> None:
    # 0 to 4 s in four parts; tokens at 0.5, 1.5 and 2.5 of one request, at 2.2 and 4.0 of another.
    samples = [request(0.0, [0.5, 1.5, 2.5]), request(1.0, [2.2, 4.0])]
    assert [(round(at, 3), round(rate, 3), count) for at, rate, count in timeline(samples, parts=4)] == [
        (0.0, 1.0, 1), (1.0, 1.0, 2), (2.0, 2.0, 2), (3.0, 1.0, 1),
    ]  # fmt: skip


def test_the_timeline_of_whole_answers_spreads_their_tokens() -> None:
    # 8 tokens from 0 to 4 s are 2 a second; 6 from 2 to 4 s are 3 a second beside them.
    samples = [request(0.0, [], end=4.0, tokens=8), request(2.0, [], end=4.0, tokens=6)]
    assert [(round(at, 3), round(rate, 3)) for at, rate, _ in timeline(samples, parts=2)] == [(0.0, 2.0), (2.0, 5.0)]
