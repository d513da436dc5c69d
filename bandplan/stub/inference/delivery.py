"""Deliver the tokens of an engine when they are due, up to a stop word, yielding to other tasks in between."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from bandplan.stub.inference.engine import Engine, Generation, Token, Usage
from bandplan.stub.inference.stopping import StopWords
from bandplan.stub.inference.ticks import Ticks

TICKS = Ticks()


class Delivery:
    """The delivery of one choice; `finish_reason`, `delivered` and `usage`, the engine's own, are valid at its end."""

    def __init__(self, engine: Engine, generation: Generation) -> None:
        self._engine = engine
        self._generation = generation
        self.delivered = 0
        self.finish_reason = "stop"
        self.usage = Usage()

    @property
    def completion_tokens(self) -> int:
        """The tokens of the choice: as the engine counts them, else as they were delivered."""
        return self.delivered if self.usage.completion_tokens is None else self.usage.completion_tokens

    async def batches(self) -> AsyncGenerator[Sequence[Token], None]:
        """Yield non-empty batches of tokens; close the generator to abandon the generation."""
        stopping = StopWords(self._generation.stop) if self._generation.stop else None
        is_first = True
        async with aclosing(self._engine.generate(self._generation)) as batches:
            async for batch in batches:
                # A first batch that is due immediately need not wait for its turn.
                if batch.due or not is_first:
                    await TICKS.until(batch.due)
                is_first = False
                tokens = batch.tokens if stopping is None else stopping.feed(batch.tokens)
                self.finish_reason = batch.finish_reason or self.finish_reason
                self.usage = batch.usage or self.usage
                if tokens:
                    self.delivered += len(tokens)
                    yield tokens
                if stopping is not None and stopping.is_met:
                    self.finish_reason = "stop"
                    return
        if stopping is not None and (rest := stopping.rest()):
            self.delivered += len(rest)
            yield rest


async def merged(deliveries: Sequence[Delivery]) -> AsyncGenerator[tuple[int, Sequence[Token]], None]:
    """Yield the batches of several choices as they arrive, each with the position of its choice.

    An empty batch means that a choice has ended.
    """
    if len(deliveries) == 1:
        async with aclosing(deliveries[0].batches()) as batches:
            async for tokens in batches:
                yield 0, tokens
        yield 0, ()
        return
    came: asyncio.Queue[tuple[int, Sequence[Token] | BaseException]] = asyncio.Queue(maxsize=len(deliveries))
    tasks = [asyncio.create_task(_put(delivery, at, came)) for at, delivery in enumerate(deliveries)]
    try:
        running = len(tasks)
        while running:
            at, batch = await came.get()
            if isinstance(batch, BaseException):
                raise batch
            running -= not batch
            yield at, batch
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _put(delivery: Delivery, at: int, came: asyncio.Queue[tuple[int, Sequence[Token] | BaseException]]) -> None:
    try:
        async with aclosing(delivery.batches()) as batches:
            async for tokens in batches:
                await came.put((at, tokens))
        await came.put((at, ()))
    except Exception as error:
        await came.put((at, error))
