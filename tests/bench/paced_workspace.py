"""A workspace that answers at a set pace, and a benchmark of it beside the workspace's own log."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from bandplan.bench.bench import BenchPlan, Limits, Mode, Watcher, run_bench
from bandplan.bench.lengths import Length
from bandplan.bench.level import Point
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target
from bandplan.stub import process
from tests.stub.stub_client import StubClient, bands


@dataclass(frozen=True)
class Observed:
    """One level of a benchmark: its point, its samples, and the workspace's log of the same requests."""

    point: Point
    samples: list[Sample]
    log: list[dict[str, Any]]


@dataclass(frozen=True)
class PacedWorkspace:
    client: StubClient
    target: Target

    def observe(self, streams: int, seconds: float = 60.0, requests: int = 10_000) -> Observed:
        """Keep `streams` requests of 50 prompt and 20 completion tokens in flight for `seconds`, at most `requests`."""
        return self._observe(requests, levels=[streams], level_seconds=seconds)

    def observe_rate(self, rate: float, seconds: float) -> Observed:
        """Send `rate` of the same requests per second for `seconds`, at random times."""
        return self._observe(10_000, mode="open", rates=[rate], level_seconds=seconds)

    def _observe(self, requests: int, mode: Mode = "closed", **load: Any) -> Observed:
        before = max([0, *(one["number"] for one in self._log())])
        kept: list[Sample] = []
        # The first two are the benchmark's own requests before it measures.
        plan = BenchPlan(mode, Length(50), Length(20), Limits(requests + 2, 10**7, 2), **load)
        curve = run_bench(plan, self.target, Watcher(samples=lambda _, samples: kept.extend(samples)), {})
        (point,) = curve.points
        return Observed(point, kept, [one for one in self._log() if one["number"] > before + 2])

    def _log(self) -> list[dict[str, Any]]:
        return self.client.ok("GET", "/stub/requests")["requests"]


@contextmanager
def paced_workspace(folder: Path, pace: str) -> Iterator[PacedWorkspace]:
    """Run a workspace in `folder`; `pace` is milliseconds to the first token, then between two tokens ("200:25")."""
    running = process.start(folder, settle="at-once", pace=pace)
    try:
        client = StubClient(running.host, running.token)
        client.create("paced", bands())
        at, secret = urlsplit(running.host), Secret(running.token)
        where = ("http", at.hostname or "", at.port or 0, "/serving-endpoints")
        yield PacedWorkspace(client, Target("paced", *where, "invocations", "chat", True, secret))
    finally:
        process.stop(folder)
