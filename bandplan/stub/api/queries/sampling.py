"""How to generate, as requests specify it: limits, stop words, choices, log probabilities, streaming."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bandplan.stub.api.queries.chunks import Chunks
from bandplan.stub.api.queries.engine_fields import unsupported
from bandplan.stub.api.queries.forms import CHAT, Form, kept_here
from bandplan.stub.api.queries.target import Target
from bandplan.stub.api.requests import boolean, integer, json_object, number, texts
from bandplan.stub.inference.delivery import Delivery, deliver
from bandplan.stub.inference.engine import Generation, Message, Token
from bandplan.stub.json_object import Json
from bandplan.stub.state.refusals import Invalid

MAX_CHOICES = 5
"""API reference of `serving_endpoints.query` (databricks-sdk-py.readthedocs.io, read 2026-11): 1 to 5, default 1."""

MAX_TOP_LOGPROBS = 20
"""A guess at the platform's limit, taken from the OpenAI protocol."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The request fields that all forms share; `further` has those that only an engine can interpret."""

    max_tokens: int | None = None
    min_tokens: int = 0
    ignore_eos: bool = False
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    choices: int = 1
    top_logprobs: int | None = None
    is_stream: bool = False
    wants_last_usage: bool = False
    further: Mapping[str, Any] = field(default_factory=dict)


def read_sampling(body: Json, form: Form = CHAT) -> Sampling:
    """Read the sampling fields of a form. Raises Invalid if a value is out of range."""
    limit_key, choices_key = form.limit_field, form.choices_field
    max_tokens = integer(body, limit_key)
    if max_tokens is None and "max_completion_tokens" in form.served:
        max_tokens = integer(body, "max_completion_tokens")
    if max_tokens is not None and max_tokens < 1:
        raise Invalid(f"{limit_key}: must be at least 1.")
    min_tokens = integer(body, "min_tokens") or 0
    if min_tokens < 0 or (max_tokens is not None and min_tokens > max_tokens):
        raise Invalid(f"min_tokens: must be from 0 to {limit_key}.")
    temperature, top_p = number(body, "temperature"), number(body, "top_p")
    if not 0 <= (temperature or 0.0) <= 2:
        raise Invalid("temperature: must be from 0 to 2.")
    if not 0 <= (top_p or 0.0) <= 1:
        raise Invalid("top_p: must be from 0 to 1.")
    choices = integer(body, choices_key) if choices_key else None
    if choices is not None and not 1 <= choices <= MAX_CHOICES:
        raise Invalid(f"{choices_key}: must be from 1 to {MAX_CHOICES}.")
    stop, kept = body.get("stop"), kept_here(form)
    return Sampling(
        max_tokens=max_tokens,
        min_tokens=min_tokens,
        ignore_eos=bool(boolean(body, "ignore_eos")),
        temperature=temperature,
        top_p=top_p,
        stop=tuple(word for word in ([stop] if isinstance(stop, str) else texts(body, "stop")) if word),
        seed=integer(body, "seed"),
        choices=choices or 1,
        is_stream=bool(boolean(body, "stream")),
        wants_last_usage=bool(boolean(json_object(body, "stream_options") or {}, "include_usage", "stream_options/")),
        further={key: value for key, value in body.items() if value is not None and key not in kept},
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """A finished choice, the reason it ended, and the tokens of its prompt and itself as the engine counts them."""

    tokens: tuple[Token, ...]
    finish_reason: str
    completion_tokens: int
    prompt_tokens: int | None = None

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


def generations(
    target: Target,
    messages: tuple[Message, ...],
    sampling: Sampling,
    prompt_tokens: int,
    json_schema: Json | None = None,
    *,
    is_prompt: bool = False,
) -> list[Generation]:
    """Return the generations to request, one per choice. Raises BadRequest if the model cannot handle the length.

    `is_prompt`: the messages are one bare prompt.
    """
    if sampling.top_logprobs is not None and "logprobs" in target.engine.lacks:
        raise unsupported("logprobs", target.engine)
    limit = target.output_limit(prompt_tokens, sampling.max_tokens)
    if sampling.min_tokens > limit:
        raise Invalid(f"min_tokens: must be from 0 to {limit}, the most this model can generate.")
    # What an engine lacks was refused, unless its value requests nothing.
    further = {key: value for key, value in sampling.further.items() if key not in target.engine.lacks}
    further = further if target.engine.passes_further else {}
    made = []
    for choice in range(sampling.choices):
        length, is_forced = limit, sampling.ignore_eos
        if sampling.max_tokens is not None and target.output_tokens is not None:
            is_forced = "ignore_eos" not in target.engine.lacks
            if target.output_tokens == "sampled":
                length = max(sampling.min_tokens, _drawn(limit, messages, sampling.seed, choice))
        made.append(
            Generation(
                model=target.model,
                messages=messages,
                max_tokens=length,
                min_tokens=sampling.min_tokens,
                ignore_eos=is_forced,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                stop=sampling.stop,
                seed=sampling.seed,
                choice=choice,
                top_logprobs=sampling.top_logprobs,
                began=target.began,
                json_schema=json_schema,
                is_prompt=is_prompt,
                has_default_limit=sampling.max_tokens is None,
                extra=further,
            )
        )
    return made


def deliveries(target: Target, wanted: list[Generation]) -> list[Delivery]:
    return [Delivery(target.engine, generation) for generation in wanted]


async def complete(target: Target, wanted: list[Generation]) -> list[Choice]:
    """Generate all choices to their end, concurrently."""
    delivering = deliveries(target, wanted)
    collected = _Collected(len(wanted))
    await deliver(delivering, collected)
    return [
        Choice(
            tuple(collected.tokens[at]),
            delivery.finish_reason,
            delivery.completion_tokens,
            delivery.usage.prompt_tokens,
        )
        for at, delivery in enumerate(delivering)
    ]


class _Collected:
    """An outlet that keeps the tokens of each choice."""

    def __init__(self, choices: int) -> None:
        self.tokens: list[list[Token]] = [[] for _ in range(choices)]

    def give(self, at: int, tokens: Sequence[Token]) -> bool:
        self.tokens[at] += tokens
        return False

    async def drained(self) -> None:
        pass

    async def expect(self, due: float) -> None:
        pass


def prompt_tokens_of(reported: Sequence[int | None], counted: Sequence[int]) -> int:
    """Return the tokens of all prompts: as the engine reports them with the first choice of each, else as counted here.

    `reported` is by choice, those of a prompt together; `counted` is by prompt.
    """
    each = len(reported) // len(counted)
    return sum(count if (own := reported[at * each]) is None else own for at, count in enumerate(counted))


def correct(chunks: Chunks, delivering: Sequence[Delivery], at: int, counted: Sequence[int]) -> None:
    """Put the engine's own counts into the next chunks once the choice `at` has ended; `counted` is by prompt."""
    chunks.generated += delivering[at].completion_tokens - delivering[at].delivered
    chunks.set_prompt_tokens(prompt_tokens_of([delivery.usage.prompt_tokens for delivery in delivering], counted))


def usage(prompt_tokens: int, completion_tokens: int, cached_tokens: int = 0) -> Json:
    counted: Json = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
    if cached_tokens:
        counted["prompt_tokens_details"] = {"cached_tokens": cached_tokens}
    return counted


def _drawn(limit: int, messages: tuple[Message, ...], seed: int | None, choice: int) -> int:
    """Draw a length from 1 to `limit`, uniformly, and the same for the same request."""
    key = repr((messages, seed, choice))
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=8).digest()
    return 1 + int.from_bytes(digest, "big") * limit // 2**64
