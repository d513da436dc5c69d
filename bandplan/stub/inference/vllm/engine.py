"""The engine `vllm`: starts `vllm serve`, passes queries through, restarts it once, ends it with the workspace."""

import asyncio
import contextlib
import hashlib
import logging
import re
import secrets
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from pathlib import Path

from bandplan.stub.inference.engine import Batch, Down, Embedded, Embedding, Generation, Message, Stats
from bandplan.stub.inference.errors import EngineError, EngineUnavailable
from bandplan.stub.inference.openai.engine import OpenAIEngine
from bandplan.stub.inference.selection.spec import VLLM, EngineSpec
from bandplan.stub.inference.vllm.command import SERVED_NAME, environment, launch
from bandplan.stub.inference.vllm.process import Process, free_port, start
from bandplan.stub.inference.vllm.progress import is_port_taken, reason_of, step_of

LOOK_SECONDS = 0.25
"""How often the log and the server are looked at during a start."""

SILENCE_SECONDS = 1800.0
"""Time without a new line in its log after which a start is given up. A guess: a download reports more often."""

RESTARTS = 1

MOST_PORTS = 4
"""How many ports are tried for one start. Arbitrary: a second one that is taken is rare."""

Tell = Callable[[str], None]

log = logging.getLogger("stub")


class PortTaken(EngineUnavailable):
    """Somebody else has the port that vLLM was to listen on."""


