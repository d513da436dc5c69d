"""The completions task (llm/v1/completions): a prompt in, text per choice out, whole or as a stream of chunks."""

import time
import uuid
from collections.abc import AsyncIterator

from starlette.responses import Response

from stub.api.answers import Answer, EventStream
from stub.api.requests import Json
from stub.api.sampling import Sampling, complete, finish_reason, generation, read_sampling, usage
from stub.inference.engine import Engine, Message
from stub.inference.stopping import until_stop
from stub.state.refusals import Invalid


async def answer(body: Json, model: str, engine: Engine, headers: dict[str, str]) -> Response:
    """Answer a completions request; `model` is the served entity's name. Raises Invalid."""
    prompts, sampling = read_prompts(body), read_sampling(body)
    prompt_tokens = sum(engine.count_tokens(prompt) for prompt in prompts)
    if sampling.is_stream:
        return EventStream(_chunks(model, prompts, sampling, prompt_tokens, engine), headers)
    choices = [
        await complete(engine, generation(model, (Message("user", prompt),), sampling, index))
        for prompt in prompts
        for index in range(sampling.choices)
    ]
    shown = _head(model)
    shown["choices"] = [
        {"index": index, "text": choice.text, "finish_reason": choice.finish_reason, "logprobs": None}
        for index, choice in enumerate(choices)
    ]
    shown["usage"] = usage(prompt_tokens, sum(len(choice.tokens) for choice in choices))
    return Answer(shown, headers=headers)


def read_prompts(body: Json) -> tuple[str, ...]:
    """One prompt or several."""
    prompt = body.get("prompt")
    prompts = [prompt] if isinstance(prompt, str) else prompt
    if not isinstance(prompts, list) or not prompts or not all(isinstance(item, str) for item in prompts):
        raise Invalid("prompt: must be a string or a list of strings.")
    return tuple(prompts)


def _head(model: str) -> Json:
    return {"id": f"cmpl_{uuid.uuid4()}", "object": "text_completion", "created": int(time.time()), "model": model}


async def _chunks(
    model: str, prompts: tuple[str, ...], sampling: Sampling, prompt_tokens: int, engine: Engine
) -> AsyncIterator[Json]:
    head = _head(model)
    generated, position = 0, 0

    def chunk(text: str, reason: str | None = None) -> Json:
        choice = {"index": position, "text": text, "finish_reason": reason, "logprobs": None}
        return {**head, "choices": [choice], "usage": usage(prompt_tokens, generated)}

    for prompt in prompts:
        for index in range(sampling.choices):
            wanted, before = generation(model, (Message("user", prompt),), sampling, index), generated
            async for token in until_stop(engine.generate(wanted), wanted.stop):
                generated += 1
                yield chunk(token.text)
            yield chunk("", finish_reason(generated - before, wanted))
            position += 1
    if sampling.wants_last_usage:
        yield {**head, "choices": [], "usage": usage(prompt_tokens, generated)}
