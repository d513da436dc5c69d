"""How answers are written to a connection: what comes together in one write, and the chunks of a stream."""

import asyncio
from collections.abc import Callable
from typing import Any

MOST_JOINED_BYTES = 64 * 1024
"""How much is joined into one write before it is written, so that a client that reads slowly is noticed; arbitrary."""


class JoiningTransport(asyncio.Transport):
    """A transport that joins what is written in one turn of the event loop, such as the head and the body of an answer.

    Each write is a call of the system, a packet, and a client that wakes up for it.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._kept: list[bytes] = []
        self._size = 0
        self._is_held = False
        self._is_flush_due = False
        self.is_closing = transport.is_closing  # type: ignore[method-assign]
        self.get_extra_info = transport.get_extra_info  # type: ignore[method-assign]
        self.pause_reading = transport.pause_reading  # type: ignore[method-assign]
        self.resume_reading = transport.resume_reading  # type: ignore[method-assign]

    def hold(self) -> None:
        """Keep what is written next until more is written, or the transport is closed."""
        self._is_held = True

    def write(self, data: Any) -> None:
        if self._is_held:
            self._is_held = False
        elif not self._is_flush_due:
            self._is_flush_due = True
            self._loop.call_soon(self._flush)
        self._kept.append(data)
        self._size += len(data)
        if self._size > MOST_JOINED_BYTES:
            self._flush()

    def write_at_once(self, data: bytes) -> asyncio.Transport:
        """Write all that came before, and `data`; return the transport itself."""
        self._kept.append(data)
        self._flush()
        return self._transport

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._kept = []
        self._transport.abort()

    def _flush(self) -> None:
        self._is_flush_due = False
        if self._kept:
            data, self._kept, self._size = b"".join(self._kept), [], 0
            self._transport.write(data)


class Chunks:
    """The rest of an answer that uvicorn has begun, in the chunks of HTTP/1.1, each written at once.

    The first one goes out together with the head, if that has not been written yet.
    """

    __slots__ = ("_flow", "_is_closing", "_joining", "_write")

    def __init__(self, cycle: Any, transport: JoiningTransport) -> None:
        self._joining = transport
        self._is_closing = transport.is_closing
        self._write: Callable[[bytes], None] | None = None
        self._flow = cycle.flow

    def write(self, data: bytes) -> bool:
        if data and not self._is_closing():
            chunk = b"%x\r\n%b\r\n" % (len(data), data)
            if self._write is not None:
                self._write(chunk)
            else:
                self._write = self._joining.write_at_once(chunk).write
        return bool(self._flow.write_paused)

    async def drained(self) -> None:
        await self._flow.drain()