class VllmEngine:
    """One `vllm serve` with one model. `gpu_share` is its part of the GPU's memory, unless the spec states another."""

    kind = VLLM
    note = ""
    takes: frozenset[str] = frozenset()
    passes_further = calls_functions = True

    def __init__(
        self, program: str, spec: EngineSpec, *, folder: Path, environ: Mapping[str, str], gpu_share: float
    ) -> None:
        self._program = program
        self._spec = spec
        self._folder = folder
        self._environ = environ
        self._gpu_share = gpu_share
        self._log = log_name(spec)
        self._server: OpenAIEngine | None = None
        self._process: Process | None = None
        self._watching: asyncio.Task[None] | None = None
        self._restarts_left = RESTARTS
        self._is_up = asyncio.Event()
        self._tell: Tell = lambda progress: None
        self.down: Down | None = Down("it has not been started", True)

    @property
    def lacks(self) -> frozenset[str]:
        return self._server.lacks if self._server else frozenset()

    @property
    def missing(self) -> frozenset[str]:
        return self._server.missing if self._server else frozenset()

    @property
    def is_count_exact(self) -> bool:
        return self._server is not None and self._server.is_count_exact

    @property
    def context_tokens(self) -> int | None:
        return self._server.context_tokens if self._server else self._spec.context_tokens

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, tell: Tell) -> None:
        self._tell = tell
        while True:
            try:
                await self._start_once()
                break
            except EngineUnavailable as error:
                if not self._restarts_left:
                    raise
                self._restarts_left -= 1
                tell(f"starting again after: {error}")
        self._watching = asyncio.get_running_loop().create_task(self._watch())

    async def count(self, messages: Sequence[Message]) -> int:
        return await (await self._ready()).count(messages)

    async def count_text(self, text: str) -> int:
        return await (await self._ready()).count_text(text)

    async def generate(self, generation: Generation) -> AsyncGenerator[Batch, None]:
        async with aclosing((await self._ready()).generate(generation)) as batches:
            async for batch in batches:
                yield batch

    async def embed(self, embedding: Embedding, texts: Sequence[str]) -> Embedded:
        return await (await self._ready()).embed(embedding, texts)

    def stats(self) -> Stats:
        return self._server.stats() if self._server else Stats(0, 0)

    async def close(self) -> None:
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        await self._end()

    async def _ready(self) -> OpenAIEngine:
        """Return the server; wait while it is being started again. Raises EngineUnavailable."""
        while self._server is None or self.down is not None:
            if self._watching is None or self._watching.done():
                raise EngineUnavailable(f"the engine vllm does not run: {self.down.reason if self.down else ''}")
            self._is_up.clear()
            await asyncio.wait(
                [self._watching, waiting := asyncio.ensure_future(self._is_up.wait())],
                return_when=asyncio.FIRST_COMPLETED,
            )
            waiting.cancel()
        return self._server

    async def _start_once(self) -> None:
        """Return once vLLM has answered a real query. Raises EngineUnavailable; the process has ended then.

        A free port is somebody else's by the time that vLLM listens, seconds later, if that somebody is faster.
        """
        for _ in range(MOST_PORTS - 1):
            try:
                return await self._start_on(free_port())
            except PortTaken as error:
                self._tell(f"trying another port: {error}")
        return await self._start_on(free_port())

    async def _start_on(self, port: int) -> None:
        key, mark = secrets.token_urlsafe(32), secrets.token_hex(16)
        wanted = launch(self._program, self._spec, port, self._gpu_share)
        self._tell("starting vllm serve")
        environ = environment(self._environ, key, mark)
        self._process = await start(self._folder, self._log, mark, wanted.arguments, environ)
        server = OpenAIEngine(
            wanted.url,
            SERVED_NAME,
            key,
            kind=VLLM,
            is_embedding=self._spec.is_embedding,
            context_tokens=self._spec.context_tokens,
        )
        try:
            await self._until_healthy(self._process, server)
            # Healthy is not ready: a server can say that it is well and end at the first query.
            self._tell("asking it a first query")
            await self._first_query(self._process, server)
        except PortTaken:
            await self._end()
            raise
        except EngineError as error:
            await self._end()
            raise EngineUnavailable(str(error)) from error
        except BaseException:
            await self._end()
            raise
        self._server, self.down = server, None
        self._is_up.set()

    async def _until_healthy(self, process: Process, server: OpenAIEngine) -> None:
        loop = asyncio.get_running_loop()
        heard = loop.time()
        while True:
            is_healthy = await server.client.is_ok("/health")
            if lines := process.new_lines():
                heard = loop.time()
            for step in filter(None, map(step_of, lines)):
                self._tell(step)
            if process.status is not None:
                is_taken = is_port_taken(process.last_lines())
                raise (PortTaken if is_taken else EngineUnavailable)(self._why_ended(process))
            if is_healthy and not await _is_ours(server):
                raise PortTaken(f"another server answers at {server.client.server.url}")
            if is_healthy:
                return
            if loop.time() - heard > SILENCE_SECONDS:
                raise EngineUnavailable(f"vllm serve wrote nothing for {SILENCE_SECONDS:g} s; see {process.log}")
            await asyncio.sleep(LOOK_SECONDS)

    async def _first_query(self, process: Process, server: OpenAIEngine) -> None:
        try:
            await server.start(lambda progress: None)
        except EngineError as error:
            # The process may be about to end: its log knows more than the broken connection.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(process.wait(), 2.0)
            if process.status is not None:
                raise EngineUnavailable(f"it ended at the first query: {self._why_ended(process)}") from error
            raise EngineUnavailable(f"it is healthy, but does not answer a query: {error}") from error

    async def _watch(self) -> None:
        """Start vLLM again when it has ended by itself, as often as is allowed. An error of ours ends the engine."""
        try:
            await self._restart_when_ended()
        except Exception as error:
            log.exception("vllm could not be started again")
            self.down = Down(
                f"it could not be started again ({type(error).__name__}); stub.log says why", is_final=True
            )
            await self._end()

    async def _restart_when_ended(self) -> None:
        while self._process is not None:
            process = self._process
            await process.wait()
            reason = self._why_ended(process)
            self.down = Down(reason, is_final=not self._restarts_left)
            await self._end()
            if not self._restarts_left:
                again = "it was started again once before; see its log, then run `bandplan stub stop` and start"
                self.down = Down(f"{reason}; {again}", is_final=True)
                self._tell(self.down.reason)
                return
            self._restarts_left -= 1
            self.down = Down(f"being started again after: {reason}", is_final=False)
            self._tell(self.down.reason)
            try:
                await self._start_once()
            except EngineUnavailable as error:
                self.down = Down(str(error), is_final=True)
                self._tell(self.down.reason)
                return
            self._tell("started again")

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.end()

    def _why_ended(self, process: Process) -> str:
        reason = reason_of(process.last_lines())
        return f"vllm serve ended with status {process.status}{f': {reason}' if reason else ''} ({process.log})"


async def _is_ours(server: OpenAIEngine) -> bool:
    """Whether what is healthy on the port is our vLLM, which takes our key and has our name.

    If it ends meanwhile, the first query shows it.
    """
    try:
        listed = await server.client.get(f"{server.client.server.base}/models")
        return any(row["id"] == SERVED_NAME for row in listed["data"])
    except (EngineError, LookupError, TypeError):
        return not await server.client.is_ok("/health")


def log_name(spec: EngineSpec) -> str:
    """Return the name of an engine's log: readable, and its own."""
    digest = hashlib.sha256(repr(spec).encode()).hexdigest()[:8]
    return f"vllm-{re.sub(r'[^A-Za-z0-9.-]+', '-', (spec.title or spec.weights or '')[-40:]).strip('-.')}-{digest}.log"
