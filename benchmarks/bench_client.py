"""CPU that the client of `bandplan bench` takes for each streamed token: `python -m benchmarks.bench_client`.

Many streams of a server in a process of its own, which sends an event for each token as fast as it is read.
"""

import asyncio
import json
import multiprocessing
import time
from multiprocessing.connection import Connection
from time import perf_counter_ns

from bandplan.bench.client import Client
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target

STREAMS, TOKENS, TOKENS_PER_SECOND = 256, 120, 40
MOST_MICROSECONDS = 50


def serve(parent: Connection) -> None:
    """Answer each request with TOKENS events, one at a time at the pace of a model."""
    event = json.dumps({"id": "chatcmpl-" + "0" * 32, "choices": [{"index": 0, "delta": {"content": " word"}}]})
    chunk = f"{len(event) + 8:x}\r\ndata: {event}\n\n\r\n".encode()
    end = b"e\r\ndata: [DONE]\n\n\r\n0\r\n\r\n"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0]))
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _ in range(TOKENS):
            await asyncio.sleep(1 / TOKENS_PER_SECOND)
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


def main() -> None:
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(theirs,), daemon=True)
    server.start()
    port = ours.recv()
    before, began = time.process_time(), time.perf_counter()
    samples = asyncio.run(ask_all(port))
    used, took = time.process_time() - before, time.perf_counter() - began
    server.terminate()
    tokens = sum(len(sample.content) for sample in samples)
    complete = sum(sample.outcome == "completed" for sample in samples)
    print(
        f"{used / tokens * 1e6:.1f} us of CPU for each of {tokens:,} tokens ({complete} of {STREAMS} streams complete, "
        f"{tokens / took:,.0f} tokens/s, {used / took:.0%} of a core; limit {MOST_MICROSECONDS} us)"
    )


if __name__ == "__main__":
    main()
