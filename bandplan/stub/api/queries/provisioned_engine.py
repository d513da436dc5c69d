"""An engine that generates no faster than the endpoint's capacity allows, even if the wrapped engine could."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace

from bandplan.stub.api.queries.admissions import LOOK_SECONDS
from bandplan.stub.api.queries.passage import Passage
from bandplan.stub.inference.engine import (
    Batch,
    Batches,
    Embedded,
    Embedding,
    Engine,
    Generation,
    Message,
    Stats,
    Usage,
)


class ProvisionedEngine:
    """A wrapper around another engine for the duration of one admitted query."""

    def __init__(self, engine: Engine, passage: Passage) -> None:
        self._engine = engine
        self._passage = passage
        self.kind = engine.kind
        self.lacks = engine.lacks
        self.missing = engine.missing
        self.down = engine.down
        self.takes = engine.takes
        self.passes_further = engine.passes_further
        self.calls_functions = engine.calls_functions
        self.is_count_exact = engine.is_count_exact
        self.context_tokens = engine.context_tokens
        self.note = engine.note
        self._prompts: defaultdict[tuple[Message, ...], list[int]] = defaultdict(list)
        """Tokens of each prompt as counted here, until the engine has reported its own; a query may repeat a prompt."""

    async def start(self, tell: Callable[[str], None]) -> None:
        await self._engine.start(tell)

    async def count(self, messages: Sequence[Message]) -> int:
        return await self._counted(tuple(messages), self._engine.count(messages))

    async def count_text(self, text: str) -> int:
        return await self._counted((Message("user", text),), self._engine.count_text(text))

    def generate(self, generation: Generation) -> Batches:
        if self._passage.is_paced:
            # The query may have waited in the queue: the engine's own pace counts from its admission.
            generation = replace(generation, began=None)
        made = self._engine.generate(generation)
        if isinstance(made, AsyncGenerator):
            return self._passed_as_they_come(made, _Progress(generation))
        return self._passed(made, _Progress(generation))

    def _passed(self, made: Generator[Batch, None, None], progress: "_Progress") -> Generator[Batch, None, None]:
        count = self._counted_batch
        try:
            if self._passage.is_paced:
                for batch in made:
                    yield from self._paced(batch, progress)
            else:
                for batch in made:
                    yield count(batch, progress)
        finally:
            made.close()
            self._correct(progress)

    async def _passed_as_they_come(
        self, made: AsyncGenerator[Batch, None], progress: "_Progress"
    ) -> AsyncGenerator[Batch, None]:
        try:
            async with aclosing(made):
                async for batch in made:
                    if self._passage.is_paced:
                        for piece in self._paced(batch, progress):
                            yield piece
                    else:
                        yield self._counted_batch(batch, progress)
        finally:
            self._correct(progress)

    def _paced(self, batch: Batch, progress: "_Progress") -> Iterator[Batch]:
        """Yield the tokens of a batch as the capacity allows.

        A token far from its time is preceded by empty batches: other requests come and go, and the workspace's clock
        may be moved, so its time is computed again after each.
        """
        now, passage, last = asyncio.get_running_loop().time, self._passage, len(batch.tokens) - 1
        for at, token in enumerate(batch.tokens):
            progress.position += 1
            passage.ask(progress.position)
            while (seconds := passage.seconds_left()) > LOOK_SECONDS:
                yield Batch((), now() + LOOK_SECONDS)
            due = batch.due if seconds <= 0 else max(batch.due, now() + seconds)
            if at < last:
                yield self._counted_batch(Batch((token,), due), progress)
            else:
                yield self._counted_batch(batch._replace(tokens=(token,), due=due), progress)
        if not batch.tokens:
            yield self._counted_batch(batch, progress)

    def _counted_batch(self, batch: Batch, progress: "_Progress") -> Batch:
        if batch.usage is not None:
            progress.usage = batch.usage
        if tokens := len(batch.tokens):
            progress.delivered += tokens
            ahead = batch.due - asyncio.get_running_loop().time() if batch.due else 0.0
            self._passage.deliver(tokens, max(0.0, ahead))
        return batch

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded:
        embedded = await self._engine.embed(embedding, texts)
        if embedded.prompt_tokens is not None:
            self._passage.correct(embedded.prompt_tokens - sum(map(sum, self._prompts.values())), 0)
        elif not self.is_count_exact:
            self._passage.entry.is_usage_counted = True
        await self._until_ready()
        return embedded

    def stats(self) -> Stats:
        return self._engine.stats()

    async def close(self) -> None:
        await self._engine.close()

    async def _counted(self, prompt: tuple[Message, ...], counting: Awaitable[int]) -> int:
        tokens = await counting
        self._prompts[prompt].append(tokens)
        self._passage.take_prompt(tokens)
        return tokens

    def _correct(self, progress: "_Progress") -> None:
        """Replace the counts of a prompt and one of its answers by those of the engine; mark them if it has none."""
        generation, usage = progress.generation, progress.usage
        if usage is None:
            if not self.is_count_exact:
                self._passage.entry.is_usage_counted = True
            return
        more_input = more_output = 0
        # Every prompt has one first choice, and its other choices have the same prompt.
        if (
            usage.prompt_tokens is not None
            and generation.choice == 0
            and (counted := self._prompts[generation.messages])
        ):
            more_input = usage.prompt_tokens - counted.pop()
        if usage.completion_tokens is not None:
            more_output = usage.completion_tokens - progress.delivered
        self._passage.correct(more_input, more_output)

    async def _until_ready(self) -> None:
        """Return once the work that was asked for has been done, as `_paced` waits for a token."""
        while (seconds := self._passage.seconds_left()) > LOOK_SECONDS:
            await asyncio.sleep(LOOK_SECONDS)
        await asyncio.sleep(max(0.0, seconds))


@dataclass(slots=True)
class _Progress:
    """How far one choice has come: the position of its last token, the tokens given, and the engine's own count."""

    generation: Generation
    position: int = 0
    delivered: int = 0
    usage: Usage | None = None
