"""Deliver the tokens of an engine when they are due, up to a stop word, in turns with all other deliveries."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import aclosing
from typing import Protocol

from bandplan.stub.inference.engine import Batch, Engine, Generation, Token, Usage
from bandplan.stub.inference.stopping import StopWords
from bandplan.stub.inference.ticks import Ticks

TICKS = Ticks()


class Outlet(Protocol):
    """Where the tokens of an answer go."""

    def give(self, at: int, tokens: Sequence[Token]) -> bool:
        """Take tokens of the choice at this position; none at all mean that the choice has ended.

        Return whether it is full: nothing more should be given until it is `drained`.
        """
        ...

    async def drained(self) -> None: ...


class Delivery:
    """The delivery of one choice. `finish_reason`, `delivered` and `usage`, the engine's own, are valid at its end.

    `is_ended`: a stop word has ended it before its engine has.
    """

    def __init__(self, engine: Engine, generation: Generation) -> None:
        self._engine = engine
        self._generation = generation
        self._stopping = StopWords(generation.stop) if generation.stop else None
        self.is_ended = False
        self.delivered = 0
        self.finish_reason = "stop"
        self.usage = Usage()

    @property
    def completion_tokens(self) -> int:
        """The tokens of the choice: as the engine counts them, else as they were delivered."""
        return self.delivered if self.usage.completion_tokens is None else self.usage.completion_tokens

    async def run(self, outlet: Outlet, at: int = 0) -> None:
        """Give all tokens to an outlet, then none to mark the end. Cancel the task to abandon the generation."""
        made = self._engine.generate(self._generation)
        if isinstance(made, AsyncGenerator):
            await self._follow(made, outlet, at)
        else:
            await _InTurns(self, made, outlet, at).run()
        if self._stopping is not None and (rest := self._stopping.rest()):
            self.delivered += len(rest)
            outlet.give(at, rest)
        outlet.give(at, ())

    def give(self, batch: Batch, outlet: Outlet, at: int) -> bool:
        """Give the tokens of a batch to the outlet; return whether it is full."""
        stopping = self._stopping
        tokens = batch.tokens if stopping is None else stopping.feed(batch.tokens)
        if batch.finish_reason is not None:
            self.finish_reason = batch.finish_reason
        if batch.usage is not None:
            self.usage = batch.usage
        if stopping is not None and stopping.is_met:
            self.finish_reason = "stop"
            self.is_ended = True
        if not tokens:
            return False
        self.delivered += len(tokens)
        return outlet.give(at, tokens)

    async def _follow(self, made: AsyncGenerator[Batch, None], outlet: Outlet, at: int) -> None:
        """Deliver what an engine generates that has to wait for its tokens."""
        is_first = True
        async with aclosing(made) as batches:
            async for batch in batches:
                # A first batch that is due immediately need not wait for its turn.
                if batch.due or not is_first:
                    await TICKS.until(batch.due)
                is_first = False
                is_full = self.give(batch, outlet, at)
                if self.is_ended:
                    return
                if is_full:
                    await outlet.drained()


class _InTurns:
    """The delivery of tokens that are there when they are asked for. Its task sleeps from one full outlet to the next:
    the turns in between are calls from the event loop.
    """

    def __init__(self, delivery: Delivery, made: Generator[Batch, None, None], outlet: Outlet, at: int) -> None:
        self._delivery = delivery
        self._made = made
        self._outlet = outlet
        self._at = at
        self._next: Batch | None = None
        self._stopped: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Its result is whether the choice has ended: if not, the outlet is full."""
        self.is_waiting = False

    async def run(self) -> None:
        try:
            self._next = next(self._made, None)
            if self._next is not None and not self._next.due:
                self.take()  # due immediately, so it need not wait for a turn
            else:
                self._wait()
            while not await self._stopped:
                await self._outlet.drained()
                self._stopped = asyncio.get_running_loop().create_future()
                self._next = next(self._made, None)
                self._wait()
        finally:
            if self.is_waiting and self._next is not None:
                self.is_waiting = False
                TICKS.withdraw(self._next.due, self)
            self._made.close()

    def take(self) -> None:
        """Give the tokens that are due, and wait for the next ones."""
        self.is_waiting = False
        if self._stopped.done():
            return  # cancelled, and its task has not heard of it yet
        try:
            assert self._next is not None
            is_full = self._delivery.give(self._next, self._outlet, self._at)
            if self._delivery.is_ended:
                self._stopped.set_result(True)
            elif is_full:
                self._stopped.set_result(False)
            else:
                self._next = next(self._made, None)
                self._wait()
        except Exception as error:
            self._stopped.set_exception(error)

    def _wait(self) -> None:
        if self._next is None:
            self._stopped.set_result(True)
        else:
            self.is_waiting = True
            TICKS.at(self._next.due, self)


async def deliver(deliveries: Sequence[Delivery], outlet: Outlet) -> None:
    """Deliver several choices at once. The first failure ends all, and is raised."""
    if len(deliveries) == 1:
        await deliveries[0].run(outlet)
        return
    tasks = [asyncio.create_task(delivery.run(outlet, at)) for at, delivery in enumerate(deliveries)]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
