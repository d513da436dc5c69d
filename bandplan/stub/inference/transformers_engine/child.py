"""The child process that has the model: its start, its end, and the requests in between."""

import asyncio
import contextlib
import itertools
import os
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Mapping
from pathlib import Path
from typing import Any

from bandplan.stub.inference.errors import EngineError, EngineFailed, EngineRefused, EngineUnavailable
from bandplan.stub.inference.transformers_engine import lines

PROGRAM = Path(__file__).parent / "worker" / "__main__.py"

END_SECONDS = 2.0
"""Time for the child to end once its socket is closed; then it is killed. Freeing a GPU takes most of a second."""

POLL_SECONDS = 0.02

Tell = Callable[[str], None]

Rows = tuple[list[Any], str | None]
"""Tokens, and the reason for the end of the answer."""


class Child:
    """One process with one model. Use it from the thread that has started it: the child ends with that thread."""

    def __init__(self, python: str, environ: Mapping[str, str], ended: Callable[[str], None]) -> None:
        """`ended` is called with the reason when the process ends by itself after it was ready."""
        self._python = python
        self._environ = environ
        self._ended = ended
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Queue[Rows | EngineError]] = {}
        self._values: dict[int, asyncio.Future[Any]] = {}
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._is_closing = False

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    async def start(self, wanted: Mapping[str, Any], tell: Tell) -> dict[str, Any]:
        """Return what the child found, once it has answered one query. Raises EngineUnavailable."""
        ours, theirs = socket.socketpair()
        try:
            with theirs:
                self._process = subprocess.Popen(
                    [self._python, str(PROGRAM), str(theirs.fileno()), str(os.getpid())],
                    stdin=subprocess.DEVNULL,
                    stdout=sys.stderr.fileno(),
                    env={**self._environ, "PYTHONSAFEPATH": "1", "TOKENIZERS_PARALLELISM": "false"},
                    pass_fds=[theirs.fileno()],
                )
        except OSError as error:
            ours.close()
            raise EngineUnavailable(
                f"{self._python}: cannot be started ({error.strerror}); name the Python of an environment with torch "
                "as --engine-python"
            ) from error
        ours.setblocking(False)
        reader, self._writer = await asyncio.open_connection(sock=ours, limit=lines.LONGEST_LINE)
        self._writer.write(lines.encode("load", 0, dict(wanted)))
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                kind, _, content = lines.decode(line)
                if kind == "ready":
                    self._reading = asyncio.create_task(self._read(reader))
                    return dict(content)
                if kind == "unusable":
                    raise EngineUnavailable(content)
                tell(content)
        ended = await self._last_words()
        raise EngineUnavailable(f"{wanted['weights']}: {ended} while it loaded; stub.log may say why")

    async def ask(self, kind: str, content: Mapping[str, Any]) -> Any:
        """Return the value for a request. Raises EngineError."""
        number = next(self._numbers)
        answer = self._values[number] = asyncio.get_running_loop().create_future()
        try:
            await self._send(kind, number, content)
            return await answer
        finally:
            if self._values.pop(number, None) is not None and answer.cancelled():
                self._cancel(number)

    async def generate(self, content: Mapping[str, Any]) -> AsyncGenerator[Rows, None]:
        """Yield tokens as they come, the last with the reason for the end. Raises EngineError."""
        number = next(self._numbers)
        came = self._answers[number] = asyncio.Queue()
        has_ended = False
        try:
            await self._send("generate", number, content)
            while not has_ended:
                tokens, end, error = _joined([await came.get(), *_rest(came)])
                has_ended = end is not None or error is not None
                if tokens or end is not None:
                    yield tokens, end
                if error is not None:
                    raise error
        finally:
            del self._answers[number]
            if not has_ended:
                self._cancel(number)

    async def close(self) -> None:
        """End the process."""
        self._is_closing = True
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
        self._fail(EngineFailed("the engine transformers was ended"))
        process = self._process
        if process is None:
            return
        for _ in range(int(END_SECONDS / POLL_SECONDS)):
            if process.poll() is not None:
                return
            await asyncio.sleep(POLL_SECONDS)
        process.kill()
        process.wait()

    async def _send(self, kind: str, number: int, content: Mapping[str, Any]) -> None:
        if self._writer is None or self._writer.is_closing():
            raise EngineFailed("the engine transformers has ended")
        self._writer.write(lines.encode(kind, number, content))
        with contextlib.suppress(ConnectionError):  # the end of the child is noticed by who reads from it
            await self._writer.drain()

    def _cancel(self, number: int) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(lines.encode("cancel", number))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while line := await reader.readline():
                self._take(*lines.decode(line))
        except (ConnectionError, ValueError):
            pass
        reason = await self._last_words()
        if not self._is_closing:
            self._ended(reason)
        error = EngineFailed(f"the engine transformers failed: {reason} while it answered; stub.log may say why")
        self._fail(error)
        if self._writer is not None:
            self._writer.close()

    def _fail(self, error: EngineError) -> None:
        """End every request that waits for an answer."""
        for answer in self._answers.values():
            answer.put_nowait(error)
        for value in self._values.values():
            if not value.done():
                value.set_exception(error)

    def _take(self, kind: str, number: int, content: Any) -> None:
        match kind:
            case "tokens":
                for owner, tokens, end in content:
                    answer = self._answers.get(owner)
                    if answer is not None:
                        answer.put_nowait((tokens, end))
            case "value":
                value = self._values.get(number)
                if value is not None and not value.done():
                    value.set_result(content)
            case "error":
                self._take_error(number, _error(*content))

    def _take_error(self, number: int, error: EngineError) -> None:
        answer, value = self._answers.get(number), self._values.get(number)
        if answer is not None:
            answer.put_nowait(error)
        elif value is not None and not value.done():
            value.set_exception(error)

    async def _last_words(self) -> str:
        """Return how the process ended; kill one that closed its socket and goes on."""
        assert self._process is not None
        for _ in range(int(END_SECONDS / POLL_SECONDS)):
            if self._process.poll() is not None:
                break
            await asyncio.sleep(POLL_SECONDS)
        else:
            self._process.kill()
            self._process.wait()
        code = self._process.returncode
        return f"its process was ended by signal {-code}" if code < 0 else f"its process ended with status {code}"


def _error(kind: str, message: str) -> EngineError:
    if kind == lines.REFUSED:
        return EngineRefused(message)
    return EngineFailed(f"the engine transformers failed: {message}")


def _rest(came: "asyncio.Queue[Rows | EngineError]") -> list[Rows | EngineError]:
    return [came.get_nowait() for _ in range(came.qsize())]


def _joined(came: list[Rows | EngineError]) -> tuple[list[Any], str | None, EngineError | None]:
    """Return all tokens, the reason for the end, and the error if there is one."""
    tokens: list[Any] = []
    end = None
    for one in came:
        if isinstance(one, EngineError):
            return tokens, None, one
        tokens += one[0]
        end = one[1]
    return tokens, end, None
