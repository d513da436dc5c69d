"""The clients of a benchmark: one in this process, or several in processes of their own if one core is not enough.

Load and limits stay here, in one place. What costs CPU for each token is done by the processes; here a request costs
its prompt and one message each way.
"""

import asyncio
import time
from dataclasses import fields, replace
from typing import Final

from bandplan.bench.client import Client
from bandplan.bench.client_process import COMMAND
from bandplan.bench.frame import READY, Opening, Reply, frame, read_frame
from bandplan.bench.problem import BenchProblem
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target

MOST_PROCESSES: Final = 64
_START_SECONDS: Final = 60.0
_END_SECONDS: Final = 5.0


class Clients:
    """Ask one target through `count` clients. `notes` says what of the measuring side went wrong."""

    def __init__(self, target: Target) -> None:
        self.notes: set[str] = set()
        self.lags: list[float] = []
        self.last_error_body = b""
        self._target = target
        self._own: Client | None = None
        self._processes: list[_Process] = []
        self._began = time.perf_counter()

    @property
    def count(self) -> int:
        return max(1, len(self._processes))

    async def become(self, count: int) -> None:
        """Use `count` processes; 1 is this one alone. Call it between levels."""
        if count == 1:
            self._own = self._own or Client(self._target)
            return
        if self._own is not None:
            self._own.close()
            self._own = None
        while len(self._processes) < count:
            started = await _Process.start(self._target, self.notes, self.lags)
            started.renew(self._target.token)  # it may have been renewed meanwhile
            self._processes.append(started)

    async def open(self, connections: int, spare: int = 0) -> None:
        """Make this many connections over all clients, and keep `spare` free in each. Call it between levels."""
        if self._own is not None:
            await self._own.open(connections, spare)
        else:
            each = -(-connections // len(self._processes))
            await asyncio.gather(*(one.open(each, spare) for one in self._processes))

    def renew(self, token: Secret) -> None:
        """Send another token from the next request on."""
        self._target = replace(self._target, token=token)
        if self._own is not None:
            self._own.renew(token)
        for one in self._processes:
            one.renew(token)

    def begin_level(self) -> None:
        """Measure CPU and lags from now on."""
        self.lags.clear()
        self._began = time.perf_counter()
        for one in self._processes:
            one.cpu_before = one.cpu_seconds

    @property
    def busiest(self) -> float:
        """The share of a core that the busiest process of its own has used in this level."""
        seconds = max(1e-9, time.perf_counter() - self._began)
        return max([0.0, *((one.cpu_seconds - one.cpu_before) / seconds for one in self._processes)])

    async def ask(self, sample: Sample, prompt: str) -> Sample:
        """Send one request through the least busy client, and return its sample, filled."""
        if self._own is not None:
            await self._own.ask(sample, prompt)
            self.notes |= self._own.notes
            self.last_error_body = self._own.last_error_body
            return sample
        process = min(self._processes, key=lambda one: one.in_flight)
        await process.ask(sample, prompt)
        self.last_error_body = process.last_error_body or self.last_error_body
        return sample

    async def close(self) -> None:
        if self._own is not None:
            self._own.close()
        await asyncio.gather(*(one.close() for one in self._processes))
        self._processes.clear()


class _Process:
    """One client process and the requests it has under way."""

    def __init__(self, child: asyncio.subprocess.Process, notes: set[str], lags: list[float]) -> None:
        assert child.stdin is not None and child.stdout is not None
        self._child, self._input, self._output = child, child.stdin, child.stdout
        self._notes, self._lags = notes, lags
        self._asked: dict[int, tuple[Sample, asyncio.Future[None]]] = {}
        self._is_gone = False
        self.cpu_seconds = self.cpu_before = 0.0
        self.last_error_body = b""
        self._reading: asyncio.Task[None] | None = None
        self._is_open = asyncio.Event()

    @classmethod
    async def start(cls, target: Target, notes: set[str], lags: list[float]) -> "_Process":
        """Return once the process takes requests, so that none waits for it. Errors: BenchProblem."""
        pipe = asyncio.subprocess.PIPE
        child = await asyncio.create_subprocess_exec(*COMMAND, stdin=pipe, stdout=pipe)
        process = cls(child, notes, lags)
        process._input.write(frame(target))  # with its token, which is on no command line
        try:
            is_ready = await asyncio.wait_for(read_frame(process._output), _START_SECONDS) == READY
        except TimeoutError:
            is_ready = False
        if not is_ready:
            await process.close()
            raise BenchProblem("a client process did not start; see what it printed, or run with --processes 1")
        process._reading = asyncio.create_task(process._read())
        return process

    @property
    def in_flight(self) -> float:
        """The number of requests under way; infinite once the process has ended, so that any other one is asked."""
        return float("inf") if self._is_gone else len(self._asked)

    async def ask(self, sample: Sample, prompt: str) -> Sample:
        if self._is_gone:
            self._lose(sample)
            return sample
        ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._asked[sample.number] = (sample, ended)
        self._input.write(frame((sample, prompt)))
        try:
            await ended
        finally:
            self._asked.pop(sample.number, None)
        return sample

    async def open(self, connections: int, spare: int) -> None:
        self._is_open.clear()
        if not self._is_gone:
            self._input.write(frame(Opening(connections, spare)))
            await self._is_open.wait()

    def renew(self, token: Secret) -> None:
        if not self._is_gone:
            self._input.write(frame(token))

    async def close(self) -> None:
        self._input.close()
        try:
            await asyncio.wait_for(self._child.wait(), _END_SECONDS)
        except TimeoutError:
            self._child.kill()
            await self._child.wait()
        if self._reading is not None:
            await self._reading

    async def _read(self) -> None:
        try:
            while (reply := await read_frame(self._output)) is not None:
                if reply == READY:
                    self._is_open.set()
                else:
                    self._take(reply)
        finally:
            self._is_gone = True
            self._is_open.set()
            for sample, ended in self._asked.values():
                self._lose(sample)
                if not ended.done():
                    ended.set_result(None)

    def _take(self, reply: Reply) -> None:
        self._notes |= reply.notes
        self._lags += reply.lags
        self.cpu_seconds = reply.cpu_seconds
        self.last_error_body = reply.error_body
        sample, ended = self._asked.get(reply.sample.number, (None, None))
        if sample is None or ended is None:
            return
        for field in fields(Sample):
            setattr(sample, field.name, getattr(reply.sample, field.name))
        if not ended.done():
            ended.set_result(None)

    def _lose(self, sample: Sample) -> None:
        self._notes.add("a client process ended by itself")
        now = time.perf_counter_ns()
        sample.sent, sample.ended = sample.sent or now, now
        sample.fault = sample.fault or "the client process ended"
