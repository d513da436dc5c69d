"""Time many streams of the stub workspace: `python -m benchmarks.stub_streams [--streams 256] [--tokens 400]`.

Prints the CPU time that the server spends per streamed token and the times that clients see, with a pace and without.
It also times requests that are not streamed, and reads of an endpoint during the load. The load comes from a separate
process.
"""

import argparse
import json
import multiprocessing
import os
import selectors
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path

from bandplan.stub import process
from benchmarks.__main__ import machine
from benchmarks.stub_load import cpu_seconds, fill

CONTEXT = multiprocessing.get_context("spawn")

PATH = "/serving-endpoints/endpoint-0/invocations"

EVENT = b"data: {"
PROMPT = " ".join(["word" * 20] * 24)
"""The prompt. An answer echoes it: some 500 tokens even if no length is requested."""


@dataclass(frozen=True)
class Streamed:
    """What one client saw, in seconds of the monotonic clock."""

    sent: float
    first: float
    last: float
    tokens: int


def stream_all(port: int, token: str, streams: int, tokens: int, results: "Queue[list[Streamed]]") -> None:
    """Open all streams concurrently and read them to their end."""
    request = _request(token, tokens, is_stream=True)
    selector = selectors.DefaultSelector()
    began: dict[socket.socket, float] = {}
    first: dict[socket.socket, float] = {}
    last: dict[socket.socket, float] = {}
    seen: dict[socket.socket, int] = {}
    done: list[Streamed] = []
    for _ in range(streams):
        opened = socket.create_connection(("127.0.0.1", port))
        selector.register(opened, selectors.EVENT_READ)
        seen[opened] = 0
    for opened in seen:
        opened.sendall(request)
        began[opened] = time.perf_counter()
    while len(done) < streams:
        for key, _ in selector.select(10):
            opened = key.fileobj  # type: ignore[assignment]
            data = opened.recv(1 << 18)
            now = time.perf_counter()
            events = data.count(EVENT)
            if events:
                first.setdefault(opened, now)
                seen[opened] += events
            if b"[DONE]" in data or not data:
                done.append(Streamed(began[opened], first[opened], last.get(opened, now), seen[opened]))
                selector.unregister(opened)
                opened.close()
            elif events:
                last[opened] = now
    results.put(done)


def ask_all(port: int, token: str, requests: int, tokens: int, results: "Queue[list[float]]") -> None:
    """Send unstreamed requests one after another; put the seconds of each into `results`."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port)
    body = json.dumps(_body(tokens, is_stream=False))
    took = []
    for _ in range(requests):
        began = time.perf_counter()
        connection.request("POST", PATH, body, {"Authorization": f"Bearer {token}"})
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
    results.put(took)


def read_all(port: int, token: str, until: float, results: "Queue[list[float]]") -> None:
    """Read an endpoint fifty times a second until `until`; put the seconds of each read into `results`."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", port)
    took = []
    while time.perf_counter() < until:
        began = time.perf_counter()
        connection.request("GET", "/api/2.0/serving-endpoints/endpoint-0", headers={"Authorization": f"Bearer {token}"})
        connection.getresponse().read()
        took.append(time.perf_counter() - began)
        time.sleep(0.02)
    results.put(took)


def _body(tokens: int, *, is_stream: bool) -> dict[str, object]:
    message = {"role": "user", "content": PROMPT}
    return {"messages": [message], "max_tokens": tokens, "min_tokens": tokens, "stream": is_stream}


