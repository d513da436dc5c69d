"""The engines that run: started when first needed, shared by equal specs, ended with the workspace."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from typing import Literal

from bandplan.stub.inference.engine import Engine
from bandplan.stub.inference.errors import EngineError, EngineUnavailable
from bandplan.stub.inference.selection.spec import FAILED_SINCE, OPENAI, EngineSpec

State = Literal["starting", "ready", "failed"]

RETRY_SECONDS = 5.0
"""Time after which the next query looks again for a server that did not answer; a choice: somebody else starts it."""

MOST_PROGRESS = 200
"""Maximum number of remembered steps of an engine, the oldest forgotten first; an arbitrary bound on memory."""

log = logging.getLogger("stub")


@dataclass(slots=True)
class Running:
    """One engine. `detail` is what it does while it starts, how it runs, or why it failed, which was at `failed_at`.

    `holders` is the number of queries that have picked it and not ended. `progress` has what happened to it, as (time
    in ms, state, detail).
    """

    spec: EngineSpec
    state: State = "starting"
    detail: str = ""
    engine: Engine | None = None
    failed_at: float = 0.0
    holders: int = 0
    task: "asyncio.Task[None] | None" = field(default=None, repr=False)
    progress: deque[tuple[int, State, str]] = field(default_factory=lambda: deque(maxlen=MOST_PROGRESS), repr=False)

    def become(self, state: State, detail: str, now_ms: int) -> None:
        """Set the state and its detail, and remember them."""
        self.state, self.detail = state, detail
        self.remember(state, detail, now_ms)

    def remember(self, state: State, detail: str, now_ms: int) -> None:
        """Add to the progress, unless it is what was added before."""
        if not self.progress or self.progress[-1][1:] != (state, detail):
            self.progress.append((now_ms, state, detail))

    @property
    def shown(self) -> tuple[State, str]:
        """The state and what there is to say about it: a process of ours may have ended after it was ready."""
        if self.state != "ready" or self.engine is None:
            return self.state, self.detail
        if (down := self.engine.down) is not None:
            return "failed" if down.is_final else "starting", down.reason
        return self.state, self.engine.note


class RunningEngines:
    """All engines of a workspace but the simulated one. `make` returns an engine that has not been started.

    `clock_ms` gives the time of an engine's progress; `log_lines` returns the end of the log that an engine writes
    itself.
    """

    def __init__(
        self,
        make: Callable[[EngineSpec], Awaitable[Engine]],
        clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
        log_lines: Callable[[EngineSpec], list[str]] = lambda spec: [],
    ) -> None:
        self._make = make
        self.log_lines = log_lines
        self._clock_ms = clock_ms
        self._running: dict[EngineSpec, Running] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self._failures: dict[EngineSpec, str] = {}
        """Why engines failed that were dropped since."""

    def get(self, spec: EngineSpec) -> Running:
        """Return the engine of a spec; start it if there is none yet."""
        found = self._running.get(spec)
        if found is None:
            self._failures.pop(spec, None)
            found = self._running[spec] = Running(spec)
            found.task = asyncio.get_running_loop().create_task(self._start(found))
        return found

    def find(self, spec: EngineSpec) -> Running | None:
        """Return the engine of a spec if it was started."""
        return self._running.get(spec)

    def all(self) -> list[Running]:
        return list(self._running.values())

    def failure(self, spec: EngineSpec) -> str | None:
        """Return why an engine failed for good, None if it did not.

        A server that somebody else starts fails for good only until it is looked for again.
        """
        found = self._running.get(spec)
        if found is None:
            return self._failures.get(spec)
        state, detail = found.shown
        if state != "failed" or (spec.kind == OPENAI and self._may_retry(found)):
            return None
        return f"{FAILED_SINCE}{detail}"

    def restart_failed(self) -> None:
        """Forget failures: the engines start again when they are needed."""
        for running in self.all():
            if running.shown[0] == "failed":
                self.drop(running.spec)
        self._failures.clear()

    async def ready(self, spec: EngineSpec, patience_seconds: float) -> Engine:
        """Return an engine that answers queries; wait for it while it starts.

        Raises EngineUnavailable if it fails to start, or takes longer than `patience_seconds`.
        """
        running = self.get(spec)
        if spec.kind == OPENAI and running.state == "failed" and self._may_retry(running):
            self.drop(spec)
            running = self.get(spec)
        if running.state == "starting" and running.task is not None:
            await asyncio.wait([running.task], timeout=patience_seconds)
        if running.state == "ready" and running.engine is not None:
            return running.engine
        if running.state == "starting":
            raise EngineUnavailable(f"the engine {spec.kind} is still starting: {running.detail or 'no progress yet'}")
        raise EngineUnavailable(f"the engine {spec.kind} failed: {running.detail}")

    def hold(self, engine: Engine) -> Callable[[], None]:
        """Keep an engine for a query until the function that is returned is called, once.

        A query in a queue for capacity does not show in the engine's own count of answers.
        """
        found = next((running for running in self._running.values() if running.engine is engine), None)
        if found is None:
            return _nothing

        def let_go() -> None:
            found.holders -= 1

        found.holders += 1
        return let_go

    def keep_only(self, specs: Collection[EngineSpec]) -> None:
        """End the engines that no endpoint needs any more, once the queries that hold them have ended."""
        for spec, running in list(self._running.items()):
            is_busy = running.holders > 0 or (running.engine is not None and running.engine.stats().running > 0)
            if spec not in specs and not is_busy:
                self.drop(spec)

    def drop(self, spec: EngineSpec) -> None:
        """End an engine without waiting for its end."""
        if spec.kind != OPENAI and (failure := self.failure(spec)) is not None:
            self._failures[spec] = failure
        running = self._running.pop(spec, None)
        if running is not None:
            task = asyncio.get_running_loop().create_task(_end(running))
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    async def close(self) -> None:
        """End all engines."""
        for spec in list(self._running):
            self.drop(spec)
        await asyncio.gather(*self._closing, return_exceptions=True)

    def _may_retry(self, running: Running) -> bool:
        return asyncio.get_running_loop().time() - running.failed_at >= RETRY_SECONDS

    async def _start(self, running: Running) -> None:
        def tell(progress: str) -> None:
            if running.state == "ready":
                # The state of an engine that starts again follows from `down`.
                running.remember(running.shown[0], progress, self._clock_ms())
            else:
                running.become("starting", progress, self._clock_ms())

        try:
            running.become("starting", "", self._clock_ms())
            running.engine = await self._make(running.spec)
            await running.engine.start(tell)
            running.become("ready", running.engine.note, self._clock_ms())
        except EngineError as error:
            await self._failed(running, str(error))
            log.warning("engine %s did not start: %s", running.spec.kind, str(error))
        except Exception:
            await self._failed(running, "it could not be started; stub.log says why")
            log.exception("engine %s did not start", running.spec.kind)

    async def _failed(self, running: Running, reason: str) -> None:
        running.become("failed", reason, self._clock_ms())
        running.failed_at = asyncio.get_running_loop().time()
        if running.engine is not None:
            await running.engine.close()
            running.engine = None


def _nothing() -> None:
    """Let go of an engine that is never ended: the simulated one."""


async def _end(running: Running) -> None:
    if running.task is not None:
        running.task.cancel()
        await asyncio.wait([running.task])
    if running.engine is not None:
        try:
            await running.engine.close()
        except Exception:
            log.exception("engine %s did not end as it should", running.spec.kind)
