"""Generate answers: which of the two ways, within which limits, as texts."""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bandplan.stub.inference.transformers_engine.worker.batches import Batches
from bandplan.stub.inference.transformers_engine.worker.continuous import Continuous, Unsupported, attentions
from bandplan.stub.inference.transformers_engine.worker.model import Loaded, Unusable
from bandplan.stub.inference.transformers_engine.worker.refusals import Failed, Refused
from bandplan.stub.inference.transformers_engine.worker.sampling import Chosen, Sampling, Sink
from bandplan.stub.inference.transformers_engine.worker.texts import TextStream

TRIAL_TOKENS = 12
"""Tokens of the query that an engine answers before it counts as ready. Arbitrary."""

TRIAL = 0
"""The number of that query; those of the stub begin at 1."""

TRIAL_TEXT = "One two three four five six seven eight nine ten eleven twelve"

MOST_GAP = 0.5
"""A choice: numbers of 16 bits, added up in another order, change logarithms by less than 0.1; wrong tokens are off by
more than 1.
"""

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
        self._batches = Batches(loaded.second(), pad_token=min(loaded.end_tokens, default=0), loop=loop)
        self._continuous: Continuous | None = None
        # An unknown token would be an error in the middle of a batch, and on a GPU the end of the process.
        self._vocabulary = int(loaded.model.get_input_embeddings().weight.shape[0])

    @property
    def has_died(self) -> bool:
        """Whether continuous batching has ended after an error; only a new process fixes that."""
        return self._continuous is not None and self._continuous.is_dead

    async def start(self, gpu_share: float) -> Speed:
        """Start continuous batching, answer one query, and return how. Raises Failed and Unusable.

        `gpu_share` of the whole GPU is for everything of this process. What the library cannot batch it says at the
        start, or not before the first query, or it gives wrong tokens without a word.
        """
        loaded, reason = self._loaded, ""
        for attention in attentions(loaded.model):
            share = cache_share(loaded, gpu_share)
            try:
                self._continuous = await asyncio.to_thread(
                    Continuous, loaded.model, loaded.end_tokens, loaded.top_k, share, attention
                )
                tokens, speed = await self._try_out()
                if await asyncio.to_thread(self._gap, tokens) <= MOST_GAP:
                    return Speed("continuous", speed)
                reason = reason or "its tokens are not the most likely ones"
            except (Unsupported, Failed) as error:
                reason = reason or str(error)
            if self._continuous is not None:
                await asyncio.to_thread(self._continuous.close)
                self._continuous = None
        _, speed = await self._try_out()
        return Speed(f"batches of generate, because continuous batching does not work here: {reason}", speed)

    def close(self) -> None:
        """End continuous batching, and free its memory."""
        if self._continuous is not None:
            self._continuous.close()

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

    async def _try_out(self) -> tuple[list[int], float | None]:
        """Answer one query; return its tokens, and how many there are per second. Raises Failed."""
        prompt = self._trial_prompt()
        sampling = self.sampling(prompt, {"max_tokens": TRIAL_TOKENS, "ignore_eos": True, "temperature": 0.0})
        tokens: list[int] = []
        stamps: list[float] = []
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def take(chosen: Chosen, is_last: bool) -> None:
            tokens.append(chosen.token)
            stamps.append(time.monotonic())

        way = self._way(len(prompt), sampling)
        way.submit(
            TRIAL,
            prompt,
            sampling,
            Sink(take, lambda _: ended.set_result(None), lambda reason: ended.set_exception(Failed(reason))),
        )
        await ended
        seconds = stamps[-1] - stamps[0]
        return tokens, round((len(stamps) - 1) / seconds, 1) if seconds else None

    def _trial_prompt(self) -> list[int]:
        """Return the tokens of the first query; fewer if the context is tiny."""
        prompt = self._loaded.prompts.of_text(TRIAL_TEXT)
        context = self._loaded.context_tokens
        return prompt if context is None else prompt[: max(1, context - TRIAL_TOKENS)]

    @torch.inference_mode()
    def _gap(self, tokens: list[int]) -> float:
        """Return how much less likely the least likely of the tokens is than the most likely one in its place.

        In natural logarithms, by a pass of the model over the query that `_try_out` sends, and its answer.
        """
        prompt = self._trial_prompt()
        inputs = torch.tensor([prompt + tokens], device=self._loaded.model.device)
        logits = self._batches.model(input_ids=inputs, attention_mask=torch.ones_like(inputs)).logits[0].float()
        logprobs = torch.log_softmax(logits, dim=-1)[len(prompt) - 1 : -1]
        own = logprobs.gather(1, inputs[0, len(prompt) :].unsqueeze(1)).squeeze(1)
        return float((logprobs.max(dim=-1).values - own).max())

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
