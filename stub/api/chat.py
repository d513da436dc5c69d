"""The chat task (llm/v1/chat): messages in, one message or function call per choice out, whole or streamed."""

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

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
from stub.api.tools import Tool, new_call_id, read_called_tool, read_json_schema, show_call
from stub.inference.engine import Engine, Generation, Message, Token
from stub.inference.stopping import until_stop
from stub.state.refusals import Invalid


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a chat request asks for; `tool` is the function that the answer calls, if any."""

    messages: tuple[Message, ...]
    sampling: Sampling
    tool: Tool | None = None
    json_schema: Json | None = None

    def generation(self, model: str, index: int) -> Generation:
        """What to ask of the engine for one choice: text, or the arguments of the function that is called."""
        schema = self.tool.parameters if self.tool else self.json_schema
        return replace(generation(model, self.messages, self.sampling, index), json_schema=schema)


async def answer(body: Json, model: str, engine: Engine, headers: dict[str, str]) -> Response:
    """Answer a chat request; `model` is the served entity's name. Raises Invalid."""
    asked = read(body)
    prompt_tokens = engine.count_prompt_tokens(asked.messages)
    if asked.sampling.is_stream:
        return EventStream(_chunks(model, asked, prompt_tokens, engine), headers)
    choices = [await complete(engine, asked.generation(model, index)) for index in range(asked.sampling.choices)]
    shown = _head("chat.completion", model)
    shown["choices"] = [_show(choice, index, asked) for index, choice in enumerate(choices)]
    shown["usage"] = usage(prompt_tokens, sum(len(choice.tokens) for choice in choices))
    return Answer(shown, headers=headers)


def read(body: Json) -> ChatRequest:
    """Raises Invalid."""
    messages = read_messages(body)
    return ChatRequest(messages, _read_sampling(body), read_called_tool(body, messages), read_json_schema(body))


def read_messages(body: Json) -> tuple[Message, ...]:
    """The messages; content is a string, parts of type text, or null."""
    rows = objects(body, "messages")
    if not rows:
        raise Invalid("messages: at least one message is required.")
    return tuple(
        Message(required_text(row, "role", f"messages/{n}/"), read_content(row.get("content"), f"messages/{n}/content"))
        for n, row in enumerate(rows)
    )


def read_content(content: object, place: str) -> str:
    match content:
        case None:
            return ""
        case str():
            return content
        case list() if all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in content):
            return "".join(part["text"] for part in content)
        case _:
            raise Invalid(f"{place}: must be a string or a list of text parts.")


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


def _show(choice: Choice, index: int, asked: ChatRequest) -> Json:
    message: Json = {"role": "assistant", "content": choice.text}
    if asked.tool is not None:
        call = show_call(new_call_id(), asked.tool.name, choice.text)
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    return {
        "index": index,
        "message": message,
        "finish_reason": _reason(choice.finish_reason, asked),
        "logprobs": _logprobs(choice.tokens, asked.sampling),
    }


def _reason(reason: str, asked: ChatRequest) -> str:
    return "tool_calls" if asked.tool is not None and reason == "stop" else reason


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


async def _chunks(model: str, asked: ChatRequest, prompt_tokens: int, engine: Engine) -> AsyncIterator[Json]:
    """Chunks with running usage on each: role first, then a token each, then the finish reason, per choice."""
    head = _head("chat.completion.chunk", model)
    generated = 0

    def chunk(index: int, delta: Json, reason: str | None = None, logprobs: Json | None = None) -> Json:
        choice = {"index": index, "delta": delta, "finish_reason": reason, "logprobs": logprobs}
        return {**head, "choices": [choice], "usage": usage(prompt_tokens, generated)}

    for index in range(asked.sampling.choices):
        yield chunk(index, _first_delta(asked.tool))
        wanted, before = asked.generation(model, index), generated
        async for token in until_stop(engine.generate(wanted), wanted.stop):
            generated += 1
            yield chunk(index, _delta(token, asked.tool), logprobs=_logprobs((token,), asked.sampling))
        yield chunk(index, {}, _reason(finish_reason(generated - before, wanted), asked))
    if asked.sampling.wants_last_usage:
        yield {**head, "choices": [], "usage": usage(prompt_tokens, generated)}


def _first_delta(tool: Tool | None) -> Json:
    if tool is None:
        return {"role": "assistant", "content": ""}
    call = {"index": 0, **show_call(new_call_id(), tool.name, "")}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _delta(token: Token, tool: Tool | None) -> Json:
    if tool is None:
        return {"content": token.text}
    return {"tool_calls": [{"index": 0, "function": {"arguments": token.text}}]}
