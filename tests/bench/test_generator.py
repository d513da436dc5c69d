"""Load generators with a client that answers at once: what is sent when, and what stops it."""

import asyncio
import math
from collections.abc import Iterator
from itertools import pairwise
from random import Random
from time import perf_counter_ns

import pytest

from bandplan.bench import generator
from bandplan.bench.arrivals import Arrivals, arrival_times
from bandplan.bench.generator import Budget, Run, Slots, Workload, closed_loop, open_loop
from bandplan.bench.lengths import Length, parse_length
from bandplan.bench.level import closed_point
from bandplan.bench.prompts import Scale, prompt
from bandplan.bench.sample import SECOND, Sample
from bandplan.bench.trace import Arrival


@pytest.fixture(autouse=True)
def never_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only limits end a load: after how many requests its throughput is known depends on the machine."""
    monkeypatch.setattr(generator, "is_known", lambda run, parallel: False)


class Instant:
    """Completes each request at once; a status per request where a script gives one."""

    def __init__(self, statuses: Iterator[int] | None = None, retry_after: bool = True) -> None:
        self.notes: set[str] = set()
        self.statuses, self.retry_after = statuses, retry_after
        self.most = self.now = 0
        self.prompts: list[str] = []

    async def ask(self, sample: Sample, prompt: str) -> Sample:
        self.now += 1
        self.most = max(self.most, self.now)
        sample.sent = perf_counter_ns()
        self.prompts.append(prompt)
        await asyncio.sleep(0.001)
        sample.status = next(self.statuses) if self.statuses else 200
        sample.retry_after = self.retry_after
        sample.fault = "" if sample.status == 200 else f"answered {sample.status}"
        sample.content.append(perf_counter_ns())
        sample.ended = perf_counter_ns()
        self.now -= 1
        return sample


def workload(given: float = 10, made: float = 5) -> Workload:
    return Workload(Length(given), Length(made), Scale(), Random(1))


def closed(client: Instant, parallel: int, budget: Budget, *, ramp: bool = True, seconds: float = 60.0) -> Run:
    run = Run()
    asyncio.run(closed_loop(client, workload(), Slots(parallel), seconds, budget, run, ramp=ramp))
    return run


def test_a_closed_loop_keeps_its_number_in_flight() -> None:
    client = Instant()
    run = closed(client, 7, Budget(70, 10**9, 60))
    assert client.most == 7
    assert len(run.samples) == 70
    assert run.stopped == "limit of 70 requests"


def test_a_limit_that_is_seen_before_the_last_answer_is_told() -> None:
    class Slow(Instant):
        async def ask(self, sample: Sample, prompt: str) -> Sample:
            await asyncio.sleep(0.5)
            return await super().ask(sample, prompt)

    assert closed(Slow(), 1, Budget(1, 10**9, 60)).stopped == "limit of 1 requests"


def test_slots_begin_one_after_the_other() -> None:
    run = Run()
    slots = Slots(4, spread_seconds=0.2)
    # Three slots send some 450 requests, of a millisecond each, before the last one begins.
    asyncio.run(closed_loop(Instant(), workload(), slots, 60.0, Budget(2_000, 10**9, 60), run, ramp=False))
    first = run.samples[0].scheduled
    assert run.full is not None
    assert run.full - first >= 0.149 * SECOND  # the last of four begins after 3/4 of the time
    assert closed_point(run.samples, 4, None, run.client(set()), run.full).window.start >= run.full


def test_a_limit_while_slots_begin_leaves_nothing_steady() -> None:
    run = Run()
    asyncio.run(closed_loop(Instant(), workload(), Slots(4, 5.0), 60, Budget(3, 10**9, 60), run, ramp=True))
    assert run.full is None
    assert len(run.samples) == 3
    assert not closed_point(run.samples, 4, None, run.client(set()), run.full).is_valid


def test_the_limits_hold_over_levels() -> None:
    budget = Budget(10**6, 1_000, 60)
    first = closed(Instant(), 4, budget)
    assert len(first.samples) == 1_000 // 15  # 10 + 5 tokens each
    assert first.stopped == "limit of 1,000 tokens"
    assert closed(Instant(), 4, budget).samples == []


@pytest.mark.parametrize(
    ("status", "retry_after", "stops"), [(429, False, True), (503, True, True), (503, False, False), (500, True, False)]
)
def test_a_ramp_stops_when_the_server_asks_for_less(status: int, retry_after: bool, stops: bool) -> None:
    client = Instant(iter([200, 200, status, *[200] * 1000]), retry_after)
    run = closed(client, 1, Budget(20, 10**9, 60))
    assert len(run.samples) == (3 if stops else 20)
    assert run.stopped == (f"answered {status} with 1 in flight" if stops else "limit of 20 requests")


def test_a_single_level_counts_refusals_and_goes_on() -> None:
    run = closed(Instant(iter([429, *[200] * 1000])), 1, Budget(20, 10**9, 60), ramp=False)
    assert [one.outcome for one in run.samples].count("refused") == 1
    assert len(run.samples) == 20


def test_an_open_loop_sends_at_its_times_with_the_lengths_of_the_trace() -> None:
    run = Run()
    rows = [Arrival(0.0, 3, 1), Arrival(0.01, 30, 2), Arrival(0.02, 7, 3), Arrival(99.0, 1, 1)]
    asyncio.run(open_loop(Instant(), workload(), iter(rows), 50.0, Budget(100, 10**9, 60), run))
    assert [(one.asked_input, one.asked_output) for one in run.samples] == [(3, 1), (30, 2), (7, 3)]
    start = run.samples[0].scheduled
    assert [round((one.scheduled - start) / 1e6) for one in run.samples] == [0, 10, 20]
    assert all(one.sent >= one.scheduled for one in run.samples)


def test_an_open_loop_does_not_wait_beyond_its_limit_of_time() -> None:
    run, budget = Run(), Budget(100, 10**9, 0.05)
    rows = [Arrival(0.0, 3, 1), Arrival(3600.0, 30, 2)]
    loop = open_loop(Instant(), workload(), iter(rows), math.inf, budget, run)
    asyncio.run(asyncio.wait_for(loop, 60))
    assert len(run.samples) == 1
    assert run.stopped == budget.exhausted == "limit of 0.000833333 minutes"
    assert budget.spent_tokens == 4  # the time is the limit that was reached, and not the tokens


def test_prompts_have_heads_of_their_own() -> None:
    client = Instant()
    closed(client, 2, Budget(200, 10**9, 60))
    assert len(client.prompts) == len({" ".join(one.split()[:8]) for one in client.prompts}) == 200
    assert {len(one.split()) for one in client.prompts} == {10}


def test_the_same_seed_gives_the_same_load() -> None:
    ours, theirs = (Workload(Length(50, 20), Length(9, 3), Scale(), Random(5)) for _ in range(2))
    assert [ours.next(0)[1] for _ in range(20)] == [theirs.next(0)[1] for _ in range(20)]


def test_recorded_lengths_are_drawn_together() -> None:
    pairs = [(10, 1), (500, 90)]
    load = Workload(Length(1), Length(1), Scale(), Random(3), pairs)
    drawn = [(one.asked_input, one.asked_output) for one, _ in (load.next(0) for _ in range(200))]
    assert set(drawn) == set(pairs)
    assert 70 < drawn.count(pairs[0]) < 130


@pytest.mark.parametrize(
    ("arrivals", "burstiness", "variation"), [("constant", 1.0, 0.0), ("poisson", 1.0, 1.0), ("gamma", 0.25, 2.0)]
)
def test_arrivals_have_their_rate_and_spread(arrivals: Arrivals, burstiness: float, variation: float) -> None:
    # The coefficient of variation of gamma gaps is 1 / sqrt(shape): 2 for a shape of 1/4.
    times = arrival_times(arrivals, 20.0, burstiness, Random(3))
    found = [next(times) for _ in range(20_001)]
    gaps = [after - before for before, after in pairwise(found)]
    mean = sum(gaps) / len(gaps)
    spread = (sum((gap - mean) ** 2 for gap in gaps) / len(gaps)) ** 0.5
    assert mean == pytest.approx(1 / 20, rel=0.05)
    assert spread / mean == pytest.approx(variation, rel=0.05, abs=1e-6)


def test_lengths() -> None:
    assert parse_length("2048") == Length(2048, 0)
    assert parse_length("2048:512") == Length(2048, 512)
    drawn = [Length(100, 30).draw(random) for random in [Random(2)] for _ in range(5_000)]
    assert sum(drawn) / len(drawn) == pytest.approx(100, rel=0.02)
    assert min(Length(2, 30).draw(Random(seed)) for seed in range(50)) == 1
    for wrong in ("", "x", "-1", "nan", "1e99", "5:-1", "5:x"):
        with pytest.raises(ValueError, match="length"):
            parse_length(wrong)


def test_a_prompt_of_one_word() -> None:
    assert len(prompt(1, Random(0)).split()) == 1
