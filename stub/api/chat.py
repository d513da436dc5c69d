"""The chat task (llm/v1/chat): messages in, one message per choice out, whole or as a stream of chunks."""

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.responses import Response

from stub.api.answers import Answer, EventStream
from stub.api.requests import Json, boolean, integer, objects, required_text
from stub.api.sampling import (
    MAX_TOP_LOGPROBS,
    Choice,
    Sampling,
    complete,
    finish_reason,
    generation,
    read_sampling,
    usage,
)
from stub.inference.engine import Engine, Message, Token
from stub.inference.stopping import until_stop
from stub.state.refusals import Invalid


async def answer(body: Json, model: str, engine: Engine, headers: dict[str, str]) -> Response:
    """Answer a chat request; `model` is the served entity's name. Raises Invalid."""
    messages, sampling = read_messages(body), _read_sampling(body)
    prompt_tokens = engine.count_prompt_tokens(messages)
    if sampling.is_stream:
        return EventStream(_chunks(model, messages, sampling, prompt_tokens, engine), headers)
    choices = [
        await complete(engine, generation(model, messages, sampling, index)) for index in range(sampling.choices)
    ]
    shown = _head("chat.completion", model)
    shown["choices"] = [_show(choice, index, sampling) for index, choice in enumerate(choices)]
    shown["usage"] = usage(prompt_tokens, sum(len(choice.tokens) for choice in choices))
    return Answer(shown, headers=headers)


def read_messages(body: Json) -> tuple[Message, ...]:
    """The messages; content is a string, parts of type text, or null."""
    rows = objects(body, "messages")
    if not rows:
        raise Invalid("messages: at least one message is required.")
    return tuple(
        Message(required_text(row, "role", f"messages/{n}/"), _content(row.get("content"), n))
        for n, row in enumerate(rows)
    )


def _content(content: object, index: int) -> str:
    match content:
        case None:
            return ""
        case str():
            return content
        case list() if all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            return "".join(part["text"] for part in content)
        case _:
            raise Invalid(f"messages/{index}/content: must be a string or a list of text parts.")


def _read_sampling(body: Json) -> Sampling:
    top = integer(body, "top_logprobs") or 0
    wants = bool(boolean(body, "logprobs"))
    if not 0 <= top <= MAX_TOP_LOGPROBS:
        raise Invalid(f"top_logprobs: must be from 0 to {MAX_TOP_LOGPROBS}.")
    if top and not wants:
        raise Invalid("top_logprobs: needs logprobs: true.")
    return replace(read_sampling(body), wants_logprobs=wants, top_logprobs=top)


def _head(kind: str, model: str) -> Json:
    return {"id": f"chatcmpl_{uuid.uuid4()}", "object": kind, "created": int(time.time()), "model": model}


def _show(choice: Choice, index: int, sampling: Sampling) -> Json:
    return {
        "index": index,
        "message": {"role": "assistant", "content": choice.text},
        "finish_reason": choice.finish_reason,
        "logprobs": _logprobs(choice.tokens, sampling),
    }


def _logprobs(tokens: tuple[Token, ...], sampling: Sampling) -> Json | None:
    if not sampling.wants_logprobs:
        return None
    return {"content": [_logprob(token, sampling.top_logprobs) for token in tokens]}


def _logprob(token: Token, top: int) -> Json:
    # The alternatives of a simulated token are made up: each one less likely than the one before.
    ranked = [token, *(Token(f"{token.text}~{rank}", token.logprob - rank) for rank in range(1, top))]
    return {
        **_token_logprob(token),
        "top_logprobs": [_token_logprob(candidate) for candidate in ranked[:top]],
    }


def _token_logprob(token: Token) -> Json:
    return {"token": token.text, "logprob": token.logprob, "bytes": list(token.text.encode("utf-8", "replace"))}


async def _chunks(
    model: str, messages: tuple[Message, ...], sampling: Sampling, prompt_tokens: int, engine: Engine
) -> AsyncIterator[Json]:
    """Chunks with running usage on each: role first, then a token each, then the finish reason, per choice."""
    head = _head("chat.completion.chunk", model)
    generated = 0

    def chunk(index: int, delta: Json, reason: str | None = None, logprobs: Json | None = None) -> Json:
        choice = {"index": index, "delta": delta, "finish_reason": reason, "logprobs": logprobs}
        return {**head, "choices": [choice], "usage": usage(prompt_tokens, generated)}

    for index in range(sampling.choices):
        yield chunk(index, {"role": "assistant", "content": ""})
        wanted, before = generation(model, messages, sampling, index), generated
        async for token in until_stop(engine.generate(wanted), wanted.stop):
            generated += 1
            yield chunk(index, {"content": token.text}, logprobs=_logprobs((token,), sampling))
        yield chunk(index, {}, finish_reason(generated - before, wanted))
    if sampling.wants_last_usage:
        yield {**head, "choices": [], "usage": usage(prompt_tokens, generated)}
