"""Kept-alive connections to one address: sends one attempt of a request, without retries.

urllib3 is imported with the first request (about 0.09 s), so that an offline run does not pay for it.
"""

import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bandplan.rest.address import Address
from bandplan.rest.answer import Answer
from bandplan.rest.retries import Outcome

if TYPE_CHECKING:
    from urllib3 import BaseHTTPResponse
    from urllib3.connectionpool import HTTPConnectionPool

POOL_SIZE = 128
"""Connections kept alive: as many as a plugin has worker threads, so that none is opened twice."""

MOST_BYTES = 64_000_000
"""Limit of one answer; a choice: thousands of endpoints with all their settings take a tenth of that."""

in_flight: list[str] = []
"""The addresses whose answers are waited for now, one for each request: a silent command says so."""

_IMPORTING = threading.Lock()
"""Held while urllib3 is imported: two threads that start with different modules of it would see a partial import."""


class AttemptFailed(Exception):
    """No answer arrived: `outcome` is how far the request got, `is_final` whether a retry cannot help."""

    def __init__(self, outcome: Outcome, finding: str, *, is_final: bool = False) -> None:
        super().__init__(finding)
        self.outcome = outcome
        self.is_final = is_final


@dataclass(frozen=True)
class Timeouts:
    """Seconds until a connection must be made, and until an answer must begin; its body may take that long again."""

    connect_seconds: float
    read_seconds: float


class Connections:
    """A thread-safe pool of connections to `address`, through `proxy` (a URL) if given."""

    def __init__(self, address: Address, proxy: str | None) -> None:
        self._address = address
        self._proxy = proxy
        self._lock = threading.Lock()
        self._pool: HTTPConnectionPool | None = None

    def send(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        payload: bytes | None,
        timeouts: Timeouts,
        most_bytes: int | None = None,
    ) -> Answer:
        """Return the answer, whatever its status; redirects are not followed. Errors: AttemptFailed.

        `path` is already quoted, including its query. A body of more than `most_bytes` (None: MOST_BYTES) is not read
        to its end.
        """
        return self.open(method, path, headers, payload, timeouts).whole(
            MOST_BYTES if most_bytes is None else most_bytes
        )

    def open(
        self, method: str, path: str, headers: dict[str, str], payload: bytes | None, timeouts: Timeouts
    ) -> "OpenAnswer":
        """Return the answer as soon as its headers are there. Errors: AttemptFailed."""
        pool = self._opened()
        from urllib3.exceptions import HTTPError
        from urllib3.util import Timeout

        in_flight.append(self._address.url)
        try:
            response = pool.urlopen(
                method,
                path,
                body=payload,
                headers=headers,
                retries=False,
                redirect=False,
                preload_content=False,
                timeout=Timeout(connect=timeouts.connect_seconds, read=timeouts.read_seconds),
            )
        except HTTPError as error:
            raise _attempt_failed(error) from error
        finally:
            in_flight.remove(self._address.url)
        return OpenAnswer(response, timeouts.read_seconds)

    def _opened(self) -> "HTTPConnectionPool":
        if self._pool is None:
            with self._lock:
                if self._pool is None:
                    with _IMPORTING:
                        import urllib3  # noqa: F401
                    self._pool = _open_pool(self._address, self._proxy)
        return self._pool


class OpenAnswer:
    """An answer whose body still arrives; read it either whole or in parts."""

    def __init__(self, response: "BaseHTTPResponse", read_seconds: float) -> None:
        self._response = response
        self._read_seconds = read_seconds
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    def parts(self) -> Iterator[bytes]:
        """Yield the body as it arrives; close the connection if the reader stops early. Errors: AttemptFailed."""
        from urllib3.exceptions import HTTPError

        try:
            left = MOST_BYTES
            while part := self._response.read1(65_536):
                left -= len(part)
                if left < 0:
                    raise AttemptFailed(Outcome.LOST, f"an answer of more than {MOST_BYTES:,} bytes", is_final=True)
                yield part
        except HTTPError as error:
            raise AttemptFailed(Outcome.LOST, "an incomplete answer") from error
        finally:
            self._response.close()

    def whole(self, most_bytes: int = MOST_BYTES) -> Answer:
        """Read the rest of the body, at most `most_bytes`. Errors: AttemptFailed."""
        from urllib3.exceptions import HTTPError

        try:
            return Answer(self.status, self.headers, _body(self._response, self._read_seconds, most_bytes))
        except HTTPError as error:
            raise _attempt_failed(error) from error


def _body(response: "BaseHTTPResponse", seconds: float, most_bytes: int) -> bytes:
    """Return the whole body. Each read has its own timeout, so only this function ends an answer that trickles in."""
    ends_at = time.monotonic() + seconds
    parts: list[bytes] = []
    left = most_bytes
    while part := response.read1(65_536):
        parts.append(part)
        left -= len(part)
        if left < 0 or time.monotonic() > ends_at:
            response.close()
            if left < 0:
                raise AttemptFailed(Outcome.LOST, f"an answer of more than {most_bytes:,} bytes", is_final=True)
            raise AttemptFailed(Outcome.LOST, f"no complete answer within {seconds:g} s")
    response.release_conn()
    return b"".join(parts)


def _open_pool(address: Address, proxy: str | None) -> "HTTPConnectionPool":
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    if proxy is not None:
        from urllib3 import ProxyManager

        return ProxyManager(proxy, maxsize=POOL_SIZE).connection_from_host(address.host, address.port, address.scheme)
    kind = HTTPSConnectionPool if address.scheme == "https" else HTTPConnectionPool
    return kind(address.host, address.port, maxsize=POOL_SIZE)


def _attempt_failed(error: Exception) -> AttemptFailed:
    from urllib3 import exceptions

    match error:
        case exceptions.NameResolutionError():
            return AttemptFailed(Outcome.NOT_CONNECTED, "the host name cannot be resolved", is_final=True)
        case exceptions.NewConnectionError():
            return AttemptFailed(Outcome.NOT_CONNECTED, "the connection was refused")
        case exceptions.ConnectTimeoutError():
            return AttemptFailed(Outcome.NOT_CONNECTED, "the connection timed out")
        case exceptions.SSLError():
            finding = "its TLS certificate is not accepted (SSL_CERT_FILE names a file of trusted certificates)"
            return AttemptFailed(Outcome.NOT_CONNECTED, finding, is_final=True)
        case exceptions.ProxyError():
            return AttemptFailed(Outcome.NOT_CONNECTED, "the proxy set in HTTPS_PROXY does not connect")
    return AttemptFailed(Outcome.LOST, "no answer")
