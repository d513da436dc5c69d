"""The open connections of the workspace, kept so that one can be closed on purpose."""

import asyncio
import socket
import struct

from starlette.requests import Request

Address = tuple[str, int]

ARRIVED_AT = "arrived_at"
"""Key in the state of a request: when its first bytes arrived, on the event loop's clock."""


def arrived_at(request: Request) -> float | None:
    """Return when the first bytes of a request arrived, on the event loop's clock; None outside of the server."""
    moment: float | None = request.scope.get("state", {}).get(ARRIVED_AT)
    return moment


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
