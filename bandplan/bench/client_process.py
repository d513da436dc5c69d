"""A client in a process of its own: requests come on standard input, samples go out on standard output.

Usage: `python -P -m bandplan.bench.client_process`. The first frame is the target; each further one is a request (a
sample and its prompt), connections to open, or a renewed token. The first answer says that the process is ready. It
ends with its input, so none outlives the benchmark.
"""

import asyncio
import signal
import sys
import time
from typing import Final

from bandplan.bench.client import Client
from bandplan.bench.frame import READY, Opening, Reply, frame, read_frame
from bandplan.bench.generator import watch_lag
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret

COMMAND: Final = (sys.executable, "-P", "-m", "bandplan.bench.client_process")


async def serve() -> None:
    """Send requests until the input ends."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    output, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, sys.stdout)
    client = Client(await read_frame(reader))
    output.write(frame(READY))
    lags: list[float] = []
    tasks: set[asyncio.Task[None]] = {asyncio.create_task(watch_lag(lags))}

    async def ask(sample: Sample, prompt: str) -> None:
        await client.ask(sample, prompt)
        output.write(frame(Reply(sample, lags.copy(), time.process_time(), client.notes, client.last_error_body)))
        lags.clear()

    while (frame_read := await read_frame(reader)) is not None:
        match frame_read:
            case Opening():
                await client.open(frame_read.connections, frame_read.spare)
                output.write(frame(READY))
            case Secret():
                client.renew(frame_read)
            case sample, prompt:
                task = asyncio.create_task(ask(sample, prompt))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
    client.close()


if __name__ == "__main__":
    # Ctrl-C reaches the whole group: the benchmark ends the level, and closes this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.run(serve())
