"""HTTP to a workspace on a loopback address; the only connection that this provider makes."""

import ipaddress
import json
import threading
import time
from typing import Any
from urllib.parse import quote, urlsplit

import urllib3
from urllib3.exceptions import ConnectTimeoutError, HTTPError, NewConnectionError

from bandplan.stub.provider.errors import AnswerLost, Cancelled, NotFound, NotLocal, Refused, Unreachable

# One connection per call that the plugin server can run at once.
POOL_SIZE = 128
CONNECT_TIMEOUT_SECONDS = 2.0
# As in the Go client; the workspace never holds a control-plane call open longer.
READ_TIMEOUT_SECONDS = 60.0
# How long to retry a refused connection: enough for a restart of the workspace, short enough to report it soon.
REFUSED_SECONDS = 2.0
REFUSED_PAUSE_SECONDS = 0.2
# 429 and 503 are retried after attempt x 1 s, at most 10 s, as in the Go client; unlike it, with a time limit.
THROTTLED_SECONDS = 300.0
THROTTLED_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 10.0
# A request whose connection breaks is sent again, except a POST: immediately, as a kept-alive connection may have been
# closed at that moment, then after doubling pauses. The Go client has no time limit here either.
BROKEN_SECONDS = 20.0
BROKEN_PAUSE_SECONDS = 0.01
# Characters; a shorter token is not a real one, and may be a word of the text ("wrong", for example).
SHORTEST_SECRET = 8


class Client:
    """A thread-safe client for JSON requests with a workspace's token. No message and no repr shows the token."""

    def __init__(self, host: str, token: str, cancelled: threading.Event) -> None:
        parts = urlsplit(host if "://" in host else f"http://{host}")
        if parts.scheme not in ("http", "https") or not is_loopback(parts.hostname or ""):
            raise NotLocal(
                f"databricks provider: {parts.hostname or host!r} is not on a loopback address; this provider "
                "serves the local stack only; set DATABRICKS_HOST to the local workspace, or remove this provider "
                "from PATH to use the published one"
            )
        port = parts.port or (443 if parts.scheme == "https" else 80)
        self.host = f"{parts.scheme}://{parts.netloc}"
        self._place = f"{parts.hostname}:{port}"
        self._token = token
        self._cancelled = cancelled
        self._pool = urllib3.connectionpool.connection_from_url(
            self.host,
            maxsize=POOL_SIZE,
            retries=False,
            timeout=urllib3.Timeout(connect=CONNECT_TIMEOUT_SECONDS, read=READ_TIMEOUT_SECONDS),
        )

    def get(self, path: str) -> Any:
        return self.exchange("GET", path)[0]

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self.exchange("POST", path, body)[0]

    def put(self, path: str, body: dict[str, Any]) -> Any:
        return self.exchange("PUT", path, body)[0]

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self.exchange("PATCH", path, body)[0]

    def delete(self, path: str) -> Any:
        return self.exchange("DELETE", path)[0]

    def exchange(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[Any, dict[str, str]]:
        """Send a request; return the parsed answer and its headers (names in lower case).

        Waits and repeats while the workspace throttles or restarts. Raises Refused (NotFound for 404), Unreachable,
        AnswerLost (only for POST, when the connection broke after it was sent) or Cancelled.
        """
        begun, throttled, broken = time.monotonic(), 0, 0
        while True:
            try:
                response = self._send(method, path, body)
            except (NewConnectionError, ConnectTimeoutError) as error:
                if time.monotonic() - begun > REFUSED_SECONDS:
                    raise Unreachable(
                        f"databricks provider: no workspace answers at {self._place} ({_cause(error)}); start it with "
                        "`bandplan stub start`, or set DATABRICKS_HOST to its address"
                    ) from error
                self.pause(REFUSED_PAUSE_SECONDS)
                continue
            except HTTPError as error:
                broken += 1
                if method == "POST":
                    raise AnswerLost(
                        f"databricks provider: the connection to {self._place} broke during {method} {path}; the "
                        "request may have taken effect; run `refresh`, then `up` again"
                    ) from error
                if time.monotonic() - begun > BROKEN_SECONDS:
                    raise Unreachable(
                        f"databricks provider: the connection to {self._place} broke {broken} times during "
                        f"{method} {path}; check the log of the workspace"
                    ) from error
                if broken > 1:
                    self.pause(min(BROKEN_PAUSE_SECONDS * 2**broken, 1.0))
                continue
            if response.status in (429, 503) and time.monotonic() - begun < THROTTLED_SECONDS:
                throttled += 1
                self.pause(min(throttled * THROTTLED_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS))
                continue
            parsed = _parsed(f"{method} {path}", response, is_repeat=throttled + broken > 0)
            return parsed, {k.lower(): v for k, v in response.headers.items()}

    def presentable(self, line: str) -> str:
        """Return a line of the workspace's text fit for a message: printable, and without the token."""
        if len(self._token) >= SHORTEST_SECRET:
            line = line.replace(self._token, "***")
        return "".join(character if character.isprintable() else " " for character in line).rstrip()

    def pause(self, seconds: float) -> None:
        """Wait. Raises Cancelled if the deployment is interrupted."""
        if self._cancelled.wait(seconds):
            raise Cancelled("interrupted while waiting for the workspace")

    def _send(self, method: str, path: str, body: dict[str, Any] | None) -> urllib3.BaseHTTPResponse:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": "application/json"}
        data = None
        if body is not None:
            data = json.dumps(body).encode()
            headers["Content-Type"] = "application/json"
        return self._pool.urlopen(method, path, body=data, headers=headers, redirect=False)


def is_loopback(host: str) -> bool:
    """Whether `host` is this machine: an address of 127.0.0.0/8, ::1, or localhost."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def segment(name: str) -> str:
    """Encode `name` as one segment of a path."""
    return quote(name, safe="")


def _parsed(request: str, response: urllib3.BaseHTTPResponse, *, is_repeat: bool) -> Any:
    text = response.data.decode(errors="replace")
    try:
        answer = json.loads(text) if text else {}
    except ValueError:
        answer = {"error_code": "NOT_JSON", "message": "the answer is not JSON; is this a workspace?"}
        if response.status < 300:
            raise Refused(request, response.status, answer["error_code"], answer["message"]) from None
    if response.status < 300:
        return answer
    body = answer if isinstance(answer, dict) else {}
    kind = NotFound if response.status == 404 else Refused
    error_code, message = str(body.get("error_code", "UNKNOWN")), str(body.get("message", "no reason given"))
    raise kind(request, response.status, error_code, message, is_repeat=is_repeat)


def _cause(error: HTTPError) -> str:
    return "connection refused" if isinstance(error, NewConnectionError) else "timed out"
