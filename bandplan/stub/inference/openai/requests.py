"""Requests to a server, made from generations."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from bandplan.stub.inference.engine import Generation, Message
from bandplan.stub.inference.openai.features import Features

MOST_STOP_WORDS = 4
"""The protocol's limit. With more, only the delivery looks for them, unless only the server knows their conditions."""

MOST_TEMPLATE_TOKENS = 512
MOST_MESSAGE_TOKENS = 16
"""Tokens that a chat template adds at most, once and per message; guesses, far above those of known templates."""

Request = tuple[str, dict[str, Any]]
"""Path below the API's base, and body."""


def generation_request(generation: Generation, features: Features) -> Request:
    """Return the request for one choice, as a stream."""
    body: dict[str, Any] = {"model": features.model, "stream": True}
    if "stream_options" not in features.lacks:
        body["stream_options"] = {"include_usage": True}
    if generation.max_tokens is not None and (not generation.has_default_limit or _is_certain(generation, features)):
        body[features.limit_field] = generation.max_tokens
    body |= {
        key: value
        for key, value in (("temperature", generation.temperature), ("top_p", generation.top_p))
        if value is not None
    }
    if generation.seed is not None:
        body["seed"] = generation.seed + generation.choice
    if generation.stop and (len(generation.stop) <= MOST_STOP_WORDS or generation.has_stop_conditions):
        body["stop"] = list(generation.stop)
    if generation.ignore_eos and "ignore_eos" not in features.lacks:
        body["ignore_eos"] = True
    if generation.min_tokens and "min_tokens" not in features.lacks:
        body["min_tokens"] = generation.min_tokens
    if generation.json_schema is not None:
        body["response_format"] = _response_format(generation.json_schema)
    body |= generation.extra
    if generation.is_prompt:
        return "/completions", {**body, "prompt": generation.messages[0].content, **_completions_logprobs(generation)}
    return "/chat/completions", {**body, "messages": rows(generation.messages), **_chat_logprobs(generation)}


def _is_certain(generation: Generation, features: Features) -> bool:
    """Whether the prompt and a limit that the request did not set fit into the server's context, whatever it counts.

    Otherwise the server applies a limit of its own: it refuses one that is a token too long.
    """
    if features.context_tokens is None:
        return False
    if features.tokenizer is not None and not generation.extra:
        return True  # the server itself counted the prompt, from which the limit follows
    # A token is a byte at least; further fields, such as functions, become part of the prompt.
    texts = [message.role + message.content + message.further for message in generation.messages]
    size = sum(len(text.encode("utf-8", "replace")) + MOST_MESSAGE_TOKENS for text in texts)
    size += MOST_TEMPLATE_TOKENS + len(
        json.dumps(dict(generation.extra), ensure_ascii=False).encode("utf-8", "replace")
    )
    return size + (generation.max_tokens or 0) <= features.context_tokens


def rows(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return a conversation as the protocol writes it."""
    return [
        {"role": message.role, "content": message.content, **(json.loads(message.further) if message.further else {})}
        for message in messages
    ]


def embedding_request(texts: Sequence[str], features: Features) -> Request:
    return "/embeddings", {"model": features.model, "input": list(texts), "encoding_format": "float"}


def _chat_logprobs(generation: Generation) -> dict[str, Any]:
    if generation.top_logprobs is None:
        return {}
    return {"logprobs": True, **({"top_logprobs": generation.top_logprobs} if generation.top_logprobs else {})}


def _completions_logprobs(generation: Generation) -> dict[str, Any]:
    return {} if generation.top_logprobs is None else {"logprobs": generation.top_logprobs}


def _response_format(schema: Mapping[str, Any]) -> dict[str, Any]:
    if not schema:
        return {"type": "json_object"}
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
