"""Measured times compared with the workspace's own log, at a set pace; skipped, with the reason, on a busy machine.

Run on a quiet machine, or before its other work: `chrt -f 20 python -m pytest -rPs benchmarks/test_bench_accuracy.py`.
Each test prints how late this process woke up before it.
"""

import math
import time
from collections.abc import Iterator

import pytest

from bandplan.bench.level import Point
from tests.bench.paced_workspace import PacedWorkspace, paced_workspace

SLEEPS, SLEEP_SECONDS = 200, 0.002
MOST_LATE_SECONDS = 0.002
"""Lateness at the 99th percentile above which this machine is too busy: 1% of the time to the first token."""


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedWorkspace]:
    with paced_workspace(tmp_path_factory.mktemp("truth") / "stub", "200:25") as running:
        yield running


@pytest.fixture(autouse=True)
def calibration() -> None:
    late = []
    for _ in range(SLEEPS):
        before = time.perf_counter()
        time.sleep(SLEEP_SECONDS)
        late.append(time.perf_counter() - before - SLEEP_SECONDS)
    found = sorted(late)[math.ceil(0.99 * SLEEPS) - 1]
    told = f"sleeps of {SLEEP_SECONDS * 1000:g} ms ended {found * 1000:.1f} ms late at p99"
    print(f"{told} (limit {MOST_LATE_SECONDS * 1000:g} ms)")
    if found > MOST_LATE_SECONDS:
        pytest.skip(f"the machine is too busy to measure on: {told}")


@pytest.mark.parametrize("streams", [1, 4, 16, 64, 256])
def test_times_and_throughput_are_those_of_the_workspace(workspace: PacedWorkspace, streams: int) -> None:
    seen = workspace.observe(streams, seconds=6.0)  # 20 tokens: 200 + 19 x 25 = 675 ms
    assert len(seen.log) == len(seen.samples) == sum(seen.point.counts.values())
    _skip_if_busy(seen.point)
    ours = [one for one in seen.samples if one.outcome == "completed"]
    first = _mean([(one["first_token_ms"] - one["arrived_ms"]) / 1000 for one in seen.log])
    last = _mean([(one["last_token_ms"] - one["arrived_ms"]) / 1000 for one in seen.log])
    # In flight throughout: tokens/s = streams x tokens / latency.
    pairs = {
        "TTFT": (_mean([one.ttft or 0 for one in ours]), first),
        "time per token": (_mean([one.tpot or 0 for one in ours]), (last - first) / 19),
        "latency": (_mean([one.latency for one in ours]), last),
        "output tokens/s": (seen.point.output.value, streams * 20 / last),
    }
    client = seen.point.client
    told = ", ".join(f"{name} {ours / truth - 1:+.2%}" for name, (ours, truth) in pairs.items())
    print(f"{streams} streams: {told}; client {client.lag_p99_seconds * 1000:.1f} ms late, {client.cpu:.0%} of a core")
    assert {name: ours for name, (ours, _) in pairs.items()} == pytest.approx(
        {name: truth for name, (_, truth) in pairs.items()}, rel=0.02
    )


def test_an_open_loop_has_the_latency_and_the_rate_of_the_workspace(workspace: PacedWorkspace) -> None:
    seen = workspace.observe_rate(20.0, seconds=8.0)
    assert len(seen.log) == len(seen.samples)
    _skip_if_busy(seen.point)
    latency = sorted(one["last_token_ms"] - one["arrived_ms"] for one in seen.log)
    assert seen.point.scheduled_latency is not None
    found = seen.point.scheduled_latency.percentiles["p95"]
    assert found is not None
    truth = latency[math.ceil(0.95 * len(latency)) - 1] / 1000
    print(
        f"open loop: p95 {found.value / truth - 1:+.2%}; client {seen.point.client.lag_p99_seconds * 1000:.1f} ms late"
    )
    assert found.value == pytest.approx(truth, rel=0.05)
    wanted = [one.scheduled / 1e9 for one in seen.samples]
    arrived = sorted(one["arrived_ms"] / 1000 for one in seen.log)
    assert arrived[-1] - arrived[0] == pytest.approx(wanted[-1] - wanted[0], rel=0.01)


def _skip_if_busy(point: Point) -> None:
    if not point.is_valid:
        pytest.skip(f"the machine is too busy to measure on: {'; '.join(point.invalid)}")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
