"""Checks on the GPU: the engine's tokens, log probabilities and vectors against transformers, called directly."""

import asyncio
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bandplan.stub.inference.transformers_engine.worker.embedding import Embedder
from bandplan.stub.inference.transformers_engine.worker.generating import Generator
from bandplan.stub.inference.transformers_engine.worker.model import Loaded, Wanted, load
from bandplan.stub.inference.transformers_engine.worker.texts import TextStream
from benchmarks.gpu.report import Check

CHECKPOINTS = Path(__file__).parents[2] / "examples" / "checkpoints"

PROMPT = [5, 110, 107, 114, 114, 117]
LENGTH = 60
AT_ONCE = 32

CLOSE = 1e-3
"""Differences of log probabilities and of vectors with float32 on a GPU, whose sums have another order."""


def run_checks(device: str) -> Iterator[Check]:
    """Yield the result of every check; an error is one, too."""
    with _as_float32("tiny-llama") as folder:
        loaded = load(Wanted(str(folder), device=device, gpu_share=0.5), print)
        yield from asyncio.run(_generating(loaded))
    with _as_float32("tiny-gte") as folder:
        loaded = load(Wanted(str(folder), is_embedding=True, device=device), print)
        yield _check("vectors equal those of a direct call", lambda: _vectors(loaded))


async def _generating(loaded: Loaded) -> list[Check]:
    plain = loaded.second()
    made = Generator(loaded, asyncio.get_running_loop())
    try:
        batching = (await made.start(0.5)).batching
        checks = [Check("continuous batching works here", batching == "continuous", batching)]
        return checks + await _compared(made, loaded, plain)
    finally:
        # Its thread would keep this process from ending.
        made.close()


async def _compared(made: Generator, loaded: Loaded, plain: Any) -> list[Check]:
    """Compare answers with those of `plain`, a model with the same weights."""
    import torch

    numbers = iter(range(1, 1000))

    async def answer(prompt: list[int], **asked: Any) -> list[Any]:
        tokens: list[Any] = []
        wanted = {"temperature": 0, "max_tokens": LENGTH, "ignore_eos": True, **asked}
        await asyncio.wait_for(made.generate(next(numbers), prompt, wanted, tokens.append), 60)
        return tokens

    def greedy(prompt: list[int]) -> list[int]:
        from transformers import GenerationConfig

        plain.generation_config = GenerationConfig()
        config = GenerationConfig(max_new_tokens=LENGTH, do_sample=False, pad_token_id=0)
        inputs = torch.tensor([prompt], device=plain.device)
        with torch.inference_mode():
            out = plain.generate(inputs, attention_mask=torch.ones_like(inputs), generation_config=config)
        return list(out[0, len(prompt) :].tolist())

    def texts(ids: list[int]) -> list[str]:
        stream = TextStream(loaded.prompts.decode)
        return [stream.add(one, is_last=at == len(ids) - 1) for at, one in enumerate(ids)]

    ids = greedy(PROMPT)
    checks = [_equal("tokens equal those of generate", await answer(PROMPT), texts(ids))]
    with torch.inference_mode():
        scores = plain(torch.tensor([PROMPT + ids], device=plain.device)).logits[0]
    wanted = torch.log_softmax(scores.float(), dim=-1)[len(PROMPT) - 1 : -1].tolist()
    rows = await answer(PROMPT, top_logprobs=4)
    checks.append(_equal("tokens of a batch of generate are the same", [row[0] for row in rows], texts(ids)))
    differences = [abs(row[1] - scores[token]) for row, scores, token in zip(rows, wanted, ids, strict=True)]
    differences += [
        abs(value - best)
        for row, scores in zip(rows, wanted, strict=True)
        for (_, value), best in zip(row[2], sorted(scores, reverse=True), strict=False)
    ]
    checks.append(_close("log probabilities and alternatives equal those of the model", max(differences)))
    prompts = [[*PROMPT, 100 + number] for number in range(AT_ONCE)]
    all_rows = await asyncio.gather(*(answer(prompt) for prompt in prompts))
    wrong = [number for number, prompt in enumerate(prompts) if all_rows[number] != texts(greedy(prompt))]
    checks.append(Check(f"{AT_ONCE} at once are each as if alone", not wrong, f"{len(wrong)} of {AT_ONCE} differ"))
    return [*checks, await _cancelled(made, next(numbers))]


async def _cancelled(made: Generator, number: int) -> Check:
    tokens: list[Any] = []
    asked = {"temperature": 0, "max_tokens": 200, "ignore_eos": True}
    task = asyncio.create_task(made.generate(number, PROMPT, asked, tokens.append))
    while len(tokens) < 3:
        await asyncio.sleep(0.001)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    given = len(tokens)
    await asyncio.sleep(0.3)
    return Check(
        "cancelled answer ends", len(tokens) == given < 200, f"after {given} tokens, then {len(tokens) - given}"
    )


def _vectors(loaded: Loaded) -> Check:
    import torch

    texts = ["hello", "a longer text, to be padded", "x"]
    made = Embedder(loaded, "first").embed(texts, is_normalised=False)
    worst = 0.0
    for text, vector in zip(texts, made, strict=True):
        encoded = loaded.tokenizer([text], return_tensors="pt").to(loaded.model.device)
        with torch.inference_mode():
            wanted = loaded.model(**encoded).last_hidden_state[0, 0].tolist()
        worst = max(worst, *(abs(one - other) for one, other in zip(vector, wanted, strict=True)))
    return _close("", worst)


def _check(name: str, run: Callable[[], Check]) -> Check:
    found = run()
    return Check(name, found.is_right, found.found)


def _equal(name: str, found: list[Any], wanted: list[Any]) -> Check:
    same = next((at for at, pair in enumerate(zip(found, wanted, strict=False)) if pair[0] != pair[1]), len(wanted))
    return Check(name, found == wanted, f"{same} of {len(wanted)} tokens")


def _close(name: str, difference: float) -> Check:
    return Check(name, difference <= CLOSE, f"largest difference {difference:.1e}")


@contextmanager
def _as_float32(name: str) -> Iterator[Path]:
    """Yield a copy of a checkpoint that is loaded as float32 on a GPU, too: others round differently in every order."""
    with tempfile.TemporaryDirectory() as folder:
        copied = Path(shutil.copytree(CHECKPOINTS / name, Path(folder) / name))
        config = json.loads((copied / "config.json").read_text())
        (copied / "config.json").write_text(json.dumps({**config, "torch_dtype": "float32"}))
        yield copied
