"""The body of a streamed answer on its way to the client."""

import asyncio
from collections.abc import Sequence
from typing import Protocol

from starlette.types import Scope, Send

from bandplan.stub.api.connections import ChunkWriter, chunk_writer, hold_head
from bandplan.stub.inference.engine import Token


class Events(Protocol):
    """The events of one streamed answer: each method returns whole events, or nothing."""

    def first(self) -> bytes:
        """Return the events to send at once, before there is any token."""
        ...

    def part(self, at: int, tokens: Sequence[Token]) -> bytes:
        """Return the events for tokens of the choice at this position, or for its end if there are none."""
        ...

    def last(self) -> bytes:
        """Return the events after the end of all choices."""
        ...


class StreamBody:
    """The parts of one streamed answer, in order; an outlet for tokens, which it sends as events.

    The head and the last part go through the application's middleware, which sees the status, may keep the answer, and
    learns of its end. No middleware looks at what is between, so that goes from the event loop's turn directly to the
    connection, if the connection has begun this answer: a third of what a token costs otherwise.

    `limited` is a time limit that the first tokens meet.
    """

    __slots__ = ("_draining", "_events", "_headers", "_kept", "_scope", "_send", "_writer", "has_begun", "limited")

    def __init__(self, events: Events, scope: Scope, send: Send, headers: Sequence[tuple[bytes, bytes]]) -> None:
        self._events = events
        self._scope = scope
        self._send = send
        self._headers = headers
        self._kept: list[bytes] = []
        self._writer: ChunkWriter | None = None
        self._draining = asyncio.Lock()
        self.limited: asyncio.Timeout | None = None
        self.has_begun = False
        """Whether the head has been sent, so that the status is fixed."""

    def give(self, at: int, tokens: Sequence[Token]) -> bool:
        if self.limited is not None:
            self._meet_limit()
        part = self._events.part(at, tokens)
        return self.write(part) if self._writer is None else self._writer.write(part)

    def write(self, part: bytes) -> bool:
        """Send a part, or keep it for `drained` and `end`; return whether to wait for `drained` before the next."""
        if self._writer is not None:
            return self._writer.write(part)
        if part:
            self._kept.append(part)
        return bool(self._kept)

    async def drained(self) -> None:
        """Return once what was written has been handed to the client's connection, and it takes more."""
        if self._writer is not None:
            await self._writer.drained()
            return
        async with self._draining:  # the choices of one answer write to the same body
            await self._begin()
            while self._kept:
                await self._send({"type": "http.response.body", "body": self._take(), "more_body": True})

    async def expect(self, due: float) -> None:
        """Have the head pass through the middleware now, and wait at the connection for the first tokens.

        Hundreds of streams may be due together. Their heads would make the last of them late.
        """
        deadline = None if self.limited is None else self.limited.when()
        if self.has_begun or self._draining.locked() or (deadline is not None and deadline <= due):
            return
        self._meet_limit()
        async with self._draining:
            hold_head(self._scope)
            await self._begin()

    async def end(self, last: bytes) -> None:
        """Send the last part."""
        await self._begin()
        await self._send({"type": "http.response.body", "body": self._take() + last, "more_body": False})

    def _meet_limit(self) -> None:
        if self.limited is not None:
            self.limited.reschedule(None)
            self.limited = None

    async def _begin(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            await self._send({"type": "http.response.start", "status": 200, "headers": self._headers})
            if (writer := chunk_writer(self._scope)) is not None:
                if self._kept:
                    writer.write(self._take())
                self._writer = writer

    def _take(self) -> bytes:
        parts, self._kept = b"".join(self._kept), []
        return parts
