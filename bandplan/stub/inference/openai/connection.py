"""One HTTP request to a server and its answer, on a connection of its own.

A connection per request needs no rule for connections that the server closed meanwhile, and is closed to abandon an
answer. On this machine it costs 0.1 ms; to another host a TLS handshake.
"""

import asyncio
import contextlib
import functools
import json
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import httptools

from bandplan.stub.inference.errors import EngineFailed, EngineUnavailable

CONNECT_SECONDS = 10.0

SILENCE_SECONDS = 300.0
"""Time without a byte after which an answer is given up: a little more than the platform waits for one (297 s)."""

MOST_ANSWER_BYTES = 64 * 1024 * 1024
"""Maximum size of an answer that is read as a whole: 150 vectors of 4,096 numbers are 13 MB. Arbitrary."""

MOST_HEAD_BYTES = 256 * 1024
"""Maximum size of the head of an answer, with the interim answers before it. Arbitrary."""

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Server:
    """A server; `base` is the path of its API, `headers` go with every request. The repr does not show them."""

    url: str
    host: str
    port: int
    is_tls: bool
    base: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


def server_of(url: str, key: str | None = None) -> Server:
    """Return the server of a URL; without a path its API is at /v1, where all known servers have it."""
    parts = urlsplit(url)
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return Server(
        url=url,
        host=parts.hostname or "",
        port=parts.port or DEFAULT_PORTS[parts.scheme],
        is_tls=parts.scheme == "https",
        base=parts.path.rstrip("/") or "/v1",
        headers=headers,
    )


class Response:
    """The answer to one request; `status` and `headers` (names in lower case) are known, the body is still to come."""

    def __init__(self, server: Server, reader: asyncio.StreamReader) -> None:
        self._server = server
        self._reader = reader
        self._parser = httptools.HttpResponseParser(self)
        self._came: list[bytes] = []
        self._is_head_complete = self._is_complete = False
        self._head_bytes = 0
        self.status = 0
        self.headers: dict[str, str] = {}

    async def body(self) -> AsyncGenerator[bytes, None]:
        """Yield the body as it comes. Raises EngineFailed if it ends early."""
        while True:
            came, self._came = self._came, []
            for data in came:
                yield data
            if self._is_complete:
                return
            await self._feed()

    async def read(self) -> bytes:
        """Return the whole body. Raises EngineFailed."""
        made = bytearray()
        async for data in self.body():
            made += data
            if len(made) > MOST_ANSWER_BYTES:
                raise EngineFailed(f"{self._server.url} sent more than {MOST_ANSWER_BYTES:,} bytes")
        return bytes(made)

    async def json(self) -> Any:
        """Return the body as JSON. Raises EngineFailed."""
        try:
            return json.loads(await self.read())
        except (ValueError, RecursionError) as error:
            raise EngineFailed(f"{self._server.url} sent an answer that is not JSON") from error

    async def read_head(self) -> None:
        """Return once the status and the headers have come."""
        while not self._is_head_complete:
            if self._head_bytes > MOST_HEAD_BYTES:
                raise EngineFailed(f"{self._server.url} sent a head of more than {MOST_HEAD_BYTES:,} bytes")
            self._head_bytes += await self._feed()

    async def _feed(self) -> int:
        """Take what comes next; return how many bytes that was."""
        try:
            data = await asyncio.wait_for(self._reader.read(65536), SILENCE_SECONDS)
        except TimeoutError as error:
            raise EngineFailed(f"{self._server.url} sent nothing for {SILENCE_SECONDS:g} s") from error
        except OSError as error:
            raise EngineFailed(f"{self._server.url} broke the connection") from error
        try:
            if data:
                self._parser.feed_data(data)
                return len(data)
        except httptools.HttpParserError as error:
            raise EngineFailed(f"{self._server.url} sent an answer that is not HTTP/1.1") from error
        # A body without a length ends with the connection.
        if not self._is_head_complete or self.headers.keys() & {"content-length", "transfer-encoding"}:
            raise EngineFailed(f"{self._server.url} ended its answer early")
        self._is_complete = True
        return 0

    # What the parser calls.

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self.status = self._parser.get_status_code()
        self._is_head_complete = self.status >= 200
        if not self._is_head_complete:
            self.headers = {}

    def on_body(self, data: bytes) -> None:
        self._came.append(data)

    def on_message_complete(self) -> None:
        self._is_complete = self._is_head_complete


@asynccontextmanager
async def exchange(
    server: Server, method: str, path: str, body: Mapping[str, Any] | None = None
) -> AsyncIterator[Response]:
    """Send a request and provide its answer; leaving the block ends the connection.

    Raises EngineUnavailable if the server cannot be reached, and EngineFailed.
    """
    secured = _trust() if server.is_tls else None
    try:
        opening = asyncio.open_connection(server.host, server.port, ssl=secured)
        reader, writer = await asyncio.wait_for(opening, CONNECT_SECONDS)
    except TimeoutError as error:
        raise EngineUnavailable(f"{server.url} did not accept a connection within {CONNECT_SECONDS:g} s") from error
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise EngineUnavailable(
            f"{server.url} cannot be reached ({reason}); start the server, or correct url"
        ) from error
    try:
        writer.write(_request(server, method, path, body))
        response = Response(server, reader)
        await response.read_head()
        yield response
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            if server.is_tls:
                # An abandoned answer is not worth a polite farewell.
                writer.transport.abort()


@functools.cache
def _trust() -> ssl.SSLContext:
    """Return what servers are verified with. Reading the certificates takes long enough to hold up other queries."""
    return ssl.create_default_context()


def _request(server: Server, method: str, path: str, body: Mapping[str, Any] | None) -> bytes:
    data = b"" if body is None else json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    name = f"[{server.host}]" if ":" in server.host else server.host
    lines = [f"{method} {path} HTTP/1.1", f"Host: {name}:{server.port}", "Accept: */*", "Connection: close"]
    lines += [f"{key}: {value}" for key, value in server.headers.items()]
    if body is not None:
        lines += ["Content-Type: application/json", f"Content-Length: {len(data)}"]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + data
