"""Recorded requests in the place of arrivals and lengths."""

import pytest

from bandplan.planner.alone import NoCapacity
from bandplan.planner.capacity import Capacity
from bandplan.planner.limits import broken_limits
from bandplan.planner.load import Load, Shape, Trace
from bandplan.planner.plan import plan
from bandplan.planner.target import Target
from bandplan.planner.text import described
from bandplan.planner.trials import Trials

CHUNKS = Capacity("bands", 980)
REFERENCE = Shape(2048, 256)


def trace(times: list[float], *shapes: Shape) -> Trace:
    every = shapes or (REFERENCE,)
    return Trace(tuple(times), tuple(every[index % len(every)] for index in range(len(times))))


def load(of: Trace, rate: float | None = None) -> Load:
    return Load(of.mean(), rate or of.requests_per_second, trace=of)


def test_mean_rate_and_lengths() -> None:
    found = trace([0, 2, 4, 8], Shape(100, 10), Shape(300, 30))
    assert found.mean() == Shape(200, 20)
    assert found.requests_per_second == pytest.approx(3 / 8)
    assert trace([0, 0, 0]).requests_per_second == 0


def test_busiest_minute() -> None:
    # 30 requests of 2304 tokens in the second minute, 6 in the first and in the third.
    times = [*range(0, 60, 10), *range(60, 120, 2), *range(120, 180, 10)]
    assert trace([float(at) for at in times]).busiest_tokens_per_second() == pytest.approx(31 * 2304 / 60)


def test_requests_far_apart_take_what_each_takes_alone() -> None:
    of = trace([100.0 * index for index in range(20)], REFERENCE, Shape(1024, 128))
    evidence = Trials(CHUNKS, load(of), Target(7)).evidence(1)
    # 2304 tokens at 980 / 4 tokens/s, 1.35 times as fast alone: 6.97 s. That weighs 2048 + 256 (3 + 2176 / 650) = 3673,
    # and half of both lengths 1024 + 128 (3 + 1088 / 650) = 1622: 3.08 s.
    assert evidence.percentiles["latency"].value == pytest.approx(6.966, rel=0.001)
    assert evidence.means["latency"] * 2 - 6.966 == pytest.approx(3.077, rel=0.001)
    assert (evidence.seeds, evidence.percentiles["latency"].half_width, evidence.refused_percent) == (1, 0, 0)


def test_requests_at_once_wait_for_each_other() -> None:
    # 8 at once in one chunk of 4: the second four begin when the first have ended, after 9.4 s, and take as long.
    of = trace([0.0] * 8 + [10_000.0])
    assert Trials(CHUNKS, load(of), Target(20)).evidence(1).percentiles["latency"].value == pytest.approx(
        18.81, rel=0.01
    )
    assert Trials(CHUNKS, load(of), Target(20)).evidence(2).percentiles["latency"].value == pytest.approx(
        9.40, rel=0.01
    )


def test_a_burst_within_a_quiet_trace_decides() -> None:
    quiet = [20.0 * index for index in range(200)]
    calm, busy = trace(quiet), trace(sorted([*quiet, *(2000 + index / 4 for index in range(60))]))
    target = Target(8)
    assert plan(CHUNKS, load(calm), target, headroom_percent=0).ceiling.steps <= 2
    assert plan(CHUNKS, load(busy), target, headroom_percent=0).ceiling.steps > 4


def test_a_trace_is_replayed_faster_at_another_rate() -> None:
    of = trace([2.0 * index for index in range(500)])
    assert load(of, 2.0).times(500, 0)[-1] == pytest.approx(of.times[-1] / 4, rel=0.01)
    one, four = (plan(CHUNKS, load(of, rate), Target(9)).ceiling.steps for rate in (0.5, 2.0))
    assert four > one
    # 500 requests a second apart never meet in the busiest minute more than 120: 2 x 2304 x 1.2 / 980 = 5.6 chunks.
    assert four >= 6


def test_lengths_of_a_trace_in_a_closed_loop() -> None:
    of = trace([0.0, 1.0], REFERENCE, Shape(200, 20))
    found = plan(CHUNKS, Load(of.mean(), concurrent_requests=16, trace=of), Target(10))
    assert found.ceiling.seeds >= 5
    assert "16 requests always in flight of 1124/138 tokens, lengths of the trace" in described(found)


def test_what_is_said_of_a_trace() -> None:
    of = trace([2.0 * index for index in range(500)])
    text = described(plan(CHUNKS, load(of), Target(9)))
    assert (
        "the 500 requests of the trace, at 0.5 requests/s on average and 1,190 tokens/s in the busiest minute" in text
    )
    assert "- latency by simulation: one replay of the trace" in text
    assert "±" not in text


def test_lengths_past_the_limits_are_found_in_any_row() -> None:
    of = trace([0.0, 1.0, 2.0], REFERENCE, Shape(130_000, 10), Shape(10, 9_000))
    told = broken_limits("system.ai.llama_v3_3_70b_instruct", load(of), 1)
    assert [one.split(":")[0] for one in told] == ["9,000 output tokens", "130,000 input and 10 output tokens"]


def test_a_target_that_the_long_requests_miss_alone_is_refused() -> None:
    of = trace([float(index) for index in range(100)], REFERENCE, Shape(200, 20))
    with pytest.raises(NoCapacity, match=r"one request alone takes 7\.0 s at p95 of the lengths, more than 5\.0 s"):
        plan(CHUNKS, load(of), Target(5))
