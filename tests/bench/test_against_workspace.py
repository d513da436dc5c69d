"""What a benchmark counts, compared with what the workspace saw itself."""

from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from bandplan.bench.bench import BenchPlan, Limits, Watcher, run_bench
from bandplan.bench.lengths import Length
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target
from bandplan.stub import process
from tests.stub.stub_client import StubClient, bands


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StubClient, Target]]:
    folder = tmp_path_factory.mktemp("truth") / "stub"
    running = process.start(folder, settle="at-once", pace="20:2")
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
def test_requests_and_tokens_are_those_of_the_workspace(workspace: tuple[StubClient, Target], parallel: int) -> None:
    client, target = workspace
    before = max([0, *(one["number"] for one in client.ok("GET", "/stub/requests")["requests"])])
    kept: list[Sample] = []
    plan = BenchPlan("closed", Length(50), Length(20), Limits(1_000, 10**6, 1), levels=[parallel], level_seconds=1.0)
    curve = run_bench(plan, target, Watcher(samples=lambda _, samples: kept.extend(samples)), {})
    (point,) = curve.points
    truth = [one for one in client.ok("GET", "/stub/requests")["requests"] if one["number"] > before + 2]
    assert len(truth) == len(kept) == sum(point.counts.values()) > parallel
    assert {one["output_tokens"] for one in truth} == {20}
    assert {one.outcome for one in kept} == {"completed"}
