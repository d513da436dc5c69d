"""How to generate, as requests say it: limits, stop words, choices, log probabilities, streaming."""

from dataclasses import dataclass

from stub.api.requests import Json, boolean, integer, json_object, number, texts
from stub.inference.engine import Engine, Generation, Message, Token
from stub.inference.stopping import until_stop
from stub.state.refusals import Invalid

MAX_CHOICES = 5
"""API reference of `serving_endpoints.query` (databricks-sdk-py.readthedocs.io, read 2026-11): 1 to 5, default 1."""

MAX_TOP_LOGPROBS = 20
"""A guess at the platform's limit: that of the OpenAI protocol."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """The part of a request that chat, completions and the legacy formats share."""

    max_tokens: int | None = None
    temperature: float = 0.0
    stop: tuple[str, ...] = ()
    choices: int = 1
    wants_logprobs: bool = False
    top_logprobs: int = 0
    is_stream: bool = False
    wants_last_usage: bool = False


def read_sampling(body: Json, choices_key: str = "n") -> Sampling:
    """Raises Invalid for a value out of range."""
    max_tokens = integer(body, "max_tokens")
    if max_tokens is None:
        max_tokens = integer(body, "max_completion_tokens")
    if max_tokens is not None and max_tokens < 1:
        raise Invalid("max_tokens: must be at least 1.")
    temperature = number(body, "temperature") or 0.0
    if not 0 <= temperature <= 2:
        raise Invalid("temperature: must be from 0 to 2.")
    if not 0 <= (number(body, "top_p") or 0.0) <= 1:
        raise Invalid("top_p: must be from 0 to 1.")
    choices = integer(body, choices_key)
    if choices is not None and not 1 <= choices <= MAX_CHOICES:
        raise Invalid(f"{choices_key}: must be from 1 to {MAX_CHOICES}.")
    stop = body.get("stop")
    return Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        stop=tuple(word for word in ([stop] if isinstance(stop, str) else texts(body, "stop")) if word),
        choices=choices or 1,
        is_stream=bool(boolean(body, "stream")),
        wants_last_usage=bool((json_object(body, "stream_options") or {}).get("include_usage")),
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """A finished choice and why it ended."""

    tokens: tuple[Token, ...]
    finish_reason: str

    @property
    def text(self) -> str:
        return "".join(token.text for token in self.tokens)


def generation(model: str, messages: tuple[Message, ...], sampling: Sampling, index: int) -> Generation:
    """What to ask of the engine for one choice."""
    return Generation(model, messages, sampling.max_tokens, sampling.temperature, sampling.stop, seed=index)


async def complete(engine: Engine, wanted: Generation) -> Choice:
    """Generate one choice to its end."""
    tokens = tuple([token async for token in until_stop(engine.generate(wanted), wanted.stop)])
    return Choice(tokens, finish_reason(len(tokens), wanted))


def finish_reason(generated: int, wanted: Generation) -> str:
    return "length" if wanted.max_tokens is not None and generated >= wanted.max_tokens else "stop"


def usage(prompt_tokens: int, completion_tokens: int) -> Json:
    return {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": completion_tokens,
        "total_tokens": prompt_tokens + completion_tokens,
    }
