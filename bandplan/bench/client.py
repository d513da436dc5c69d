"""Send many requests to one target over connections that are made when needed and kept."""

import asyncio
import ssl
from time import perf_counter_ns
from typing import Final

from bandplan.bench.answer import StreamedAnswer, WholeAnswer
from bandplan.bench.connection import Connection
from bandplan.bench.sample import Sample
from bandplan.bench.target import Target

CONNECT_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 300.0
"""The platform itself gives up after 297 s."""


class Client:
    """A client of one target. `notes` says what went wrong on the measuring side, such as a limit on open files."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.notes: set[str] = set()
        self.last_error_body = b""
        self._free: list[Connection] = []
        self._all: set[Connection] = set()
        self._tls = ssl.create_default_context() if target.scheme == "https" else None

    async def ask(self, sample: Sample, prompt: str) -> Sample:
        """Send one request and return its sample, filled; a failure is recorded in it; only cancellation is raised."""
        request = self.target.request(prompt, sample.asked_output)
        answer = StreamedAnswer(sample) if self.target.streamed else WholeAnswer(sample)
        connection = None
        try:
            connection = await self._connection()
            async with asyncio.timeout(ANSWER_SECONDS):
                await connection.exchange(request, sample, answer)
                if connection.was_stale:
                    # The server closed it while nobody used it: nothing was asked yet.
                    connection.close()
                    self._all.discard(connection)
                    connection = await self._new_connection()
                    await connection.exchange(request, _anew(sample), answer)
        except TimeoutError:
            self._failed(sample, f"no complete answer within {ANSWER_SECONDS:.0f} s")
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
        return sample

    def close(self) -> None:
        for connection in self._all:
            connection.close()
        self._all.clear()
        self._free.clear()

    async def _connection(self) -> Connection:
        while self._free:
            connection = self._free.pop()
            if connection.is_free:
                return connection
            self._all.discard(connection)
        return await self._new_connection()

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
