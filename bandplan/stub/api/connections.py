"""The open connections of the workspace, so that one can be ended on purpose."""

import asyncio
import socket
import struct

Address = tuple[str, int]

ARRIVED_AT = "arrived_at"
"""In the state of a request: when its first bytes came, on the event loop's clock."""


class Connections:
    """Connections by the client's address; one that is not open is passed over."""

    def __init__(self) -> None:
        self._transports: dict[Address, asyncio.Transport] = {}

    def add(self, client: Address, transport: asyncio.Transport) -> None:
        self._transports[client] = transport

    def remove(self, client: Address) -> None:
        self._transports.pop(client, None)

    def close(self, client: Address) -> None:
        """End a connection after what was sent has left."""
        if transport := self._transports.get(client):
            transport.close()

    def cut(self, client: Address) -> None:
        """End a connection as a broken network does, with a reset; what waits to be sent is lost."""
        if transport := self._transports.get(client):
            opened: socket.socket = transport.get_extra_info("socket")
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
