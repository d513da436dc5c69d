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

    async def expect(self, due: float) -> None:
        """Prepare for the first tokens, which are certain to come at `due`, on the event loop's clock."""
        ...


class Delivery:
    """The delivery of one choice. `finish_reason`, `delivered` and `usage`, the engine's own, are valid at its end.

    Tokens that are there when they are asked for are given in turns, which are calls from the event loop; the task
    sleeps from one full outlet to the next. So a delivery is itself what waits for its turn. With hundreds of streams,
    what a token costs is mostly the memory that it touches, so it is one object with slots.
    """

    __slots__ = (
        "__weakref__",
        "_at",
        "_engine",
        "_generation",
        "_is_stopped",
        "_made",
        "_next",
        "_outlet",
        "_stopped",
        "_stopping",
        "delivered",
        "finish_reason",
        "is_waiting",
        "usage",
    )

    def __init__(self, engine: Engine, generation: Generation) -> None:
        self._engine = engine
        self._generation = generation
        # Conditions are the server's to apply: our own search would end the answer too early.
        is_left = engine.passes_further and generation.has_stop_conditions
        self._stopping = StopWords(generation.stop) if generation.stop and not is_left else None
        self.delivered = 0
        self.finish_reason = "stop"
        self.usage = Usage()
        self.is_waiting = False
        self._is_stopped = False

    @property
    def completion_tokens(self) -> int:
        """The tokens of the choice: as the engine counts them, else as they were delivered."""
        return self.delivered if self.usage.completion_tokens is None else self.usage.completion_tokens

    async def run(self, outlet: Outlet, at: int = 0) -> None:
        """Give all tokens to an outlet, then none to mark the end. Cancel the task to abandon the generation."""
        self._outlet, self._at = outlet, at
        made = self._engine.generate(self._generation)
        try:
            if isinstance(made, AsyncGenerator):
                await self._follow(made)
            else:
                await self._take_turns(made)
        finally:
            del self._outlet  # what leads back here, so that both are freed at once
        if self._stopping is not None and (rest := self._stopping.rest()):
            self.delivered += len(rest)
            outlet.give(at, rest)
        outlet.give(at, ())

    async def _follow(self, made: AsyncGenerator[Batch, None]) -> None:
        """Deliver what an engine generates that has to wait for its tokens."""
        is_first = True
        async with aclosing(made) as batches:
            async for batch in batches:
                # A first batch that is due immediately need not wait for its turn.
                if batch.due or not is_first:
                    await TICKS.until(batch.due)
                is_first = False
                is_full = self._give(batch)
                if self._is_stopped:
                    return
                if is_full:
                    await self._outlet.drained()

    async def _take_turns(self, made: Generator[Batch, None, None]) -> None:
        new_future = asyncio.get_running_loop().create_future
        self._made = made
        self._stopped: asyncio.Future[bool] = new_future()
        """Its result is whether the choice has ended: if not, the outlet is full."""
        try:
            self._next = next(made, None)
            if self._next is not None and not self._next.due:
                self.take()  # due immediately, so it need not wait for a turn
            else:
                if self._next is not None and self._next.tokens:
                    await self._outlet.expect(self._next.due)
                self._wait()
            while not await self._stopped:
                await self._outlet.drained()
                self._stopped = new_future()
                self._next = next(made, None)
                self._wait()
        finally:
            if self.is_waiting and self._next is not None:
                self.is_waiting = False
                TICKS.withdraw(self._next.due, self)
            made.close()
            del self._made

    def take(self) -> None:
        """Take a turn: give the tokens that are due, and wait for the next ones."""
        self.is_waiting = False
        if self._stopped.done():
            return  # cancelled, and the task has not heard of it yet
        try:
            assert self._next is not None
            is_full = self._give(self._next)
            if self._is_stopped:
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

    def _give(self, batch: Batch) -> bool:
        """Give the tokens of a batch to the outlet; return whether it is full."""
        tokens, _, finish_reason, usage = batch
        if finish_reason is not None:
            self.finish_reason = finish_reason
        if usage is not None:
            self.usage = usage
        if self._stopping is not None:
            tokens = self._stopping.feed(tokens)
            if self._stopping.is_met:
                self.finish_reason = "stop"
                self._is_stopped = True
        if not tokens:
            return False
        self.delivered += len(tokens)
        return self._outlet.give(self._at, tokens)


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
