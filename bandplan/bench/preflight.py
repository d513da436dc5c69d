"""What has to be known before the load: which fields the server takes, what counts its tokens, how long a word is.

A few short requests. A server that does not answer them cannot be measured.
"""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from time import perf_counter_ns
from typing import Final

from bandplan.bench.answer import NOT_A_STREAM, message_of
from bandplan.bench.client import Client
from bandplan.bench.problem import BenchProblem
from bandplan.bench.prompts import FEW_WORDS, MANY_WORDS, Scale, prompt, scale_of
from bandplan.bench.sample import Sample
from bandplan.bench.target import Target

TIMED_TOKENS: Final = 16
"""Output tokens of the request that shows how long one takes; arbitrary, few enough to cost nothing."""

_STEPS: Final = {
    400: "check the task (--task) and the route (--route)",
    401: "set the token in the environment variable",
    403: "set a token that may query this endpoint",
    404: "name an endpoint that exists",
    429: "wait, or raise its rate limit or band",
    503: "wait until the endpoint is ready",
}

CountTokens = Callable[[str], int]
"""Tokens of a text, where the server's usage does not say."""


@dataclass(frozen=True, slots=True)
class Preflight:
    """`target` has the fields that the server takes; `source` says what counts tokens.

    A request alone took `first_seconds` to the first token (to its end, if nothing has a stamp before) and
    `token_seconds` for each further one.
    """

    target: Target
    source: str
    scale: Scale
    requests: int
    tokens: int
    first_seconds: float
    token_seconds: float = 0.0

    def latency(self, output_tokens: float) -> float:
        """Return about how many seconds a request of so many output tokens takes alone."""
        return self.first_seconds + self.token_seconds * max(0.0, output_tokens - 1)


async def preflight(target: Target, seed: int, count: CountTokens | None, counter: str) -> Preflight:
    """Ask until the server takes the fields, twice for the scale. Errors: BenchProblem, one line.

    `count` and `counter` (`tokenize` or `tokenizer`) are for a server without usage.
    """
    random = Random(seed)
    ways = [
        target.without(force=force, usage=usage)
        for force, usage in ((True, True), (True, False), (False, True), (False, False))
    ]
    if target.task == "embeddings":
        ways = ways[:1]
    asked = tokens = 0
    for way in ways:
        client = Client(way)
        few, text = await _ask(client, FEW_WORDS, 1, random)
        asked += 1
        if few.status in (400, 422) and way is not ways[-1]:
            client.close()
            continue
        if few.fault:
            client.close()
            raise BenchProblem(_failure(way, few, client.last_error_body))
        many, long_text = await _ask(client, MANY_WORDS, TIMED_TOKENS, random)
        asked += 1
        client.close()
        if many.fault:
            raise BenchProblem(_failure(way, many, client.last_error_body))
        tokens += (few.input_tokens or FEW_WORDS) + (many.input_tokens or MANY_WORDS) + 1 + TIMED_TOKENS
        times = (many.latency if many.ttft is None else many.ttft, many.tpot or 0.0)
        if few.input_tokens is not None and many.input_tokens is not None:
            found = scale_of((FEW_WORDS, few.input_tokens), (MANY_WORDS, many.input_tokens))
            return Preflight(way, "usage", found, asked, tokens, *times)
        if count is not None:
            found = scale_of((FEW_WORDS, count(text)), (MANY_WORDS, count(long_text)))
            return Preflight(way, counter, found, asked, tokens, *times)
        return Preflight(way, "asked", Scale(), asked, tokens, *times)
    raise AssertionError("the last way was tried")


async def _ask(client: Client, words: int, output_tokens: int, random: Random) -> tuple[Sample, str]:
    text = prompt(words, random)
    return await client.ask(Sample(0, perf_counter_ns(), words, output_tokens), text), text


def _failure(target: Target, sample: Sample, body: bytes) -> str:
    step = _STEPS.get(sample.status, "check that it answers a single query, then run this again")
    if sample.fault == NOT_A_STREAM:
        step = "check the address and the route, or ask for whole answers: --no-stream"
    elif 300 <= sample.status < 400:
        step = "name the address that it redirects to"
    said = message_of(body, target.token.value)
    return f"{target.name} at {target.address}: {sample.fault}{f' ({said})' if said else ''}; {step}"
