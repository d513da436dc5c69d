"""Measured times compared with the workspace's own log, at a set pace; skipped, with the reason, on a busy machine.

Run on a quiet machine: `python -m pytest benchmarks/test_bench_accuracy.py`.
"""

import os
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from bandplan.bench.bench import BenchPlan, Limits, Watcher, run_bench
from bandplan.bench.lengths import Length
from bandplan.bench.level import Point
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target
from bandplan.stub import process
from tests.stub.stub_client import StubClient, bands


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StubClient, Target]]:
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if load > cores:
        pytest.skip(f"the machine is too busy to measure on: a load of {load:.1f} on {cores} cores")
    folder = tmp_path_factory.mktemp("truth") / "stub"
    running = process.start(folder, settle="at-once", pace="200:25")
    client = StubClient(running.host, running.token)
    client.create("paced", bands())
    at = urlsplit(running.host)
    secret = Secret(running.token)
    yield (
        client,
        Target(
            "paced", "http", at.hostname or "", at.port or 0, "/serving-endpoints", "invocations", "chat", True, secret
        ),
    )
    process.stop(folder)


@pytest.mark.parametrize("parallel", [1, 16])
def test_times_and_throughput_are_those_of_the_workspace(workspace: tuple[StubClient, Target], parallel: int) -> None:
    client, target = workspace
    before = max([0, *(one["number"] for one in client.ok("GET", "/stub/requests")["requests"])])
    kept: list[Sample] = []
    plan = BenchPlan(
        "closed", Length(50), Length(20), Limits(1_000, 10**6, 1), levels=[parallel], level_seconds=3.0
    )  # 20 tokens: 200 + 19 x 25 = 675 ms
    curve = run_bench(plan, target, Watcher(samples=lambda _, samples: kept.extend(samples)), {})
    (point,) = curve.points
    truth = [one for one in client.ok("GET", "/stub/requests")["requests"] if one["number"] > before + 2]
    assert len(truth) == len(kept) == sum(point.counts.values())
    _skip_if_busy(point)
    ours = [one for one in kept if one.outcome == "completed"]
    first = _mean([(one["first_token_ms"] - one["arrived_ms"]) / 1000 for one in truth])
    last = _mean([(one["last_token_ms"] - one["arrived_ms"]) / 1000 for one in truth])
    assert _mean([one.ttft or 0 for one in ours]) == pytest.approx(first, rel=0.02)
    assert _mean([one.latency for one in ours]) == pytest.approx(last, rel=0.02)
    assert _mean([one.tpot or 0 for one in ours]) == pytest.approx((last - first) / 19, rel=0.02)
    # In flight throughout: tokens/s = streams x tokens / latency.
    assert point.output.value == pytest.approx(parallel * 20 / last, rel=0.02)


def _skip_if_busy(point: Point) -> None:
    if not point.is_valid:
        pytest.skip(f"the machine is too busy to measure on: {'; '.join(point.invalid)}")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
