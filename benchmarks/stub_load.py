"""Time the stub workspace under many clients: `python -m benchmarks.stub_load [--endpoints 1000] [--clients 64]`.

There are two kinds of load: clients that poll, and busy ones, which send the next request as soon as they have an
answer. Busy clients measure how much the process can do: with N of them an answer takes N times what the process spends
on one. The load comes from a separate process.
"""

import argparse
import multiprocessing
import os
import selectors
import socket
import tempfile
import time
from dataclasses import dataclass
from multiprocessing.queues import Queue
from pathlib import Path

import urllib3

from bandplan.stub import process
from benchmarks.__main__ import machine

ENDPOINTS = "/api/2.0/serving-endpoints"
ENTITY = {
    "entity_name": "system.ai.llama_v3_3_70b_instruct",
    "entity_version": "1",
    "min_provisioned_throughput": 980,
    "max_provisioned_throughput": 1960,
}


@dataclass(frozen=True)
class Load:
    """`clients` connections that request `path`; `pause_seconds` from one request to the next, None for busy ones."""

    name: str
    path: str
    clients: int
    pause_seconds: float | None


@dataclass(frozen=True)
class Result:
    """Milliseconds of wall time to the last byte; `cpu_ms` is what the server's process spent per request."""

    load: Load
    requests: int
    median_ms: float
    p99_ms: float
    cpu_ms: float


class Client:
    """One connection; sends a request when told to, and knows when the whole answer has arrived."""

    def __init__(self, port: int, request: bytes) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._request = request
        self._received = 0
        self._expected = 0
        self.due = 0.0
        self.is_waiting = False

    def send(self, now: float) -> None:
        self.due, self.is_waiting, self._received, self._expected = now, True, 0, 0
        self.socket.sendall(self._request)

    def receive(self) -> bool:
        """Read what has arrived; return whether the answer is complete."""
        data = self.socket.recv(1 << 20)
        if not self._expected:
            head, _, _ = data.partition(b"\r\n\r\n")
            assert b" 200 " in head[:20], head[:200]
            length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            self._expected = len(head) + 4 + int(length.partition(b":")[2])
        self._received += len(data)
        self.is_waiting = self._received < self._expected
        return not self.is_waiting


def run(port: int, token: str, load: Load, seconds: float, results: "Queue[list[float]]") -> None:
    """Load the server for some seconds and put the seconds of each answer into `results`."""
    request = f"GET {load.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
    clients = [Client(port, request) for _ in range(load.clients)]
    selector = selectors.DefaultSelector()
    took: list[float] = []
    began = time.perf_counter()
    pause = load.pause_seconds
    for number, client in enumerate(clients):
        selector.register(client.socket, selectors.EVENT_READ, client)
        # Polling clients are spread over the pause.
        client.due = began + (pause or 0.0) * number / load.clients
    while (now := time.perf_counter()) < began + seconds:
        idle = [client for client in clients if not client.is_waiting]
        for client in idle:
            if client.due <= now:
                client.send(now)
        next_due = min((client.due for client in clients if not client.is_waiting), default=now + 0.1)
        for key, _ in selector.select(max(0.0, next_due - time.perf_counter())):
            client = key.data
            sent_at = client.due
            if client.receive():
                done = time.perf_counter()
                took.append(done - sent_at)
                client.due = done if pause is None else max(done, sent_at + pause)
    results.put(took)


def measured(running: process.Running, load: Load, seconds: float) -> Result:
    port = int(running.host.rpartition(":")[2])
    results: Queue[list[float]] = multiprocessing.get_context("spawn").Queue()
    worker = multiprocessing.get_context("spawn").Process(
        target=run, args=(port, running.token, load, seconds, results)
    )
    before = cpu_seconds(running.pid)
    worker.start()
    took = sorted(results.get())
    worker.join()
    spent = cpu_seconds(running.pid) - before
    return Result(
        load,
        len(took),
        1000 * took[len(took) // 2],
        1000 * took[int(len(took) * 0.99)],
        1000 * spent / len(took),
    )


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process, user and system; Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def fill(running: process.Running, count: int) -> float:
    """Create the endpoints one after another; return the seconds per create."""
    pool = urllib3.PoolManager()
    began = time.perf_counter()
    for number in range(count):
        body = {"name": f"endpoint-{number}", "config": {"served_entities": [ENTITY]}, "tags": [{"key": "team"}]}
        answer = pool.request(
            "POST", running.host + ENDPOINTS, json=body, headers={"Authorization": f"Bearer {running.token}"}
        )
        assert answer.status == 200, answer.data
    return (time.perf_counter() - began) / count


def loads(clients: int, endpoints: int) -> list[Load]:
    one, everything = f"{ENDPOINTS}/endpoint-{endpoints // 2}", ENDPOINTS
    return [
        Load("get, 1 client", one, 1, None),
        Load("list, 1 client", everything, 1, None),
        Load(f"get, {clients} clients, each once a second", one, clients, 1.0),
        Load(f"list, {clients} clients, each every 5 s", everything, clients, 5.0),
        Load(f"get, {clients} busy clients", one, clients, None),
        Load(f"list, {clients} busy clients", everything, clients, None),
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--endpoints", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=64)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long each load lasts")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state_dir = Path(folder)
        running = process.start(state_dir, settle="at-once")
        try:
            create_seconds = fill(running, arguments.endpoints)
            found = [
                measured(running, load, arguments.seconds) for load in loads(arguments.clients, arguments.endpoints)
            ]
        finally:
            process.stop(state_dir)
    print(f"{arguments.endpoints} endpoints; {machine()}; a create {1000 * create_seconds:.1f} ms\n")
    print("| load | requests | median ms | 99th percentile ms | CPU ms of the server per request |")
    print("|---|---:|---:|---:|---:|")
    for result in found:
        figures = f"{result.median_ms:.1f} | {result.p99_ms:.1f} | {result.cpu_ms:.2f}"
        print(f"| {result.load.name} | {result.requests} | {figures} |")


if __name__ == "__main__":
    main()
