"""The engine `openai`: passes queries through to a server that speaks the OpenAI protocol."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing

from bandplan.stub.inference import tokens
from bandplan.stub.inference.engine import Batch, Down, Embedded, Embedding, Generation, Message, Stats, Token, Usage
from bandplan.stub.inference.errors import EngineFailed, EngineRefused
from bandplan.stub.inference.openai.answers import read_embeddings
from bandplan.stub.inference.openai.client import Client
from bandplan.stub.inference.openai.connection import server_of
from bandplan.stub.inference.openai.features import LACKS, MAX_TOKENS, Features
from bandplan.stub.inference.openai.probe import probe
from bandplan.stub.inference.openai.requests import embedding_request, generation_request, rows
from bandplan.stub.inference.simulated import TOKENS_PER_MESSAGE

MOST_CALL_PARTS = 32
"""Parts of function calls accepted beyond the token limit: servers send names and closing brackets in separate
chunks, which are not tokens. Arbitrary.
"""


class OpenAIEngine:
    """Somebody else's server, or a child of ours. Requests are never sent twice.

    `model` None is the server's only one. `context_tokens` limits prompt and answer if the server states no limit.
    """

    note = ""
    takes: frozenset[str] = frozenset()
    passes_further = calls_functions = True
    down: Down | None = None

    def __init__(
        self,
        url: str,
        model: str | None = None,
        key: str | None = None,
        *,
        kind: str = "openai",
        is_embedding: bool = False,
        context_tokens: int | None = None,
    ) -> None:
        self.kind = kind
        self.client = Client(server_of(url, key), key)
        self._model = model
        self._is_embedding = is_embedding
        self._context_tokens = context_tokens
        self._features: Features | None = None
        self._running = 0
        self._generated = 0

    @property
    def lacks(self) -> frozenset[str]:
        return self._features.all_lacks if self._features else LACKS

    @property
    def is_count_exact(self) -> bool:
        return self._features is not None and self._features.tokenizer is not None

    @property
    def context_tokens(self) -> int | None:
        return (self._features.context_tokens if self._features else None) or self._context_tokens

    @property
    def missing(self) -> frozenset[str]:
        """What servers of the protocol differ in, and this one lacks."""
        return self._features.lacks if self._features else frozenset()

    async def start(self, tell: Callable[[str], None]) -> None:
        tell(f"asking {self.client.server.url}")
        self._features = await probe(self.client, self._model, is_embedding=self._is_embedding)

    async def count(self, messages: Sequence[Message]) -> int:
        features = self._ready()
        shown = rows(messages)
        if features.tokenizer == "vllm" and features.has_chat:
            return _counted(await self.client.post("/tokenize", {"model": features.model, "messages": shown}))
        if features.tokenizer == "llamacpp" and features.has_chat:
            made = await self.client.post("/apply-template", {"messages": shown})
            return await self._count_llamacpp(made.get("prompt") if isinstance(made, dict) else None)
        return sum([TOKENS_PER_MESSAGE + await self.count_text(message.content) for message in messages])

    async def count_text(self, text: str) -> int:
        features = self._ready()
        if features.tokenizer == "vllm":
            return _counted(await self.client.post("/tokenize", {"model": features.model, "prompt": text}))
        if features.tokenizer == "llamacpp":
            return await self._count_llamacpp(text)
        return tokens.count(text)

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        features = self._ready()
        if not generation.is_prompt and not features.has_chat:
            raise EngineRefused(f"{features.model} has no chat template, so it answers completions only")
        path, body = generation_request(generation, features)
        # A server that was given the limit ends the answer itself, and reports its usage then.
        is_told = features.limit_field in body and MAX_TOKENS not in features.lacks
        room, reason, usage = generation.max_tokens, None, None
        self._running += 1
        try:
            async with aclosing(self.client.stream(path, body)) as pieces:
                async for piece in pieces:
                    reason, usage = piece.finish_reason or reason, piece.usage or usage
                    kept = _within(piece.tokens, room)
                    room = None if room is None else room - len(kept)
                    self._generated += len(kept)
                    if kept:
                        yield Batch(kept)
                    if len(kept) < len(piece.tokens) or (room is not None and room <= 0 and not is_told):
                        # What the server counts, if anything, is not this answer.
                        reason, usage = "length", usage and Usage(usage.prompt_tokens)
                        break
        finally:
            self._running -= 1
        yield Batch((), 0.0, reason or "stop", usage)

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded:
        path, body = embedding_request(texts, self._ready())
        self._running += 1
        try:
            answer = await self.client.post(self.client.server.base + path, body)
        finally:
            self._running -= 1
        return read_embeddings(answer, len(texts), self.client.server.url)

    def stats(self) -> Stats:
        return Stats(self._running, self._generated)

    async def close(self) -> None:
        pass

    async def _count_llamacpp(self, text: str | None) -> int:
        body = {"content": text or "", "add_special": True, "parse_special": True}
        answer = await self.client.post("/tokenize", body)
        found = answer.get("tokens") if isinstance(answer, dict) else None
        if not isinstance(found, list):
            raise EngineFailed(f"{self.client.server.url} did not return tokens")
        return len(found)

    def _ready(self) -> Features:
        if self._features is None:
            raise EngineFailed(f"the engine {self.kind} was not started")
        return self._features


def _within(tokens: Sequence[Token], room: int | None) -> Sequence[Token]:
    """Return the tokens that a limit leaves room for."""
    if room is None or len(tokens) <= room:
        return tokens
    if room > -MOST_CALL_PARTS and all(token.call is not None for token in tokens):
        return tokens
    return tokens[: max(room, 0)]


def _counted(answer: object) -> int:
    count = answer.get("count") if isinstance(answer, dict) else None
    if not isinstance(count, int) or count < 0:
        raise EngineFailed("the server did not return a count of tokens")
    return count
