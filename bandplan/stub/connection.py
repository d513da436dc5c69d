"""The connections of the server: uvicorn's own protocol, with a bound on what a client may leave unfinished.

uvicorn waits indefinitely for the end of a request's head or body, and httptools accepts a head of any size. Here a
connection is closed when its head is too large, or when it stays silent in the middle of a request.
"""

import asyncio
import weakref
from collections import deque
from collections.abc import Callable
from typing import Any, cast

from starlette.types import Scope
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from bandplan.stub.api.connections import ARRIVED_AT, CONNECTION, Address, Connections
from bandplan.stub.reads import Reads
from bandplan.stub.transport import Chunks, JoiningTransport

MAX_HEAD_BYTES = 64 * 1024
HEAD_SECONDS = 20.0
BODY_SECONDS = 60.0
FIRST_REQUEST_SECONDS = 75.0
CHECK_SECONDS = 5.0
"""Arbitrary bounds: real clients send a head in one packet, and none pauses for a minute inside a body. A pause counts
only while the server is reading.
"""

MOST_UNREAD_BYTES = 64 * 1024
"""How much a connection may hold before its turn and go on reading; arbitrary."""

TOO_LARGE = (
    b"HTTP/1.1 400 Bad Request\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n%s"
)
TOO_LARGE_BODY = b'{"error_code":"BAD_REQUEST","message":"The head of the request is too large."}'


class Connection(asyncio.Protocol):
    """One connection; uvicorn creates it with `config`, `server_state`, `app_state` and `_loop`."""

    def __init__(self, connections: Connections, reads: Reads, **settings: Any) -> None:
        self._connections = connections
        self._reads = reads
        self._unread: deque[tuple[float, bytes]] = deque()
        """What was read and waits for its turn, each with the moment when it had arrived."""
        self._holds_reading = False
        self._is_lost = False
        self._told: list[Callable[[], None]] = []
        """Whom to tell that the client has left."""
        self._reference = weakref.ref(self)
        self._http: Any = AutoHTTPProtocol(**settings)
        self._loop = asyncio.get_running_loop()
        self._client: Address = ("", 0)
        self._made_at = self._last_data_at = self._loop.time()
        self._head_started_at: float | None = None
        self._head_bytes = 0
        self._check: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport = JoiningTransport(cast(asyncio.Transport, transport), self._loop)
        peer = transport.get_extra_info("peername")
        if peer:
            self._client = (peer[0], peer[1])
            self._connections.add(self._client, transport)
        self._http.connection_made(transport)
        self._check = self._loop.call_later(CHECK_SECONDS, self._close_when_stuck)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._check is not None:
            self._check.cancel()
        self._connections.remove(self._client)
        self._hand_on_all()
        self._http.connection_lost(exc)
        self._is_lost = True
        for tell in list(self._told):
            tell()

    def data_received(self, data: bytes) -> None:
        self._last_data_at = self._reads.moment
        self._unread.append((self._last_data_at, data))
        self._reads.add(self)
        if not self._holds_reading and sum(len(data) for _, data in self._unread) > MOST_UNREAD_BYTES:
            self._holds_reading = True
            self._transport.pause_reading()

    def hand_on(self) -> bool:
        """Hand the next read to uvicorn, which starts the request that it completes; return whether there was one."""
        if not self._unread:
            return False
        moment, data = self._unread.popleft()
        self._hand_on(data, moment)
        if self._holds_reading and not self._unread:
            self._holds_reading = False
            if not self._http.flow.read_paused:
                self._transport.resume_reading()
        return True

    def _hand_on_all(self) -> None:
        while self.hand_on():
            pass

    def _hand_on(self, data: bytes, moment: float) -> None:
        before = self._http.cycle
        # uvicorn copies this into the scope of a request that begins here. The request may have to wait for its turn.
        self._http.app_state.update({ARRIVED_AT: moment, CONNECTION: self._reference})
        self._http.data_received(data)
        if self._http.cycle is not before or not self._is_in_head():
            self._head_started_at, self._head_bytes = None, 0
            return
        self._head_started_at = self._head_started_at or self._last_data_at
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES and not self._transport.is_closing():
            self._transport.write(TOO_LARGE % (len(TOO_LARGE_BODY), TOO_LARGE_BODY))
            self._transport.close()

    def hold_head(self, scope: Scope) -> None:
        """Keep the head of the answer to a request until the first part of its body, to write both together."""
        if self._is_of(scope):
            self._transport.hold()

    def chunk_writer(self, scope: Scope) -> Chunks | None:
        """Return a writer for the rest of the answer to a request, or None if it has not begun, or is not in chunks."""
        cycle = self._http.cycle
        # h11, which uvicorn uses if httptools is not installed, counts the bytes of the body itself.
        is_in_chunks = self._is_of(scope) and getattr(cycle, "chunked_encoding", None)
        is_begun = is_in_chunks and cycle.response_started and not cycle.response_complete
        return Chunks(cycle, self._transport) if is_begun else None

    def _is_of(self, scope: Scope) -> bool:
        """Whether the cycle at hand is that of a request: it is not if a later request waits on the same connection."""
        cycle = self._http.cycle
        return cycle is not None and cycle.scope.get("state") is scope.get("state")

    def when_lost(self, tell: Callable[[], None]) -> Callable[[], None]:
        """Have `tell` called once when the client has left, until the function that is returned is called."""
        if self._is_lost:
            return self._loop.call_soon(tell).cancel
        # A client that sent requests ahead is not read until the first is answered: its end would not be seen.
        self._http.flow.resume_reading()
        self._told.append(tell)
        return lambda: self._told.remove(tell)

    def eof_received(self) -> None:
        self._hand_on_all()
        self._http.eof_received()

    def pause_writing(self) -> None:
        self._http.pause_writing()

    def resume_writing(self) -> None:
        self._http.resume_writing()

    def _is_in_head(self) -> bool:
        # After an answer, the rest of an unread body may still arrive; a head begins with a new scope.
        cycle = self._http.cycle
        return cycle is None or (cycle.response_complete and self._http.scope is not cycle.scope)

    def _close_when_stuck(self) -> None:
        now, cycle = self._loop.time(), self._http.cycle
        if self._head_started_at is not None:
            is_stuck = now - self._head_started_at > HEAD_SECONDS
        elif cycle is None:
            is_stuck = now - self._made_at > FIRST_REQUEST_SECONDS
        else:
            is_reading = cycle.more_body and not cycle.response_complete and not self._http.flow.read_paused
            is_stuck = is_reading and now - self._last_data_at > BODY_SECONDS
        if is_stuck:
            self._transport.abort()
        else:
            self._check = self._loop.call_later(CHECK_SECONDS, self._close_when_stuck)
