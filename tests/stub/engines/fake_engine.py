"""An engine for tests, with prepared answers and failures."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field

from bandplan.stub.inference.engine import Batch, Down, Embedded, Embedding, Generation, Message, Stats, Token, Usage
from bandplan.stub.inference.errors import EngineError


@dataclass
class FakeEngine:
    """Answers with `words`; `fault` is raised at the start. `may_start` holds the start until it is set."""

    words: tuple[str, ...] = ("real",)
    fault: EngineError | None = None
    usage: Usage | None = None
    kind: str = "fake"
    lacks: frozenset[str] = frozenset({"tools"})
    takes: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    note: str = ""
    down: Down | None = None
    passes_further: bool = True
    calls_functions: bool = False
    is_count_exact: bool = False
    context_tokens: int | None = None
    may_start: asyncio.Event | None = None
    asked: list[Generation] = field(default_factory=list)
    starts: int = 0
    closes: int = 0
    close_fault: Exception | None = None
    running: int = 0

    async def start(self, tell: Callable[[str], None]) -> None:
        self.starts += 1
        tell("loading")
        if self.may_start is not None:
            await self.may_start.wait()
        if self.fault is not None:
            raise self.fault

    async def count(self, messages: Sequence[Message]) -> int:
        return 1

    async def count_text(self, text: str) -> int:
        return 1

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        self.asked.append(generation)
        for word in self.words[:-1]:
            yield Batch((Token(word),))
        yield Batch((Token(self.words[-1]),), 0.0, "stop", self.usage)

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded:
        return Embedded([[1.0] for _ in texts], 7)

    def stats(self) -> Stats:
        return Stats(self.running, 0)

    async def close(self) -> None:
        if self.close_fault is not None:
            raise self.close_fault
        await asyncio.sleep(0)
        self.closes += 1
