"""The Responses API (/serving-endpoints/responses): input in, one output message out, whole or as named events.

Text only: tools and stored conversations are not emulated, and a request for either is refused.
"""

import time
import uuid
from collections.abc import Sequence
from dataclasses import replace

from starlette.responses import Response

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.queries import logprobs
from bandplan.stub.api.queries.chat import read_content
from bandplan.stub.api.queries.engine_fields import LOGPROBS
from bandplan.stub.api.queries.forms import RESPONSES
from bandplan.stub.api.queries.sampling import (
    MAX_TOP_LOGPROBS,
    Choice,
    Sampling,
    complete,
    deliveries,
    generations,
    read_sampling,
)
from bandplan.stub.api.queries.streams import NamedEventStream, named_event
from bandplan.stub.api.queries.target import Target
from bandplan.stub.api.requests import integer, json_object, objects, required_text, text, texts
from bandplan.stub.inference.delivery import Delivery
from bandplan.stub.inference.engine import Message, Token
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid


async def answer(body: Json, target: Target) -> Response:
    """Answer a responses request. Raises Invalid and BadRequest."""
    messages, sampling = read_messages(body), _read_sampling(body)
    input_tokens = await target.engine.count(messages)
    shown = _head(target.model, body)
    wanted = generations(target, messages, sampling, input_tokens, _read_schema(body))
    if sampling.is_stream:
        (delivery,) = deliveries(target, wanted)
        events = _Events(shown, delivery, sampling, input_tokens, target.cached(input_tokens))
        return NamedEventStream(events, [delivery], target.headers)
    (choice,) = await complete(target, wanted)
    whole = _completed(shown, _new_item(), choice, sampling, input_tokens, target.cached(input_tokens))
    return Answer(whole, headers=target.headers)


def read_messages(body: Json) -> tuple[Message, ...]:
    """Read instructions and input as messages; input is a text, or messages whose content is a text or text parts."""
    instructions = text(body, "instructions")
    given = body.get("input")
    if isinstance(given, str):
        messages = [Message("user", given)]
    else:
        messages = [
            Message(required_text(row, "role", f"input/{n}/"), read_content(row.get("content"), f"input/{n}/content"))
            for n, row in enumerate(objects(body, "input"))
        ]
    if not messages:
        raise Invalid("input: is required.")
    return (Message("system", instructions), *messages) if instructions else tuple(messages)


def _read_sampling(body: Json) -> Sampling:
    sampling = read_sampling(body, RESPONSES)
    top = integer(body, "top_logprobs")
    if not 0 <= (top or 0) <= MAX_TOP_LOGPROBS:
        raise Invalid(f"top_logprobs: must be from 0 to {MAX_TOP_LOGPROBS}.")
    wants = LOGPROBS in texts(body, "include") or top is not None
    return replace(sampling, top_logprobs=(top or 0) if wants else None)


def _read_schema(body: Json) -> Json | None:
    """Read the schema that `text/format` sets for the text ({}: any object); None for plain text. Raises Invalid."""
    form = json_object(json_object(body, "text") or {}, "format", "text/")
    if form is None:
        return None
    match required_text(form, "type", "text/format/"):
        case "text":
            return None
        case "json_object":
            return {}
        case "json_schema":
            required_text(form, "name", "text/format/")
            return json_object(form, "schema", "text/format/") or {}
        case kind:
            raise Invalid(f"text/format/type: '{kind[:40]}' is not one of text, json_object, json_schema.")


def _head(model: str, body: Json) -> Json:
    return {
        "id": f"resp_{uuid.uuid4()}",
        "object": "response",
        "created_at": int(time.time()),
        "model": model,
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": body.get("instructions"),
        "metadata": body.get("metadata") or {},
        "output": [],
        "parallel_tool_calls": False,
        "temperature": body.get("temperature"),
        "tool_choice": "none",
        "tools": [],
        "top_p": body.get("top_p"),
        "usage": None,
    }


def _new_item() -> Json:
    return {"id": f"msg_{uuid.uuid4()}", "type": "message", "role": "assistant", "status": "in_progress", "content": []}


def _part(words: str, shown_logprobs: list[Json] | None = None) -> Json:
    return {"type": "output_text", "text": words, "annotations": [], "logprobs": shown_logprobs or []}


def _logprobs(tokens: Sequence[Token], sampling: Sampling) -> list[Json]:
    return [] if sampling.top_logprobs is None else logprobs.chat_tokens(tokens)


def _completed(
    head: Json, item: Json, choice: Choice, sampling: Sampling, input_tokens: int, cached_tokens: int
) -> Json:
    is_cut = choice.finish_reason == "length"
    status = "incomplete" if is_cut else "completed"
    output_tokens = choice.completion_tokens
    if choice.prompt_tokens is not None:
        input_tokens = choice.prompt_tokens
    part = _part(choice.text, _logprobs(choice.tokens, sampling))
    return {
        **head,
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": [{**item, "status": status, "content": [part]}],
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": cached_tokens},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        },
    }


class _Events:
    """The events of a streamed response, numbered, each with its name as `type`."""

    def __init__(
        self, head: Json, delivery: Delivery, sampling: Sampling, input_tokens: int, cached_tokens: int
    ) -> None:
        self._head = head
        self._delivery = delivery
        self._sampling = sampling
        self._input_tokens = input_tokens
        self._cached_tokens = cached_tokens
        self._item = _new_item()
        self._at = {"item_id": self._item["id"], "output_index": 0, "content_index": 0}
        self._given: list[Token] = []
        self._number = 0

    def first(self) -> bytes:
        return (
            self._event("created", response=self._head)
            + self._event("in_progress", response=self._head)
            + self._event("output_item.added", output_index=0, item=self._item)
            + self._event("content_part.added", **self._at, part=_part(""))
        )

    def part(self, at: int, tokens: Sequence[Token]) -> bytes:
        self._given += tokens
        return b"".join(
            self._event("output_text.delta", **self._at, delta=token.text, logprobs=_logprobs((token,), self._sampling))
            for token in tokens
        )

    def last(self) -> bytes:
        delivery, reported = self._delivery, self._delivery.usage.prompt_tokens
        choice = Choice(tuple(self._given), delivery.finish_reason, delivery.completion_tokens, reported)
        done = _completed(self._head, self._item, choice, self._sampling, self._input_tokens, self._cached_tokens)
        shown = _logprobs(self._given, self._sampling)
        return (
            self._event("output_text.done", **self._at, text=choice.text, logprobs=shown)
            + self._event("content_part.done", **self._at, part=_part(choice.text, shown))
            + self._event("output_item.done", output_index=0, item=done["output"][0])
            + self._event(done["status"], response=done)
        )

    def _event(self, kind: str, **fields: object) -> bytes:
        number, self._number = self._number, self._number + 1
        return named_event({"type": f"response.{kind}", "sequence_number": number, **fields})
