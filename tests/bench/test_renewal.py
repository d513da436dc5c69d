"""A run that outlives its token, against a server that takes only the last few that it issued."""

import threading
from collections import Counter
from collections.abc import Iterator
from itertools import count

import pytest

from bandplan.bench.bench import BenchPlan, Limits, Watcher, run_bench
from bandplan.bench.curve import Curve
from bandplan.bench.lengths import Length
from bandplan.bench.renewal import Renewal
from bandplan.bench.target import Target
from tests.bench.threaded_server import answering

KEPT = 2
"""How many tokens are good at a time: the one request under way may have the one before."""

BEFORE_THE_LOAD = 2
"""Requests that find out what the server takes, for which no token is read."""


class Issuer:
    """Tokens; a new one each time that the newest has been used, which makes an older one invalid.

    `holds`: a request of the load is answered once the benchmark has read a token twice more, however late it does.
    """

    def __init__(self) -> None:
        self.issued = ["token-1"]
        self.seen: Counter[str] = Counter()
        self.holds = False
        self._reads = 0
        self._read = threading.Condition()

    def issue(self) -> str:
        if self.seen[self.issued[-1]]:
            self.issued.append(f"token-{len(self.issued) + 1}")
        with self._read:
            self._reads += 1
            self._read.notify_all()
        return self.issued[-1]

    def takes(self, token: str) -> bool:
        self.seen[token] += 1
        is_good = token in self.issued[-KEPT:]
        with self._read:
            enough = self._reads + 2
            if self.holds and self.seen.total() > BEFORE_THE_LOAD:
                self._read.wait_for(lambda: self._reads >= enough, 60)
        return is_good


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def target(issuer: Issuer) -> Iterator[Target]:
    with answering(lambda token: 200 if issuer.takes(token) else 401, issuer.issued[0]) as found:
        yield found


def run(target: Target, renewal: Renewal | None, processes: int = 1, level_seconds: float = 60.0) -> Curve:
    limits = Limits(100, 10**8, 2)
    plan = BenchPlan(
        "closed", Length(5), Length(2), limits, levels=[1], level_seconds=level_seconds, processes=processes
    )
    return run_bench(plan, target, Watcher(token=renewal), {})


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_sends_the_token_of_the_moment(issuer: Issuer, target: Target, processes: int) -> None:
    issuer.holds = True
    curve = run(target, Renewal(issuer.issue, every_seconds=0.001), processes)
    (point,) = curve.points
    assert point.counts["failed"] == 0
    assert point.counts["completed"] > 0
    assert len(issuer.issued) > KEPT + 1  # the first one is no longer good
    assert issuer.seen[issuer.issued[-2]] > 0
    assert "token-" not in repr(curve)


def test_without_renewal_the_answers_say_why_it_stopped() -> None:
    asked = count(1)
    # The token is good for the two requests before the load.
    with answering(lambda token: 200 if next(asked) <= 2 else 401, "token-1") as target:
        curve = run(target, None, level_seconds=0.5)
    assert "requests failed: answered 401" in curve.stopped


def test_a_token_that_cannot_be_had_now_leaves_the_last_one(issuer: Issuer, target: Target) -> None:
    (point,) = run(target, Renewal(lambda: None, every_seconds=0.001)).points
    assert point.counts["failed"] == 0
    assert set(issuer.seen) == {"token-1"}
