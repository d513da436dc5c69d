"""One connection of HTTP/1.1, kept alive: sends a request, stamps what comes back before it is parsed.

A protocol of its own and not a general client: with 256 streams at 40 tokens/s a client has 100 us for each token, and
its own delays are what it measures.
"""

import asyncio
from time import perf_counter_ns
from typing import Protocol

import httptools

from bandplan.bench.sample import Sample


class Answer(Protocol):
    def feed(self, data: bytes, now: int) -> None: ...
    def end(self, now: int) -> None: ...


class Connection(asyncio.Protocol):
    """`is_free` says whether another request may be sent on it.

    `was_stale` says whether the last request found it closed, before any of its answer came.
    """

    def __init__(self) -> None:
        self._transport: asyncio.Transport | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._sample: Sample | None = None
        self._answer: Answer | None = None
        self._finished: asyncio.Future[None] | None = None
        self._now = 0
        self.is_free = False
        self.error_body = b""
        self.was_stale = False

    async def exchange(self, request: bytes, sample: Sample, answer: Answer) -> None:
        """Send one request and fill its sample until the answer has ended. Every failure is in `sample.fault`."""
        assert self._transport is not None
        self.is_free = self.was_stale = False
        self._sample, self._answer, self.error_body = sample, answer, b""
        self._parser = httptools.HttpResponseParser(self)
        self._finished = asyncio.get_running_loop().create_future()
        sample.sent = perf_counter_ns()
        self._transport.write(request)
        await self._finished

    def close(self) -> None:
        """Close it; a request under way stays as it is, unfinished or with the fault it has."""
        self.is_free = False
        self._sample = None
        if self._transport is not None:
            self._transport.close()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.is_free = True

    def data_received(self, data: bytes) -> None:
        self._now = perf_counter_ns()
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._end("the answer is not HTTP/1.1")
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_free = False
        self._now = perf_counter_ns()
        sample = self._sample
        if sample is None:
            return
        if sample.status == 0:
            self.was_stale = True
            self._end("the connection ended before an answer began")
        else:
            self._end("the connection ended in the middle of the answer")

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"retry-after" and self._sample is not None:
            self._sample.retry_after = True

    def on_headers_complete(self) -> None:
        if self._sample is not None:
            self._sample.status = self._parser.get_status_code()
            if self._sample.status != 200:
                self._sample.fault = f"answered {self._sample.status}"

    def on_body(self, body: bytes) -> None:
        sample = self._sample
        if sample is None or self._answer is None:
            return
        if sample.status == 200:
            self._answer.feed(body, self._now)
        elif len(self.error_body) < 4096:
            self.error_body += body

    def on_message_complete(self) -> None:
        sample = self._sample
        if sample is None or sample.status < 200:
            return
        if sample.status == 200 and self._answer is not None:
            self._answer.end(self._now)
        keeps = bool(self._parser.should_keep_alive())
        self._end("")
        if keeps:
            self.is_free = True
        else:
            self.close()

    def _end(self, fault: str) -> None:
        sample, self._sample = self._sample, None
        if sample is None:
            return
        sample.ended = self._now
        sample.fault = sample.fault or fault
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(None)
