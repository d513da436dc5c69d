"""The engine that needs no model: text built from the prompt, always the same, as fast as the machine allows."""

import asyncio
import hashlib
import itertools
import json
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

from bandplan.stub.inference import sample_json, tokens, vectors
from bandplan.stub.inference.engine import Batch, Down, Embedded, Embedding, Generation, Message, Stats, Token

TOKENS_PER_MESSAGE = 4
"""Tokens added for the role and the markers of each message of a conversation; a guess at the cost of chat templates.
"""

ECHOED_WORDS = 24
"""Number of words of the prompt that the answer repeats; arbitrary."""

BATCH_TOKENS = 32
"""Tokens generated in one turn if no pace is set, after the first: others wait about 0.1 ms for them. Arbitrary."""

TAKES = frozenset({"min_p", "top_k", "typical_p"})
"""The single possible text counts as the most likely one, which these keep."""


@dataclass(frozen=True, slots=True)
class Pace:
    """The speed to simulate: time to first token and time per output token."""

    first_token_seconds: float
    seconds_per_token: float


def parse_pace(text: str) -> Pace:
    """Parse `TTFT:TPOT` in milliseconds. Raises ValueError stating what is allowed."""
    first, _, each = text.partition(":")
    try:
        pace = Pace(float(first) / 1000, float(each) / 1000)
    except ValueError:
        pace = Pace(-1, -1)
    if not (0 <= pace.first_token_seconds <= 3600 and 0 <= pace.seconds_per_token <= 3600):
        raise ValueError(f"--pace {text}: must be two numbers of milliseconds, for example 200:25")
    return pace


class SimulatedEngine:
    """A deterministic engine: the same generation gives the same tokens. With `pace` None every token is due
    immediately.
    """

    kind = "simulated"
    lacks: frozenset[str] = frozenset()
    takes = TAKES
    missing: frozenset[str] = frozenset()
    down: Down | None = None
    passes_further = calls_functions = False
    is_count_exact = True
    context_tokens: int | None = None
    note = ""

    def __init__(self, pace: Pace | None = None) -> None:
        self._pace = pace
        self._running = 0
        self._generated = 0

    async def start(self, tell: Callable[[str], None]) -> None:
        pass

    async def count(self, messages: Sequence[Message]) -> int:
        return sum([TOKENS_PER_MESSAGE + await self.count_text(message.content) for message in messages])

    async def count_text(self, text: str) -> int:
        if len(text) <= tokens.SLICE_LENGTH:
            return tokens.count(text)
        counted = 0
        for part in tokens.slices(text):
            counted += len(tokens.split(part))
            await asyncio.sleep(0)
        return counted

    def generate(self, generation: Generation) -> Generator[Batch, None, None]:
        now = asyncio.get_running_loop().time
        pace = self._pace
        first_due = each = 0.0
        if pace is not None:
            first_due = (now() if generation.began is None else generation.began) + pace.first_token_seconds
            each = pace.seconds_per_token
        self._running += 1
        try:
            made = _Answer(generation)
            while not made.is_ended:
                due, count = 0.0, BATCH_TOKENS if made.given else 1
                if pace is not None:
                    # With the next token come those that became due since, if it is late.
                    due = first_due + made.given * each
                    late = now() - due
                    count = 1 if late < each else min(BATCH_TOKENS, 1 + int(late / each)) if each else BATCH_TOKENS
                batch = made.take(count)
                self._generated += len(batch)
                yield Batch(batch, due, made.finish_reason if made.is_ended else None)
        finally:
            self._running -= 1

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded:
        made = []
        for text in texts:
            vector: list[float] = []
            for so_far in vectors.sums(embedding.model, text, embedding.dimension):
                vector = so_far
                await asyncio.sleep(0)
            made.append(vectors.unit(vector) if embedding.normalised else vector)
        return Embedded(made)

    def stats(self) -> Stats:
        return Stats(self._running, self._generated)

    async def close(self) -> None:
        pass


class _Answer:
    """The tokens of one answer, taken a few at a time; it is split into tokens only as far as they are taken."""

    __slots__ = ("_ahead", "_generation", "_is_plain", "_most", "_tokens", "given")

    def __init__(self, generation: Generation) -> None:
        self._generation = generation
        self._is_plain = generation.top_logprobs is None
        self.given = 0
        limit = generation.max_tokens
        self._most = sys.maxsize if limit is None else limit
        least = self._most if generation.ignore_eos and limit is not None else generation.min_tokens
        self._tokens = _tokens(generation, min(least, self._most))
        self._ahead = next(self._tokens, None)
        """The next token, if there is one: the last one taken must say that it is the last."""

    @property
    def is_ended(self) -> bool:
        return self.given >= self._most or self._ahead is None

    @property
    def finish_reason(self) -> str:
        return "length" if self.given >= self._most else "stop"

    def take(self, count: int) -> list[Token]:
        """Take at least one token, at most `count`."""
        assert self._ahead is not None
        taken = [self._ahead]
        if count > 1:
            taken += itertools.islice(self._tokens, min(count, self._most - self.given) - 1)
        self._ahead = next(self._tokens, None)
        first = self.given
        self.given += len(taken)
        if self._is_plain:
            return taken
        return [_with_logprob(token.text, first + at, self._generation) for at, token in enumerate(taken)]


def _answer_text(generation: Generation) -> str:
    if generation.json_schema is not None:
        return json.dumps(sample_json.of_schema(generation.json_schema), ensure_ascii=False)
    asked = next((m.content for m in reversed(generation.messages) if m.role == "user"), "")
    # Split only as much of a long prompt as needed to see whether there is more.
    words = asked.split(maxsplit=ECHOED_WORDS)
    echo = " ".join(words[:ECHOED_WORDS]) + (" ..." if len(words) > ECHOED_WORDS else "")
    variant = f" (choice {generation.choice})" if generation.choice else ""
    if generation.seed is not None and generation.temperature != 0:
        variant += f" (seed {generation.seed})"
    return f"Simulated answer of {generation.model}{variant} to: {echo}"


def _tokens(generation: Generation, least: int) -> Iterator[Token]:
    """Yield all tokens, at least `least`.

    What follows an answer that must be longer is the answer again, numbered; white space after JSON.
    """
    own = []
    for text in tokens.each(_answer_text(generation)):
        own.append(token := Token(text))
        yield token
    given = len(own)
    if given >= least:
        return
    if generation.json_schema is not None:
        yield from itertools.repeat(Token("\n"), least - given)
        return
    # The answer begins with a letter, so its first token takes the space before it and the rest stay as they are.
    again = [Token(f" {own[0].text}"), *own[1:]]
    for number in itertools.count(2):
        more = [*map(Token, tokens.split(f" ({number})")), *again]
        yield from itertools.islice(more, least - given)
        given += len(more)
        if given >= least:
            return


def _with_logprob(text: str, index: int, generation: Generation) -> Token:
    # A model's own probability: it does not depend on the sampling.
    key = f"{generation.model}:{index}:{text}"
    digest = hashlib.blake2b(key.encode("utf-8", "replace"), digest_size=2).digest()
    logprob = -2.0 * int.from_bytes(digest, "big") / 65536
    # The alternatives are made up: each one less likely than the one before.
    made_up = [(f"{text}~{rank}", logprob - rank) for rank in range(1, generation.top_logprobs or 0)]
    ranked = [(text, logprob), *made_up] if generation.top_logprobs else []
    return Token(text, logprob, tuple(ranked))
