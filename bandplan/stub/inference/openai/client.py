"""Ask a server: streams of generations, whole answers, and refusals as errors of the engine."""

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from bandplan.stub.inference.errors import EngineError, EngineFailed
from bandplan.stub.inference.openai.answers import Piece, failure_of, read_chunk
from bandplan.stub.inference.openai.connection import Response, Server, exchange

OK = 200

DONE = "[DONE]"

MOST_LINE_BYTES = 16 * 1024 * 1024
"""Maximum length of one line; an arbitrary bound on memory."""


class Events:
    """Server-sent events, read from bytes as they come: `data:` lines alone, as others carry nothing needed here."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """Return the data of the events that are complete. Raises ValueError if a line is too long."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > MOST_LINE_BYTES:
            raise ValueError("a line is too long")
        return [
            line.removeprefix(b"data:").strip().decode("utf-8", "replace")
            for line in lines
            if line.startswith(b"data:")
        ]


class Client:
    """A client of one server; `key` is what its messages must never repeat."""

    def __init__(self, server: Server, key: str | None = None) -> None:
        self.server = server
        self._key = key

    async def get(self, path: str) -> Any:
        """Return the JSON at a path of the server itself. Raises EngineError."""
        async with exchange(self.server, "GET", path) as response:
            await self._require_ok(response)
            return await response.json()

    async def is_ok(self, path: str) -> bool:
        """Whether a path of the server itself answers 200."""
        try:
            async with exchange(self.server, "GET", path) as response:
                return response.status == OK
        except EngineError:
            return False

    async def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON that a path of the server itself answers. Raises EngineError."""
        async with exchange(self.server, "POST", path, body) as response:
            await self._require_ok(response)
            return await response.json()

    async def stream(self, path: str, body: Mapping[str, Any]) -> AsyncGenerator[Piece, None]:
        """Yield the pieces of a generation until the server has ended it. Raises EngineError.

        Closing the generator ends the connection, and with it the generation.
        """
        place, events, is_ended = self.server.url, Events(), False
        async with exchange(self.server, "POST", self.server.base + path, body) as response:
            await self._require_ok(response)
            async with aclosing(response.body()) as parts:
                async for part in parts:
                    for data in _fed(events, part, place):
                        if data == DONE:
                            return
                        piece = read_chunk(data, place, self._key)
                        is_ended = is_ended or piece.finish_reason is not None
                        yield piece
        if not is_ended:
            raise EngineFailed(f"{place} ended its answer early")

    async def _require_ok(self, response: Response) -> None:
        if response.status != OK:
            body = await response.read()
            raise failure_of(response.status, response.headers, body, self.server.url, self._key)


def _fed(events: Events, data: bytes, place: str) -> list[str]:
    try:
        return events.feed(data)
    except ValueError as error:
        raise EngineFailed(f"{place} sent an event that is too long") from error
