"""Measured times compared with the workspace's own log, at a set pace; skipped, with the reason, on a busy machine.

Run on a quiet machine: `python -m pytest benchmarks/test_bench_accuracy.py`.
"""

import math
import os
from collections.abc import Iterator

import pytest

from bandplan.bench.level import Point
from tests.bench.paced_workspace import PacedWorkspace, paced_workspace


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PacedWorkspace]:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores:
        pytest.skip(f"the machine is too busy to measure on: a load of {load:.1f} on {cores} cores")
    with paced_workspace(tmp_path_factory.mktemp("truth") / "stub", "200:25") as running:
        yield running


@pytest.mark.parametrize("streams", [1, 4, 16, 64])
def test_times_and_throughput_are_those_of_the_workspace(workspace: PacedWorkspace, streams: int) -> None:
    seen = workspace.observe(streams, seconds=3.0)  # 20 tokens: 200 + 19 x 25 = 675 ms
    assert len(seen.log) == len(seen.samples) == sum(seen.point.counts.values())
    _skip_if_busy(seen.point)
    ours = [one for one in seen.samples if one.outcome == "completed"]
    first = _mean([(one["first_token_ms"] - one["arrived_ms"]) / 1000 for one in seen.log])
    last = _mean([(one["last_token_ms"] - one["arrived_ms"]) / 1000 for one in seen.log])
    assert _mean([one.ttft or 0 for one in ours]) == pytest.approx(first, rel=0.02)
    assert _mean([one.latency for one in ours]) == pytest.approx(last, rel=0.02)
    assert _mean([one.tpot or 0 for one in ours]) == pytest.approx((last - first) / 19, rel=0.02)
    # In flight throughout: tokens/s = streams x tokens / latency.
    assert seen.point.output.value == pytest.approx(streams * 20 / last, rel=0.02)


def test_an_open_loop_has_the_latency_and_the_rate_of_the_workspace(workspace: PacedWorkspace) -> None:
    seen = workspace.observe_rate(20.0, seconds=8.0)
    assert len(seen.log) == len(seen.samples)
    _skip_if_busy(seen.point)
    latency = sorted(one["last_token_ms"] - one["arrived_ms"] for one in seen.log)
    assert seen.point.scheduled_latency is not None
    found = seen.point.scheduled_latency.percentiles["p95"]
    assert found is not None
    assert found.value == pytest.approx(latency[math.ceil(0.95 * len(latency)) - 1] / 1000, rel=0.05)
    wanted = [one.scheduled / 1e9 for one in seen.samples]
    arrived = sorted(one["arrived_ms"] / 1000 for one in seen.log)
    assert arrived[-1] - arrived[0] == pytest.approx(wanted[-1] - wanted[0], rel=0.01)


def _skip_if_busy(point: Point) -> None:
    if not point.is_valid:
        pytest.skip(f"the machine is too busy to measure on: {'; '.join(point.invalid)}")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
