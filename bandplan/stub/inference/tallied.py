"""An engine that counts the tokens it is asked about and gives: what a query used."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from bandplan.stub.inference.engine import Batch, Embedding, Engine, Generation, Message, Stats


class TalliedEngine:
    """Another engine, for the time of one query; `tokens` are those of the prompts and of the answers so far."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.kind = engine.kind
        self.lacks = engine.lacks
        self.tokens = 0

    async def count(self, messages: Sequence[Message]) -> int:
        return self._added(await self._engine.count(messages))

    async def count_text(self, text: str) -> int:
        return self._added(await self._engine.count_text(text))

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        async with aclosing(self._engine.generate(generation)) as batches:
            async for batch in batches:
                self.tokens += len(batch.tokens)
                yield batch

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        return await self._engine.embed(embedding, texts)

    def stats(self) -> Stats:
        return self._engine.stats()

    async def close(self) -> None:
        await self._engine.close()

    def _added(self, tokens: int) -> int:
        self.tokens += tokens
        return tokens
