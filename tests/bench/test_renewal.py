"""A run that outlives its token, against a server that takes only the last few that it issued."""

import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from bandplan.bench.bench import BenchPlan, Limits, Renewal, Watcher, run_bench
from bandplan.bench.curve import Curve
from bandplan.bench.lengths import Length
from bandplan.bench.target import Secret, Target
from tests.bench.scripted_server import text, usage

KEPT = 3
"""How many tokens are good at a time: a request may still be on its way with the one before."""


class Issuer:
    """Tokens, each of which makes an older one invalid."""

    def __init__(self) -> None:
        self.issued = ["token-1"]
        self.seen: Counter[str] = Counter()

    def issue(self) -> str:
        self.issued.append(f"token-{len(self.issued) + 1}")
        return self.issued[-1]

    def takes(self, token: str) -> bool:
        self.seen[token] += 1
        return token in self.issued[-KEPT:]


@pytest.fixture
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture
def target(issuer: Issuer) -> Iterator[Target]:
    events = [text("a"), text("b"), usage(5, 2), "[DONE]"]
    body = "".join(f"data: {event}\n\n" for event in events).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            is_good = issuer.takes(self.headers["Authorization"].removeprefix("Bearer "))
            sent = body if is_good else b"{}"
            self.send_response(200 if is_good else 401)
            self.send_header("Content-Length", str(len(sent)))
            self.end_headers()
            self.wfile.write(sent)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    port = server.server_address[1]
    yield Target("m", "http", "127.0.0.1", port, "", "openai", "chat", True, Secret(issuer.issued[0]))
    server.shutdown()
    thread.join()
    server.server_close()


def run(target: Target, renewal: Renewal | None, processes: int = 1) -> Curve:
    limits = Limits(100_000, 10**8, 1)
    plan = BenchPlan("closed", Length(5), Length(2), limits, levels=[2], level_seconds=0.8, processes=processes)
    return run_bench(plan, target, Watcher(token=renewal), {})


@pytest.mark.parametrize("processes", [1, 2])
def test_a_run_sends_the_token_of_the_moment(issuer: Issuer, target: Target, processes: int) -> None:
    curve = run(target, Renewal(issuer.issue, every_seconds=0.1), processes)
    (point,) = curve.points
    assert point.counts["failed"] == 0
    assert point.counts["completed"] > 0
    assert len(issuer.issued) > KEPT + 1  # the first one is no longer good
    assert issuer.seen[issuer.issued[-2]] > 0
    assert "token-" not in repr(curve)


def test_without_renewal_the_answers_say_why_it_stopped(issuer: Issuer, target: Target) -> None:
    def expire() -> None:
        issuer.issued += ["x", "y", "z"]

    curve = run(target, Renewal(expire, every_seconds=0.1))
    assert "requests failed: answered 401" in curve.stopped


def test_a_token_that_cannot_be_had_now_leaves_the_last_one(issuer: Issuer, target: Target) -> None:
    (point,) = run(target, Renewal(lambda: None, every_seconds=0.05)).points
    assert point.counts["failed"] == 0
    assert set(issuer.seen) == {"token-1"}
