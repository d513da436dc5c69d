"""An engine that generates no faster than the endpoint's capacity allows, even if the wrapped engine could."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import replace

from bandplan.stub.api.queries.admissions import LOOK_SECONDS
from bandplan.stub.api.queries.passage import Passage
from bandplan.stub.inference.engine import Batch, Embedding, Engine, Generation, Message, Stats


class ProvisionedEngine:
    """A wrapper around another engine for the duration of one admitted query."""

    def __init__(self, engine: Engine, passage: Passage) -> None:
        self._engine = engine
        self._passage = passage
        self.kind = engine.kind
        self.lacks = engine.lacks

    async def count(self, messages: Sequence[Message]) -> int:
        tokens = await self._engine.count(messages)
        self._passage.take_prompt(tokens)
        return tokens

    async def count_text(self, text: str) -> int:
        tokens = await self._engine.count_text(text)
        self._passage.take_prompt(tokens)
        return tokens

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        position = 0
        if self._passage.is_paced:
            # The query may have waited in the queue: the engine's own pace counts from its admission.
            generation = replace(generation, began=None)
        async with aclosing(self._engine.generate(generation)) as batches:
            async for batch in batches:
                for piece in _pieces(batch) if self._passage.is_paced else (batch,):
                    if piece.tokens and self._passage.is_paced:
                        position += 1
                        self._passage.ask(position)
                        piece = piece._replace(due=await self._due(piece.due))
                    ahead = piece.due - asyncio.get_running_loop().time() if piece.due else 0.0
                    self._passage.deliver(len(piece.tokens), max(0.0, ahead))
                    yield piece

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> list[list[float]]:
        vectors = await self._engine.embed(embedding, texts)
        await asyncio.sleep(max(0.0, await self._due(0.0) - asyncio.get_running_loop().time()))
        return vectors

    def stats(self) -> Stats:
        return self._engine.stats()

    async def close(self) -> None:
        await self._engine.close()

    async def _due(self, due: float) -> float:
        """Return when the requested token is ready, on the event loop's clock, or `due` if that is later.

        A query far from that time checks repeatedly: other requests come and go, and the workspace's clock may be
        moved.
        """
        while (seconds := self._passage.seconds_left()) > LOOK_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
        return due if seconds <= 0 else max(due, asyncio.get_running_loop().time() + seconds)


def _pieces(batch: Batch) -> list[Batch]:
    """Cut a batch into batches of one token each, the last with the reason for the end."""
    if len(batch.tokens) < 2:
        return [batch]
    last = len(batch.tokens) - 1
    return [
        Batch((token,), batch.due, batch.finish_reason if at == last else None) for at, token in enumerate(batch.tokens)
    ]
