"""The engine that answers with a checkpoint, through a child process that has torch and transformers."""

import asyncio
import base64
import logging
import os
import struct
import sys
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from bandplan.stub.inference.engine import Batch, Down, Embedded, Embedding, Generation, Message, Stats, Token
from bandplan.stub.inference.errors import EngineRefused, EngineUnavailable
from bandplan.stub.inference.transformers_engine.child import Child
from bandplan.stub.inference.transformers_engine.weights import Weights

KIND = "transformers"

LACKS = frozenset({"response_format", "tool_choice", "tools"})
"""Functions need a parser for what the model writes, which differs by model; JSON needs a grammar to keep the model to.
"""

SLOW_TOKENS_PER_SECOND = 20
"""Below what people read, and far below any endpoint. Arbitrary."""

RESTARTS = 1
"""How often a child that ended by itself is started again."""

log = logging.getLogger("stub")


class TransformersEngine:
    """The engine of one set of weights. `python` is that of an environment with torch, None for our own.

    `gpu_share` is the part of the GPU's memory to use; `device` is `auto` (a GPU if torch sees one), `cpu` or `cuda:N`.
    """

    kind = KIND
    lacks = LACKS
    takes: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()
    passes_further = calls_functions = False
    is_count_exact = True

    def __init__(
        self,
        weights: Weights,
        *,
        python: str | None = None,
        environ: Mapping[str, str] | None = None,
        device: str = "auto",
        context_tokens: int | None = None,
        gpu_share: float = 0.9,
    ) -> None:
        self._weights = weights
        self._python = python or sys.executable
        self._environ = dict(os.environ if environ is None else environ)
        if weights.folder is not None:
            # Nothing is to be looked for elsewhere.
            self._environ.setdefault("HF_HUB_OFFLINE", "1")
        self._wanted: dict[str, Any] = {
            "weights": str(weights.folder or weights.name),
            "tokenizer": weights.tokenizer,
            "is_random": weights.is_random,
            "is_embedding": weights.is_embedding,
            "device": device,
            "context_tokens": context_tokens,
            "gpu_share": gpu_share,
        }
        self._child: Child | None = None
        self._restarting: asyncio.Task[None] | None = None
        self._restarts_left = RESTARTS
        self._why_away = "it was not started"
        self._is_closed = False
        self._running = 0
        self._generated = 0
        self.found: Mapping[str, Any] = {}
        """What the child found: `device`, `dtype`, `batching`, `tokens_per_second` of a single answer, ..."""

    @property
    def context_tokens(self) -> int | None:
        """Most tokens of a prompt and its answer; None if it is unknown."""
        context: int | None = self.found.get("context_tokens")
        return context

    @property
    def down(self) -> Down | None:
        if self._child is not None:
            return None
        is_restarting = self._restarting is not None and not self._restarting.done()
        return Down(self._why_away, is_final=not is_restarting)

    @property
    def note(self) -> str:
        """What people should know of its speed: where it runs, and how slow a CPU is."""
        if not self.found:
            return ""
        where = f"{self.found['device']}, {self.found['dtype']}"
        speed = self.found.get("tokens_per_second")
        if speed is None:
            return where
        slow = "slow: " if speed < SLOW_TOKENS_PER_SECOND else ""
        return f"{where}; {slow}about {speed:,.0f} tokens/s for one request"

    async def start(self, tell: Callable[[str], None]) -> None:
        """Return once the model has answered one query. Raises EngineUnavailable."""
        problem = self._weights.problem()
        if problem is not None:
            raise EngineUnavailable(problem)
        child = Child(self._python, self._environ, self._has_ended)
        try:
            self.found = await child.start(self._wanted, tell)
        except BaseException as error:
            self._why_away = str(error) or "it was stopped while it started"
            await child.close()
            raise
        self._child = child
        tell(self.note)

    async def count(self, messages: Sequence[Message]) -> int:
        return int(await (await self._ready()).ask("count", {"messages": _rows(messages)}))

    async def count_text(self, text: str) -> int:
        return int(await (await self._ready()).ask("count", {"text": text}))

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        if generation.json_schema is not None:
            raise EngineRefused("JSON by a schema, and function calls, are not supported by the transformers engine.")
        child = await self._ready()
        is_plain = generation.top_logprobs is None
        self._running += 1
        try:
            async with aclosing(child.generate(_asked(generation))) as rows:
                async for tokens, end in rows:
                    self._generated += len(tokens)
                    made = [Token(text) for text in tokens] if is_plain else [_token(*row) for row in tokens]
                    yield Batch(made, finish_reason=end)
        finally:
            self._running -= 1

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded:
        asked = {"texts": list(texts), "is_normalised": embedding.normalised}
        rows = await (await self._ready()).ask("embed", asked)
        return Embedded([list(_floats(base64.b64decode(row))) for row in rows])

    def stats(self) -> Stats:
        return Stats(self._running, self._generated)

    async def close(self) -> None:
        self._is_closed = True
        if self._restarting is not None:
            self._restarting.cancel()
            await asyncio.gather(self._restarting, return_exceptions=True)
        if self._child is not None:
            await self._child.close()

    async def _ready(self) -> Child:
        """Return the child; wait for one that is being started again. Raises EngineUnavailable."""
        if self._child is None and self._restarting is not None:
            await asyncio.shield(self._restarting)
        if self._child is None:
            raise EngineUnavailable(f"the engine transformers does not run: {self._why_away}")
        return self._child

    def _has_ended(self, reason: str) -> None:
        self._child, self._why_away = None, f"{reason}; stub.log may say why. `bandplan stub stop`, then start it again"
        if self._restarts_left and not self._is_closed:
            self._restarts_left -= 1
            self._restarting = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        try:
            await self.start(lambda progress: None)
        except EngineUnavailable:
            pass  # it is kept in _why_away
        except Exception as error:
            log.exception("the engine transformers could not be started again")
            self._why_away = f"it could not be started again ({type(error).__name__}); stub.log says why"


def _rows(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _asked(generation: Generation) -> dict[str, Any]:
    prompt: dict[str, Any] = {"messages": _rows(generation.messages)}
    if generation.is_prompt:
        prompt = {"text": "".join(message.content for message in generation.messages)}
    return {
        **prompt,
        "max_tokens": generation.max_tokens,
        "min_tokens": generation.min_tokens,
        "ignore_eos": generation.ignore_eos,
        "temperature": generation.temperature,
        "top_p": generation.top_p,
        "seed": generation.seed,
        "choice": generation.choice,
        "top_logprobs": generation.top_logprobs,
    }


def _token(text: str, logprob: float, alternatives: Sequence[Sequence[Any]]) -> Token:
    return Token(text, min(logprob, 0.0), tuple((words, min(value, 0.0)) for words, value in alternatives))


def _floats(packed: bytes) -> Sequence[float]:
    return struct.unpack(f"<{len(packed) // 4}f", packed)
