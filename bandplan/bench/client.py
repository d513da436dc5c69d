"""Send many requests to one target over connections that are made when needed and kept."""

import asyncio
import ssl
from dataclasses import replace
from time import perf_counter_ns
from typing import Final

from bandplan.bench.answer import StreamedAnswer, WholeAnswer
from bandplan.bench.connection import Connection
from bandplan.bench.sample import Sample
from bandplan.bench.target import Secret, Target

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 300.0
"""The platform itself gives up after 297 s."""

_AT_ONCE: Final = 16
"""Connections made at the same time before a level, and kept free if the server closes them after use.

Arbitrary: few enough for any server's queue of new ones.
"""


class Client:
    """A client of one target. `notes` says what went wrong on the measuring side, such as a limit on open files."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.notes: set[str] = set()
        self.last_error_body = b""
        self._free: list[Connection] = []
        self._all: set[Connection] = set()
        self._spare = 0
        self._making: set[asyncio.Task[bool]] = set()
        self._tls = ssl.create_default_context() if target.scheme == "https" else None

    async def open(self, connections: int, spare: int = 0) -> None:
        """Make connections until this many are free, so that no request has to wait for one.

        From then on another one is made whenever fewer than `spare` are left. One that cannot be made is not a failure
        yet.
        """
        self._spare = spare
        self._all.difference_update(one for one in self._free if not one.is_free)
        self._free = [one for one in self._free if one.is_free]
        while (missing := connections - len(self._free)) > 0:
            made = await asyncio.gather(*(self._make_free() for _ in range(min(missing, _AT_ONCE))))
            if not all(made):
                return

    async def ask(self, sample: Sample, prompt: str) -> Sample:
        """Send one request and return its sample, filled; a failure is recorded in it; only cancellation is raised."""
        request = self.target.request(prompt, sample.asked_output)
        answer = StreamedAnswer(sample) if self.target.streamed else WholeAnswer(sample)
        connection = self._take()
        try:
            is_new = connection is None
            connection = connection or await self._new_connection()
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.exchange(request, sample, answer)
                if connection.was_stale and not is_new:
                    # The server closed it while nobody used it: nothing was asked yet.
                    connection.close()
                    self._all.discard(connection)
                    connection = None
                    connection = await self._new_connection()
                    await connection.exchange(request, _anew(sample), answer)
        except TimeoutError:
            lacking = f"connection within {CONNECT_SECONDS:.0f} s"
            if connection is not None:
                lacking = f"complete answer within {ANSWER_SECONDS:.0f} s"
            self._failed(sample, f"no {lacking}")
        except OSError as error:
            if error.errno in (23, 24):  # ENFILE, EMFILE
                self.notes.add("the limit on open files was reached (raise it: ulimit -n)")
            self._failed(sample, f"no connection: {error.strerror or type(error).__name__}")
        finally:
            if connection is not None:
                if sample.status != 200:
                    self.last_error_body = connection.error_body
                if connection.is_free:
                    self._free.append(connection)
                else:
                    connection.close()
                    self._all.discard(connection)
                    # A server that closes after each answer would make the next request wait for a connection.
                    self._spare = max(self._spare, _AT_ONCE)
        return sample

    def renew(self, token: Secret) -> None:
        """Send another token from the next request on."""
        self.target = replace(self.target, token=token)

    def close(self) -> None:
        for task in self._making:
            task.cancel()
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._free.clear()

    def _take(self) -> Connection | None:
        """Return a free connection, or None if another one is needed."""
        taken = None
        while self._free and taken is None:
            connection = self._free.pop()
            if connection.is_free:
                taken = connection
            else:
                self._all.discard(connection)
        for _ in range(self._spare - len(self._free) - len(self._making)):
            task = asyncio.create_task(self._make_free())
            self._making.add(task)
            task.add_done_callback(self._making.discard)
        return taken

    async def _make_free(self) -> bool:
        """Make a connection for later, and report whether it could be made: the request that needs it tells why not."""
        try:
            self._free.append(await self._new_connection())
        except OSError:
            return False
        return True

    async def _new_connection(self) -> Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(Connection, self.target.host, self.target.port, ssl=self._tls)
        self._all.add(connection)
        return connection

    @staticmethod
    def _failed(sample: Sample, fault: str) -> None:
        now = perf_counter_ns()
        sample.sent = sample.sent or now
        sample.ended = sample.ended or now
        sample.fault = sample.fault or fault


def _anew(sample: Sample) -> Sample:
    """Return the sample as it was before it was sent."""
    sample.ended, sample.fault, sample.status = None, "", 0
    return sample
