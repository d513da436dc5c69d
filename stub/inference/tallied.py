"""An engine that counts the tokens it is asked about and gives: what a query used."""

from collections.abc import AsyncIterator, Sequence

from stub.inference.engine import Embedding, Engine, Generation, Message, Token


class TalliedEngine:
    """Another engine, for the time of one query; `tokens` are those of the prompts and of the answers so far."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.tokens = 0

    def count_prompt_tokens(self, messages: Sequence[Message]) -> int:
        return self._added(self._engine.count_prompt_tokens(messages))

    def count_tokens(self, text: str) -> int:
        return self._added(self._engine.count_tokens(text))

    async def generate(self, generation: Generation) -> AsyncIterator[Token]:
        async for token in self._engine.generate(generation):
            self.tokens += 1
            yield token

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        return await self._engine.embed(embedding, texts)

    def _added(self, tokens: int) -> int:
        self.tokens += tokens
        return tokens
