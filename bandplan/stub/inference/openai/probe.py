"""Find out what a server can do, by asking it real queries."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeVar

from bandplan.stub.inference.engine import Generation, Message, Usage
from bandplan.stub.inference.errors import EngineError, EngineRefused, EngineUnavailable
from bandplan.stub.inference.openai.client import Client
from bandplan.stub.inference.openai.features import KNOWN_LACKS, MAX_TOKENS, USAGE, Features
from bandplan.stub.inference.openai.requests import embedding_request, generation_request

PROBE_TOKENS = 24
"""Tokens of an answer that must not end early. A choice: enough that a model which may end does so before."""

FIRST_TOKENS = 4
"""Most tokens of the first answer; a choice: few, and fewer than any model answers with."""

QUESTION = (Message("user", "Answer with one word: yes"),)

PAUSES_SECONDS = (0.2, 1.0)
"""Waits before a probe is sent again to a server that was busy or failed. Arbitrary."""

MOST_NAMES = 5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Told:
    """One answer to a probe."""

    tokens: int
    finish_reason: str | None
    has_logprobs: bool
    usage: Usage | None


HAD = Told(0, "length", True, None)
"""What is assumed of a feature that a server could not be asked about: queries meet the server's own error, if any."""


async def probe(client: Client, model: str | None, *, is_embedding: bool) -> Features:
    """Return what a server can do, once it has answered a real query. Raises EngineError."""
    features = await _listed(client, model)
    features = replace(features, tokenizer=await _tokenizer(client, features))
    if is_embedding:
        path, body = embedding_request(["yes"], features)
        await client.post(client.server.base + path, body)
        return features
    features, told = await _first_answer(client, features)
    lacks = set(features.lacks | KNOWN_LACKS.get(features.owner, frozenset()))
    if told.usage is None and MAX_TOKENS not in lacks:
        lacks.add(USAGE)
    logprobs, ignoring, at_least = await asyncio.gather(
        _try(client, features, top_logprobs=1, max_tokens=1),
        _try(client, features, ignore_eos=True, max_tokens=PROBE_TOKENS),
        _try(client, features, min_tokens=PROBE_TOKENS, max_tokens=PROBE_TOKENS),
    )
    if logprobs is None or not logprobs.has_logprobs:
        lacks |= {"logprobs", "top_logprobs"}
    lacks |= {field for field, said in (("ignore_eos", ignoring), ("min_tokens", at_least)) if not _is_full(said)}
    return replace(features, lacks=frozenset(lacks))


async def why_silent(client: Client) -> str | None:
    """Return why a server does not answer, None if it lists its models, or refuses to."""
    try:
        await asyncio.wait_for(client.get(f"{client.server.base}/models"), 5)
    except EngineRefused:
        return None
    except EngineError as error:
        return str(error)
    except TimeoutError:
        return f"{client.server.url} did not answer within 5 s"
    return None


async def _listed(client: Client, model: str | None) -> Features:
    """Return what the server's list of models says."""
    try:
        body = await client.get(f"{client.server.base}/models")
    except EngineRefused:
        body = None
    rows = body.get("data") if isinstance(body, dict) else None
    rows = [row for row in rows if isinstance(row, dict) and isinstance(row.get("id"), str)] if rows else []
    if model is None:
        if len(rows) != 1:
            listed = ", ".join(row["id"] for row in rows[:MOST_NAMES])
            says = f"serves {len(rows)} models ({listed}{', ...' if len(rows) > MOST_NAMES else ''})"
            raise EngineUnavailable(
                f"{client.server.url} {says if rows else 'does not list its models'}; name one as `model`"
            )
        model = str(rows[0]["id"])
    own: Mapping[str, Any] = next((row for row in rows if row["id"] == model), {})
    context = _context(own)
    if own.get("owned_by") == "llamacpp":
        context = await _llamacpp_context(client) or context
    return Features(model, context_tokens=context, owner=str(own.get("owned_by") or ""))


def _context(row: Mapping[str, Any]) -> int | None:
    context = row.get("max_model_len")
    return context if isinstance(context, int) and context > 0 else None


async def _llamacpp_context(client: Client) -> int | None:
    """Return the context of one of llama.cpp's slots."""
    try:
        found = (await client.get("/props"))["default_generation_settings"]["n_ctx"]
    except (EngineError, LookupError, TypeError):
        return None
    return found if isinstance(found, int) and found > 0 else None


async def _tokenizer(client: Client, features: Features) -> str | None:
    """Return the form of the server's /tokenize, None if it has none."""
    for form, body in (
        ("vllm", {"model": features.model, "prompt": "yes"}),
        ("llamacpp", {"content": "yes"}),
    ):
        try:
            answer = await _patiently(partial(client.post, "/tokenize", body))
        except EngineError:
            continue
        if isinstance(answer, dict) and isinstance(answer.get("count" if form == "vllm" else "tokens"), (int, list)):
            return form
    return None


async def _first_answer(client: Client, features: Features) -> tuple[Features, Told]:
    """Return the features with which the server answers a plain query; what it refuses is left out one by one.

    Raises the error of the plainest query.
    """
    tried: EngineError | None = None
    for has_chat in (True, False):
        for lacks in (frozenset[str](), frozenset({"stream_options"})):
            endless: tuple[Features, Told] | None = None
            for limit in ("max_tokens", "max_completion_tokens") if has_chat else ("max_tokens",):
                asked = replace(features, has_chat=has_chat, lacks=lacks, limit_field=limit)
                try:
                    told = await _ask(client, asked, max_tokens=FIRST_TOKENS)
                except EngineRefused as error:
                    tried = error
                    continue
                if told.tokens <= FIRST_TOKENS:
                    return asked, told
                endless = endless or (replace(asked, lacks=lacks | {MAX_TOKENS}), told)
            if endless is not None:
                return endless
    assert tried is not None
    raise tried


async def _try(client: Client, features: Features, **changes: Any) -> Told | None:
    """Return an answer, None if the server refuses the request, HAD if it is busy or fails whenever it is asked."""
    try:
        return await _patiently(lambda: _ask(client, features, **changes))
    except EngineRefused:
        return None
    except EngineError:
        return HAD


async def _patiently(ask: Callable[[], Awaitable[T]]) -> T:
    """Return the answer of a server; ask it again if it is busy or fails, which says nothing about its features.

    Raises EngineError.
    """
    for pause in PAUSES_SECONDS:
        try:
            return await ask()
        except EngineRefused:
            raise
        except EngineError:
            await asyncio.sleep(pause)
    return await ask()


async def _ask(client: Client, features: Features, **changes: Any) -> Told:
    generation = Generation(features.model, QUESTION, temperature=0.0, is_prompt=not features.has_chat, **changes)
    path, body = generation_request(generation, features)
    tokens, reason, has_logprobs, usage = 0, None, False, None
    async with aclosing(client.stream(path, body)) as pieces:
        async for piece in pieces:
            tokens += len(piece.tokens)
            reason = piece.finish_reason or reason
            has_logprobs = has_logprobs or piece.has_logprobs
            usage = piece.usage or usage
            if generation.max_tokens is not None and tokens > generation.max_tokens:
                break  # a server that ignores the limit may never end
    return Told(tokens, reason, has_logprobs, usage)


def _is_full(told: Told | None) -> bool:
    """Whether an answer that must not end early did not."""
    return told is not None and told.finish_reason == "length"
