"""Generate answers: which of the two ways, within which limits, as texts."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bandplan.stub.inference.transformers_engine.worker.batches import Batches
from bandplan.stub.inference.transformers_engine.worker.continuous import Continuous, Unsupported
from bandplan.stub.inference.transformers_engine.worker.model import Loaded, Unusable
from bandplan.stub.inference.transformers_engine.worker.refusals import Failed, Refused
from bandplan.stub.inference.transformers_engine.worker.sampling import Chosen, Sampling, Sink
from bandplan.stub.inference.transformers_engine.worker.texts import TextStream

TRIAL_TOKENS = 12
"""Tokens of the query that an engine answers before it counts as ready. Arbitrary."""

TRIAL = 0
"""The number of that query; those of the stub begin at 1."""

CACHE_SHARE = 0.8
"""Part of the memory left by the weights that continuous batching gets for keys and values; the rest is for batches of
`generate` and for scores. A guess.
"""

LEAST_TEMPERATURE = 0.01
"""Below it, scores divided by the temperature may overflow, which ends continuous batching. It is almost 0."""

MOST_TOKENS = 2**20
"""Length of an answer if nobody sets a limit. Arbitrary."""


@dataclass(frozen=True, slots=True)
class Speed:
    """How answers are generated, and how many tokens per second a single one has."""

    batching: str
    tokens_per_second: float | None


class Generator:
    """Generates answers with a loaded model; `loop` is the event loop in which all methods are called."""

    def __init__(self, loaded: Loaded, loop: asyncio.AbstractEventLoop) -> None:
        self._loaded = loaded
        self._batches = Batches(loaded.second(), min(loaded.end_tokens, default=0), loop)
        self._continuous: Continuous | None = None
        # An unknown token would be an error in the middle of a batch, and on a GPU the end of the process.
        self._vocabulary = int(loaded.model.get_input_embeddings().weight.shape[0])

    @property
    def has_died(self) -> bool:
        """Whether continuous batching has ended after an error; only a new process fixes that."""
        return self._continuous is not None and self._continuous.is_dead

    def start(self, gpu_share: float) -> str:
        """Start continuous batching, and return how answers are generated. Takes seconds; call it in a thread."""
        loaded = self._loaded
        try:
            share = cache_share(loaded, gpu_share)
            self._continuous = Continuous(loaded.model, loaded.end_tokens, loaded.top_k, share)
        except Unsupported as error:
            return f"batches of generate, because continuous batching does not work here: {error}"
        return "continuous"

    def close(self) -> None:
        """End continuous batching, and free its memory."""
        if self._continuous is not None:
            self._continuous.close()

    async def try_out(self) -> float | None:
        """Answer one query; return its tokens per second. Raises Failed."""
        stamps: list[float] = []
        asked = {"max_tokens": TRIAL_TOKENS, "ignore_eos": True, "temperature": 0.0}
        prompt = self._loaded.prompts.of_text("ready?")
        await self.generate(TRIAL, prompt, asked, lambda _: stamps.append(time.monotonic()))
        seconds = stamps[-1] - stamps[0]
        return round((len(stamps) - 1) / seconds, 1) if seconds else None

    async def generate(
        self, number: int, prompt: list[int], asked: Mapping[str, Any], emit: Callable[[Any], Any]
    ) -> str:
        """Return the reason for the end of an answer; `emit` gets each token of it as it is written to the stub.

        Raises Refused and Failed. Cancel the task to abandon the answer.
        """
        sampling = self.sampling(prompt, asked)
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        text = TextStream(self._loaded.prompts.decode)

        def take(chosen: Chosen, is_last: bool) -> None:
            words = text.add(chosen.token, is_last=is_last)
            emit(words if sampling.alternatives is None else self._shown(words, chosen))

        def end(reason: str) -> None:
            if not ended.done():
                ended.set_result(reason)

        def fail(reason: str) -> None:
            if not ended.done():
                ended.set_exception(Failed(reason))

        way = self._way(len(prompt), sampling)
        way.submit(number, prompt, sampling, Sink(take, end, fail))
        try:
            return await ended
        finally:
            way.cancel(number)

    def _way(self, prompt_tokens: int, sampling: Sampling) -> Continuous | Batches:
        continuous = self._continuous
        if continuous is None or not sampling.is_plain:
            return self._batches
        return continuous if continuous.can_hold(prompt_tokens + sampling.most_tokens) else self._batches

    def sampling(self, prompt: list[int], asked: Mapping[str, Any]) -> Sampling:
        """Return how to generate what was asked. Raises Refused if the model cannot go on from the prompt."""
        if not prompt:
            raise Refused("the prompt has no tokens; send some text")
        if max(prompt) >= self._vocabulary:
            raise Refused("the prompt has tokens that the weights do not know: they are not those of the tokenizer")
        most, context = asked.get("max_tokens") or MOST_TOKENS, self._loaded.context_tokens
        if context is not None:
            if len(prompt) >= context:
                raise Refused(f"the prompt has {len(prompt)} tokens; the weights in use have a context of {context}")
            most = min(most, context - len(prompt))
        temperature, top_p, seed = asked.get("temperature"), asked.get("top_p"), asked.get("seed")
        temperature = self._loaded.temperature if temperature is None else float(temperature)
        return Sampling(
            most_tokens=most,
            end_tokens=frozenset() if asked.get("ignore_eos") else self._loaded.end_tokens,
            least_tokens=min(asked.get("min_tokens") or 0, most),
            temperature=0.0 if temperature < LEAST_TEMPERATURE else temperature,
            top_p=self._loaded.top_p if top_p is None else float(top_p),
            seed=None if seed is None else seed + (asked.get("choice") or 0),
            alternatives=asked.get("top_logprobs"),
        )

    def _shown(self, words: str, chosen: Chosen) -> list[Any]:
        alternatives = [
            [words if token == chosen.token else self._loaded.prompts.decode([token]), logprob]
            for token, logprob in chosen.alternatives
        ]
        return [words, chosen.logprob, alternatives]


def cache_share(loaded: Loaded, gpu_share: float) -> float:
    """Return the part of the free GPU memory for keys and values. Raises Unusable if the share leaves nothing.

    `gpu_share` of the whole GPU is for everything of this process.
    """
    device = loaded.model.device
    if device.type != "cuda":
        return CACHE_SHARE
    free, total = torch.cuda.mem_get_info(device)
    left = gpu_share * total - torch.cuda.memory_allocated(device)
    if left <= 0 or free <= 0:
        raise Unusable(
            f"not enough memory: the weights take all of this engine's share of the GPU ({gpu_share:.0%}); raise "
            "gpu_share, serve fewer models, or name smaller weights"
        )
    return min(CACHE_SHARE, CACHE_SHARE * left / free)
