"""CPU that the client of `bandplan bench` takes for each streamed token: `python -m benchmarks.bench_client`.

Many streams of a server in a process of its own, which sends an event for each token at the pace of a model. With
`--endurance` it sends them as fast as they are read, for up to ten minutes: ten levels, and the memory after each.
"""

import asyncio
import contextlib
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter_ns

from bandplan.bench.bench import BenchPlan, Limits, Watcher, run_bench
from bandplan.bench.client import Client
from bandplan.bench.lengths import Length
from bandplan.bench.level import Point
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target

STREAMS, TOKENS, TOKENS_PER_SECOND = 256, 120, 40
LEVELS, LEVEL_SECONDS = 10, 60.0
MOST_MICROSECONDS = 50


def serve(parent: Connection, pause: float) -> None:
    """Answer each request with TOKENS events, `pause` seconds apart."""
    event = json.dumps({"id": "chatcmpl-" + "0" * 32, "choices": [{"index": 0, "delta": {"content": " word"}}]})
    chunk = f"{len(event) + 8:x}\r\ndata: {event}\n\n\r\n".encode()
    end = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
                writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
                for _ in range(TOKENS):
                    await asyncio.sleep(pause)
                    writer.write(chunk)
                writer.write(end)
                await writer.drain()

    async def main() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=STREAMS)
        parent.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(main())


async def ask_all(port: int) -> list[Sample]:
    target = Target("m", "http", "127.0.0.1", port, "", "openai", "chat", True, Secret(""))
    client = Client(target)
    asked = (client.ask(Sample(number, perf_counter_ns(), 10, TOKENS), "prompt") for number in range(STREAMS))
    samples = await asyncio.gather(*asked)
    client.close()
    return samples


@contextlib.contextmanager
def server(pause: float) -> Iterator[int]:
    """The port of a server in a process of its own."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.Process(target=serve, args=(theirs, pause), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.terminate()


def measure() -> None:
    with server(1 / TOKENS_PER_SECOND) as port:
        before, began = time.process_time(), time.perf_counter()
        samples = asyncio.run(ask_all(port))
        used, took = time.process_time() - before, time.perf_counter() - began
    tokens = sum(len(sample.content) for sample in samples)
    complete = sum(sample.outcome == "completed" for sample in samples)
    print(
        f"{used / tokens * 1e6:.1f} us of CPU for each of {tokens:,} tokens ({complete} of {STREAMS} streams complete, "
        f"{tokens / took:,.0f} tokens/s, {used / took:.0%} of a core; limit {MOST_MICROSECONDS} us)"
    )


def endure() -> None:
    """One run of ten levels, with the memory after each."""
    memory = [resident_mib()]

    def note(point: Point) -> None:
        memory.append(resident_mib())
        done = point.counts["completed"]
        print(f"level {len(memory) - 1}: {done:,} requests, {done * TOKENS:,} tokens, {memory[-1]:.1f} MiB", flush=True)

    with server(0) as port:
        target = Target("m", "http", "127.0.0.1", port, "", "openai", "chat", True, Secret(""))
        limits = Limits(10**9, 10**12, 60)
        plan = BenchPlan(
            "closed", Length(10), Length(TOKENS), limits, levels=[STREAMS] * LEVELS, level_seconds=LEVEL_SECONDS
        )
        run_bench(plan, target, Watcher(note), {})
    print(f"{memory[0]:.1f} MiB before, {memory[1]:.1f} after the first level, {memory[-1]:.1f} after the last")


def resident_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


if __name__ == "__main__":
    endure() if sys.argv[1:] == ["--endurance"] else measure()
