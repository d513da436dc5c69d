"""The chat task (llm/v1/chat): messages in, one message or function call per choice out, whole or streamed."""

import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from starlette.responses import Response

from bandplan.stub.api.answers import Answer, encode_text
from bandplan.stub.api.queries import logprobs
from bandplan.stub.api.queries.chunks import Chunks, quoted, written
from bandplan.stub.api.queries.sampling import (
    MAX_TOP_LOGPROBS,
    Choice,
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
from bandplan.stub.api.queries.tools import (
    Tool,
    new_call_id,
    read_called_tool,
    read_functions,
    read_json_schema,
    show_call,
    show_calls,
    show_part,
)
from bandplan.stub.api.requests import boolean, integer, objects, required_text
from bandplan.stub.inference.delivery import Delivery
from bandplan.stub.inference.engine import Engine, Message, Token
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """What a chat request asks for.

    `tool` is the function that a simulated answer calls, if any; `functions` has the fields of those that a model may
    call by its own decision.
    """

    messages: tuple[Message, ...]
    sampling: Sampling
    tool: Tool | None = None
    json_schema: Json | None = None
    functions: Json = field(default_factory=dict)


async def answer(body: Json, target: Target) -> Response:
    """Answer a chat request. Raises Invalid and BadRequest."""
    asked = read(body, target.engine)
    prompt_tokens = await target.engine.count(asked.messages)
    schema = asked.tool.parameters if asked.tool else asked.json_schema
    wanted = generations(target, asked.messages, asked.sampling, prompt_tokens, schema)
    if asked.sampling.is_stream:
        delivering = deliveries(target, wanted)
        return EventStream(_Events(target, asked, delivering, prompt_tokens), delivering, target.headers)
    choices = await complete(target, wanted)
    shown = _head("chat.completion", target.model)
    shown["choices"] = [_show(choice, index, asked) for index, choice in enumerate(choices)]
    generated = sum(choice.completion_tokens for choice in choices)
    prompt_tokens = prompt_tokens_of([choice.prompt_tokens for choice in choices], [prompt_tokens])
    shown["usage"] = usage(prompt_tokens, generated, target.cached(prompt_tokens))
    return Answer(shown, headers=target.headers)


def read(body: Json, engine: Engine) -> ChatRequest:
    """Read a chat request for an engine. Raises Invalid."""
    messages, sampling, schema = read_messages(body), _read_sampling(body), read_json_schema(body)
    if not engine.calls_functions:
        return ChatRequest(messages, sampling, read_called_tool(body, messages), schema)
    functions = read_functions(body)
    sampling = replace(sampling, further={**sampling.further, **functions})
    return ChatRequest(messages, sampling, None, schema, functions)


def read_messages(body: Json) -> tuple[Message, ...]:
    """Read the messages; content is a string, parts of type text, or null."""
    rows = objects(body, "messages")
    if not rows:
        raise Invalid("messages: at least one message is required.")
    return tuple(
        Message(
            required_text(row, "role", f"messages/{n}/"),
            read_content(row.get("content"), f"messages/{n}/content"),
            _further(row),
        )
        for n, row in enumerate(rows)
    )


def _further(row: Json) -> str:
    further = {key: row[key] for key in ("name", "tool_call_id", "tool_calls") if row.get(key)}
    return encode_text(further) if further else ""


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
        raise Invalid("top_logprobs: requires logprobs: true.")
    return replace(read_sampling(body), top_logprobs=top if wants else None)


def _head(kind: str, model: str) -> Json:
    return {"id": f"chatcmpl_{uuid.uuid4()}", "object": kind, "created": int(time.time()), "model": model}


def _show(choice: Choice, index: int, asked: ChatRequest) -> Json:
    message: Json = {"role": "assistant", "content": choice.text}
    if asked.tool is not None:
        call = show_call(new_call_id(), asked.tool.name, choice.text)
        message = {"role": "assistant", "content": None, "tool_calls": [call]}
    elif calls := show_calls(choice.tokens) if asked.functions else []:
        message = {"role": "assistant", "content": choice.text or None, "tool_calls": calls}
    return {
        "index": index,
        "message": message,
        "finish_reason": _reason(choice.finish_reason, asked),
        "logprobs": None if asked.sampling.top_logprobs is None else logprobs.of_chat(choice.tokens),
    }


def _reason(reason: str, asked: ChatRequest) -> str:
    return "tool_calls" if asked.tool is not None and reason == "stop" else reason


class _Events:
    """A chunk per token, the role with the first, then each choice's finish reason, all with usage so far."""

    __slots__ = (
        "_after",
        "_asked",
        "_awaits_role",
        "_before",
        "_chunks",
        "_delivering",
        "_is_plain",
        "_prompt_tokens",
        "_sends_role_first",
    )

    def __init__(self, target: Target, asked: ChatRequest, delivering: Sequence[Delivery], prompt_tokens: int) -> None:
        self._asked = asked
        self._is_plain = asked.sampling.top_logprobs is None and not asked.functions
        self._delivering = delivering
        self._prompt_tokens = prompt_tokens
        self._sends_role_first = target.sends_role_first
        self._chunks = Chunks(_head("chat.completion.chunk", target.model), prompt_tokens, target.cached(prompt_tokens))
        choices = range(len(delivering))
        self._before = [f'{{"index":{index},"delta":{_open_delta(asked.tool)}' for index in choices]
        self._after = f'{_close_delta(asked.tool)},"finish_reason":null,"logprobs":null}}'
        self._awaits_role = [not target.sends_role_first] * len(delivering)

    def first(self) -> bytes:
        if not self._sends_role_first:
            return b""
        delta = _first_delta(self._asked.tool, "")
        return written("".join(self._chunks.chunk(_choice(at, delta)) for at in range(len(self._delivering))))

    def part(self, at: int, tokens: Sequence[Token]) -> bytes:
        if self._is_plain and tokens and not self._awaits_role[at]:
            return written(self._chunks.token_chunks(self._before[at], tokens, self._after))
        asked, chunks, is_end, made = self._asked, self._chunks, not tokens, ""
        if asked.functions and any(token.call is not None for token in tokens):
            chunks.generated += len(tokens)
            deltas = _calls(tokens, self._awaits_role, at)
            return written("".join(chunks.chunk(_choice(at, delta)) for delta in deltas))
        if self._awaits_role[at]:
            self._awaits_role[at] = False
            first, tokens = tokens[:1], tokens[1:]
            chunks.generated += len(first)
            text = first[0].text if first else ""
            if self._is_plain and asked.tool is None:
                made = chunks.chunk(_first_choice(at, text))
            else:
                delta = _first_delta(asked.tool, text)
                made = chunks.chunk(_choice(at, delta, _logprobs_text(first, asked.sampling)))
        if asked.sampling.top_logprobs is None:
            made += chunks.token_chunks(self._before[at], tokens, self._after)
        else:
            for token in tokens:
                chunks.generated += 1
                delta = _delta(token, asked.tool)
                made += chunks.chunk(_choice(at, delta, _logprobs_text((token,), asked.sampling)))
        if is_end:
            correct(chunks, self._delivering, at, [self._prompt_tokens])
            made += chunks.chunk(_choice(at, {}, reason=_reason(self._delivering[at].finish_reason, asked)))
        return written(made)

    def last(self) -> bytes:
        return written(self._chunks.chunk("")) if self._asked.sampling.wants_last_usage else b""


def _calls(tokens: Sequence[Token], awaits_role: list[bool], at: int) -> Iterator[Json]:
    """Yield the deltas of tokens that have parts of function calls among them, the role with the first."""
    for token in tokens:
        delta: Json = {"content": token.text} if token.call is None else {"tool_calls": [show_part(token.call)]}
        if awaits_role[at]:
            awaits_role[at] = False
            delta = {"role": "assistant", "content": None, **delta}
        yield delta


def _choice(index: int, delta: Json, logprobs_text: str = "null", reason: str | None = None) -> str:
    finish = "null" if reason is None else f'"{reason}"'
    return f'{{"index":{index},"delta":{encode_text(delta)},"finish_reason":{finish},"logprobs":{logprobs_text}}}'


def _first_choice(index: int, text: str) -> str:
    """Return what `_choice` shows of the first text of an answer, without a general encoder."""
    delta = f'{{"role":"assistant","content":{quoted(text)}}}'
    return f'{{"index":{index},"delta":{delta},"finish_reason":null,"logprobs":null}}'


def _logprobs_text(tokens: Sequence[Token], sampling: Sampling) -> str:
    return "null" if sampling.top_logprobs is None or not tokens else encode_text(logprobs.of_chat(tokens))


def _first_delta(tool: Tool | None, text: str) -> Json:
    if tool is None:
        return {"role": "assistant", "content": text}
    call = {"index": 0, **show_call(new_call_id(), tool.name, text)}
    return {"role": "assistant", "content": None, "tool_calls": [call]}


def _delta(token: Token, tool: Tool | None) -> Json:
    if tool is None:
        return {"content": token.text}
    return {"tool_calls": [{"index": 0, "function": {"arguments": token.text}}]}


def _open_delta(tool: Tool | None) -> str:
    """Return the JSON of `_delta` up to the token's text."""
    return '{"content":' if tool is None else '{"tool_calls":[{"index":0,"function":{"arguments":'


def _close_delta(tool: Tool | None) -> str:
    return "}" if tool is None else "}}]}"