def _request(token: str, tokens: int, *, is_stream: bool) -> bytes:
    body = json.dumps(_body(tokens, is_stream=is_stream)).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\nContent-Length: {len(body)}"
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def served(folder: Path, pace: str | None) -> Iterator[process.Running]:
    """Run a stub in the foreground of a separate process, with one ready endpoint."""
    command = [sys.executable, "-m", "bandplan.stub", "serve", "--state-dir", str(folder), "--settle", "at-once"]
    command += ["--capacity", "unlimited"]
    child = subprocess.Popen(command + (["--pace", pace] if pace else []))
    try:
        while (running := process.status(folder)) is None:
            time.sleep(0.05)
        fill(running, 1)
        yield running
    finally:
        child.terminate()
        child.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--streams", type=int, default=256)
    parser.add_argument("--tokens", type=int, default=400)
    parser.add_argument("--pace", default="200:25", help="milliseconds to first token : per output token")
    parser.add_argument(
        "--endurance", action="store_true", help="only show the server's memory over 100,000 requests, 10,000 abandoned"
    )
    arguments = parser.parse_args()
    if arguments.endurance:
        _endure(100_000, 10_000)
        return
    print(f"{arguments.streams} streams of {arguments.tokens} tokens; {machine()}\n")
    print("| pace | tokens | run s | TTFT median ms | p99 | max | TPOT mean ms | CPU us per token | read p99 ms |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    for pace in (arguments.pace, None):
        print(_row(pace, arguments.streams, arguments.tokens), flush=True)
    print(f"\nnot streamed, 24 tokens: {_whole(2000, 24):.2f} ms of CPU per request")


def _row(pace: str | None, streams: int, tokens: int) -> str:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), pace) as running:
        port = int(running.host.rpartition(":")[2])
        results: Queue[list[Streamed]] = CONTEXT.Queue()
        reads: Queue[list[float]] = CONTEXT.Queue()
        _run(stream_all, port, running.token, 8, 8, results)  # imports what the first stream needs
        results.get()
        before = cpu_seconds(running.pid)
        _run(stream_all, port, running.token, streams, tokens, results)
        took = results.get()
        spent = cpu_seconds(running.pid) - before
        # Once more, while a client reads an endpoint.
        _run(stream_all, port, running.token, streams, tokens, results)
        _run(read_all, port, running.token, time.perf_counter() + 4, reads)
        read = sorted(reads.get())
        results.get()
    total = sum(one.tokens for one in took)
    first = sorted(1000 * (one.first - one.sent) for one in took)
    each = [1000 * (one.last - one.first) / (one.tokens - 2) for one in took]
    figures = [
        pace or "none",
        f"{total:,}",
        f"{max(one.last for one in took) - min(one.sent for one in took):.2f}",
        f"{first[len(first) // 2]:.1f}",
        f"{first[int(0.99 * len(first))]:.1f}",
        f"{first[-1]:.1f}",
        f"{sum(each) / len(each):.2f}",
        f"{1e6 * spent / total:.1f}",
        f"{1000 * read[int(0.99 * len(read))]:.1f}",
    ]
    return f"| {' | '.join(figures)} |"


def _whole(requests: int, tokens: int) -> float:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), None) as running:
        port = int(running.host.rpartition(":")[2])
        results: Queue[list[float]] = CONTEXT.Queue()
        _run(ask_all, port, running.token, 50, tokens, results)
        results.get()
        before = cpu_seconds(running.pid)
        _run(ask_all, port, running.token, requests, tokens, results)
        results.get()
        return 1000 * (cpu_seconds(running.pid) - before) / requests


def _endure(requests: int, abandoned: int) -> None:
    with tempfile.TemporaryDirectory() as folder, served(Path(folder), None) as running:
        port = int(running.host.rpartition(":")[2])
        results: Queue[list[float]] = CONTEXT.Queue()
        print("| requests | abandoned | resident MiB |\n|---:|---:|---:|")
        for step in range(11):
            print(
                f"| {step * requests // 10:,} | {step * abandoned // 10:,} | {resident_mib(running.pid):.1f} |",
                flush=True,
            )
            if step < 10:
                _run(ask_all, port, running.token, requests // 10, 24, results)
                results.get()
                for _ in range(abandoned // 10):
                    with socket.create_connection(("127.0.0.1", port)) as opened:
                        opened.sendall(_request(running.token, 8000, is_stream=True))
                        opened.recv(1)


def resident_mib(pid: int) -> float:
    """Return the memory of a process; Linux only."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _run(target: Callable[..., None], *arguments: object) -> None:
    CONTEXT.Process(target=target, args=arguments).start()


if __name__ == "__main__":
    main()
