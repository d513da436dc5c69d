"""The model by itself, in this process: `python -m benchmarks.gpu.direct FOLDER DEVICE LOADS`, a JSON line per load.

A process of its own, so that all of its memory is free afterwards. LOADS is a list of batch, input and output tokens.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict
from typing import Any

from bandplan.stub.inference.transformers_engine.worker.generating import Generator
from bandplan.stub.inference.transformers_engine.worker.model import Wanted, load
from benchmarks.gpu.load import Load, Speed, speed_of

GPU_SHARE = 0.9


async def main(folder: str, device: str, loads: list[Load]) -> None:
    loaded = load(Wanted(folder, is_random=True, device=device, gpu_share=GPU_SHARE), _to_stderr)
    made = Generator(loaded, asyncio.get_running_loop())
    try:
        batching = (await made.start(GPU_SHARE)).batching
        print(json.dumps({"batching": batching}), flush=True)
        for load_ in loads:
            # The first answers of a batch of this size also pay for memory and kernels of that size.
            await _measure(made, loaded.prompts, load_.warm_up, 100_000)
            speed = await _measure(made, loaded.prompts, load_, 1000)
            print(json.dumps({"batch": load_.batch, **asdict(speed)}), flush=True)
    finally:
        made.close()  # its thread would keep this process from ending


async def _measure(made: Generator, prompts: Any, load_: Load, first: int) -> Speed:
    """Return the speed of answers to prompts that are numbered from `first` times the batch."""
    times: list[list[float]] = [[] for _ in range(load_.batch)]
    asked = {"temperature": 0, "max_tokens": load_.output_tokens, "ignore_eos": True}
    numbers = [first * load_.batch + number for number in range(load_.batch)]
    encoded = [prompts.of_text(load_.prompt(number)) for number in numbers]
    sent = time.monotonic()
    await asyncio.gather(
        *(
            made.generate(
                number,
                prompt,
                asked,
                lambda _, own=own: own.append(time.monotonic()),
            )
            for number, prompt, own in zip(numbers, encoded, times, strict=True)
        )
    )
    return speed_of(sent, times)


def _to_stderr(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


def bytes_per_second(device: str) -> float:
    """Return what the memory of a device reads and writes per second, by copying a large block, the best of some."""
    import torch

    count = 2**30 if device.startswith("cuda") else 2**24
    source = torch.empty(count, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    best = 0.0
    for _ in range(10):
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        began = time.perf_counter()
        target.copy_(source)
        if device.startswith("cuda"):
            torch.cuda.synchronize()
        best = max(best, 2 * count / (time.perf_counter() - began))
    return best


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], [Load(*row) for row in json.loads(sys.argv[3])]))
