"""The Responses API (/serving-endpoints/responses): input in, one output message out, whole or as named events.

Text only: tools and stored conversations are not emulated, a request with either is refused.
"""

import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import replace

from starlette.responses import Response

from stub.api.answers import Answer, NamedEventStream
from stub.api.chat import read_content
from stub.api.requests import Json, integer, objects, required_text, text
from stub.api.sampling import Choice, Sampling, complete, finish_reason, generation, read_sampling
from stub.inference.engine import Engine, Generation, Message, Token
from stub.inference.stopping import until_stop
from stub.state.refusals import Invalid

NOT_EMULATED = ("tools", "previous_response_id", "conversation", "background")


async def answer(body: Json, model: str, engine: Engine, headers: dict[str, str]) -> Response:
    """Answer a responses request; `model` is the served entity's name. Raises Invalid."""
    messages, sampling = read_messages(body), _read_sampling(body)
    input_tokens = engine.count_prompt_tokens(messages)
    shown = _head(model, body)
    wanted = generation(model, messages, sampling, 0)
    if sampling.is_stream:
        return NamedEventStream(_events(shown, wanted, input_tokens, engine), headers)
    choice = await complete(engine, wanted)
    return Answer(_completed(shown, _new_item(), choice, input_tokens), headers=headers)


def read_messages(body: Json) -> tuple[Message, ...]:
    """Instructions and input as messages; input is a text, or messages whose content is a text or text parts."""
    for key in NOT_EMULATED:
        if body.get(key):
            raise Invalid(f"{key}: the stub workspace answers responses in text only, without {key}.")
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
    limit = integer(body, "max_output_tokens")
    if limit is not None and limit < 1:
        raise Invalid("max_output_tokens: must be at least 1.")
    return replace(read_sampling(body), max_tokens=limit, choices=1)


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
        "metadata": {},
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


def _part(words: str) -> Json:
    return {"type": "output_text", "text": words, "annotations": []}


def _completed(head: Json, item: Json, choice: Choice, input_tokens: int) -> Json:
    is_cut = choice.finish_reason == "length"
    status = "incomplete" if is_cut else "completed"
    output_tokens = len(choice.tokens)
    return {
        **head,
        "status": status,
        "incomplete_details": {"reason": "max_output_tokens"} if is_cut else None,
        "output": [{**item, "status": status, "content": [_part(choice.text)]}],
        "usage": {
            "input_tokens": input_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": output_tokens,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": input_tokens + output_tokens,
        },
    }


async def _events(head: Json, wanted: Generation, input_tokens: int, engine: Engine) -> AsyncIterator[Json]:
    """The events of a streamed response, numbered, each with its name as `type`."""
    item = _new_item()
    at = {"item_id": item["id"], "output_index": 0, "content_index": 0}
    number = 0

    def event(kind: str, **fields: object) -> Json:
        nonlocal number
        number += 1
        return {"type": f"response.{kind}", "sequence_number": number - 1, **fields}

    yield event("created", response=head)
    yield event("in_progress", response=head)
    yield event("output_item.added", output_index=0, item=item)
    yield event("content_part.added", **at, part=_part(""))
    given: list[Token] = []
    async for token in until_stop(engine.generate(wanted), wanted.stop):
        given.append(token)
        yield event("output_text.delta", **at, delta=token.text, logprobs=[])
    choice = Choice(tuple(given), finish_reason(len(given), wanted))
    done = _completed(head, item, choice, input_tokens)
    yield event("output_text.done", **at, text=choice.text, logprobs=[])
    yield event("content_part.done", **at, part=_part(choice.text))
    yield event("output_item.done", output_index=0, item=done["output"][0])
    yield event(done["status"], response=done)
