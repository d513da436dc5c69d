"""The completions task (llm/v1/completions): a prompt in, text per choice out, whole or as a stream of chunks."""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from bandplan.stub.api.answers import Answer, encode_text
from bandplan.stub.api.queries import logprobs
from bandplan.stub.api.queries.chunks import Chunks, quoted, written
from bandplan.stub.api.queries.embeddings import read_inputs
from bandplan.stub.api.queries.forms import COMPLETIONS
from bandplan.stub.api.queries.sampling import (
    Sampling,
    complete,
    correct,
    deliveries,
    generations,
    prompt_tokens_of,
    read_sampling,
    usage,
)
from bandplan.stub.api.queries.streams import EventStream
from bandplan.stub.api.queries.target import Target
from bandplan.stub.api.queries.tools import read_json_schema
from bandplan.stub.api.requests import integer
from bandplan.stub.inference.delivery import Delivery
from bandplan.stub.inference.engine import Message, Token
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

MAX_LOGPROBS = 5
"""Alternatives per token, as in the OpenAI protocol."""


async def answer(body: Json, target: Target) -> Response:
    """Answer a completions request. Raises Invalid and BadRequest."""
    prompts, sampling, schema = read_inputs(body.get("prompt"), "prompt"), _read_sampling(body), read_json_schema(body)
    counts = [await target.engine.count_text(prompt) for prompt in prompts]
    wanted = [
        generation
        for prompt, count in zip(prompts, counts, strict=True)
        for generation in generations(target, (Message("user", prompt),), sampling, count, schema, is_prompt=True)
    ]
    if sampling.is_stream:
        delivering = deliveries(target, wanted)
        return EventStream(_Events(target, sampling, delivering, counts), delivering, target.headers)
    choices = await complete(target, wanted)
    shown = _head(target.model)
    shown["choices"] = [
        {
            "index": index,
            "text": choice.text,
            "finish_reason": choice.finish_reason,
            "logprobs": None if sampling.top_logprobs is None else logprobs.of_completions(choice.tokens),
        }
        for index, choice in enumerate(choices)
    ]
    generated = sum(choice.completion_tokens for choice in choices)
    read = prompt_tokens_of([choice.prompt_tokens for choice in choices], counts)
    shown["usage"] = usage(read, generated, sum(target.cached(count) for count in counts))
    return Answer(shown, headers=target.headers)


def _read_sampling(body: Json) -> Sampling:
    top = integer(body, "logprobs")
    if top is not None and not 0 <= top <= MAX_LOGPROBS:
        raise Invalid(f"logprobs: must be from 0 to {MAX_LOGPROBS}.")
    return replace(read_sampling(body, COMPLETIONS), top_logprobs=top)


def _head(model: str) -> Json:
    return {"id": f"cmpl_{uuid.uuid4()}", "object": "text_completion", "created": int(time.time()), "model": model}


class _Events:
    """A chunk per token, then one per choice with its finish reason, all with usage so far."""

    def __init__(
        self, target: Target, sampling: Sampling, delivering: Sequence[Delivery], counts: Sequence[int]
    ) -> None:
        self._sampling = sampling
        self._delivering = delivering
        self._counts = counts
        self._chunks = Chunks(_head(target.model), sum(counts), sum(target.cached(count) for count in counts))
        self._offsets = [0] * len(delivering)

    def first(self) -> bytes:
        return b""

    def part(self, at: int, tokens: Sequence[Token]) -> bytes:
        chunks, before = self._chunks, f'{{"index":{at},"text":'
        if not tokens:
            correct(chunks, self._delivering, at, self._counts)
            reason = self._delivering[at].finish_reason
            return written(chunks.chunk(f'{before}"","finish_reason":"{reason}","logprobs":null}}'))
        if self._sampling.top_logprobs is None:
            return written(chunks.token_chunks(before, tokens, ',"finish_reason":null,"logprobs":null}'))
        made = ""
        for token in tokens:
            chunks.generated += 1
            shown = encode_text(logprobs.of_completions((token,), self._offsets[at]))
            self._offsets[at] += len(token.text)
            made += chunks.chunk(f'{before}{quoted(token.text)},"finish_reason":null,"logprobs":{shown}}}')
        return written(made)

    def last(self) -> bytes:
        return written(self._chunks.chunk("")) if self._sampling.wants_last_usage else b""
