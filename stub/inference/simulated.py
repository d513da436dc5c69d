"""The engine that needs no model: text built from the prompt, the same every time, as fast as the machine allows."""

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from stub.inference import sample_json, tokens, vectors
from stub.inference.engine import Embedding, Generation, Message, Token

TOKENS_PER_MESSAGE = 4
"""Added for the role and the marks around each message of a conversation; a guess at what chat templates cost."""

ECHOED_WORDS = 24
"""How many words of the prompt the answer repeats; arbitrary."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed to simulate: time to first token and time per output token."""

    first_token_seconds: float
    seconds_per_token: float


def parse_pace(text: str) -> Pace:
    """Read `TTFT:TPOT` in milliseconds; raises ValueError that says what is allowed."""
    first, _, each = text.partition(":")
    try:
        pace = Pace(float(first) / 1000, float(each) / 1000)
    except ValueError:
        pace = Pace(-1, -1)
    if not (0 <= pace.first_token_seconds <= 3600 and 0 <= pace.seconds_per_token <= 3600):
        raise ValueError(f"--pace {text}: not two numbers of milliseconds; use for example 200:25")
    return pace


class SimulatedEngine:
    """Deterministic: the same generation gives the same tokens. With `pace` None nothing ever waits."""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace

    def count_prompt_tokens(self, messages: Sequence[Message]) -> int:
        return sum(TOKENS_PER_MESSAGE + tokens.count(message.content) for message in messages)

    def count_tokens(self, text: str) -> int:
        return tokens.count(text)

    async def generate(self, generation: Generation) -> AsyncIterator[Token]:
        wait = self._pace.first_token_seconds if self._pace else 0
        for index, text in enumerate(tokens.split(_answer_text(generation))):
            if generation.max_tokens is not None and index >= generation.max_tokens:
                return
            if wait:
                await asyncio.sleep(wait)
            wait = self._pace.seconds_per_token if self._pace else 0
            yield Token(text, _logprob(text, index, generation.seed))

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        return [vectors.of_text(embedding.model, text, embedding.dimension, embedding.normalised) for text in texts]


def _answer_text(generation: Generation) -> str:
    if generation.json_schema is not None:
        return json.dumps(sample_json.of_schema(generation.json_schema), ensure_ascii=False)
    asked = next((m.content for m in reversed(generation.messages) if m.role == "user"), "")
    words = asked.split()
    echo = " ".join(words[:ECHOED_WORDS]) + (" ..." if len(words) > ECHOED_WORDS else "")
    variant = f" (choice {generation.seed})" if generation.seed else ""
    return f"Simulated answer of {generation.model}{variant} to: {echo}"


def _logprob(text: str, index: int, seed: int) -> float:
    digest = hashlib.blake2b(f"{seed}:{index}:{text}".encode("utf-8", "replace"), digest_size=2).digest()
    return -2.0 * int.from_bytes(digest, "big") / 65536
