"""The open connections of the workspace, kept so that one can be closed on purpose."""

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Any, Protocol

from starlette.requests import Request
from starlette.types import Scope

Address = tuple[str, int]

ARRIVED_AT = "arrived_at"
"""Key in the state of a request: when its first bytes arrived, on the event loop's clock."""


def arrived_at(request: Request) -> float | None:
    """Return when the first bytes of a request arrived, on the event loop's clock; None outside of the server."""
    moment: float | None = request.scope.get("state", {}).get(ARRIVED_AT)
    return moment


CONNECTION = "connection"
"""Key in the state of a request: a weak reference to the connection that it came by."""


class ChunkWriter(Protocol):
    """What writes chunks of a body directly to the connection of a request."""

    def write(self, data: bytes) -> bool:
        """Write one chunk, or nothing if the client has left; return whether the client reads more slowly than that."""
        ...

    async def drained(self) -> None: ...


def chunk_writer(scope: Scope) -> ChunkWriter | None:
    """Return the writer for the rest of an answer, or None if the connection has not begun it.

    It has not, outside of the server, or if a middleware keeps the answer.
    """
    connection = _connection(scope)
    found: ChunkWriter | None = None if connection is None else connection.chunk_writer(scope)
    return found


def hold_head(scope: Scope) -> None:
    """Have the connection keep the head of the answer to a request until the first part of its body."""
    if (connection := _connection(scope)) is not None:
        connection.hold_head(scope)


def when_lost(scope: Scope, tell: Callable[[], None]) -> Callable[[], None] | None:
    """Have `tell` called once when the connection of a request is lost, until the function that is returned is called.

    None outside of the server, where nothing can be known.
    """
    connection = _connection(scope)
    ends: Callable[[], None] | None = None if connection is None else connection.when_lost(tell)
    return ends


def _connection(scope: Scope) -> Any:
    reference = scope.get("state", {}).get(CONNECTION)
    return None if reference is None else reference()


class Connections:
    """Connections by client address; a connection that is not open is ignored."""

    def __init__(self) -> None:
        self._transports: dict[Address, asyncio.Transport] = {}

    def add(self, client: Address, transport: asyncio.Transport) -> None:
        self._transports[client] = transport

    def remove(self, client: Address) -> None:
        self._transports.pop(client, None)

    def close(self, client: Address) -> None:
        """Close a connection after everything written to it has been sent."""
        if transport := self._transports.get(client):
            transport.close()

    def cut(self, client: Address) -> None:
        """Reset a connection, as a broken network does; unsent data is lost."""
        if transport := self._transports.get(client):
            opened: socket.socket = transport.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
