"""A workspace that answers as each test tells it to, over real HTTP, and time that passes only when asked to."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from bandplan.rest.clock import Clock

TOKEN = "dapi-secret-0123456789"


@dataclass(frozen=True)
class Reply:
    """What the workspace answers; `body` as JSON unless it is bytes. `drop` closes the connection without an answer.

    `cut` closes it half way through the body; `drip` sends a byte of white space now and then, for ever.
    """

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: bool = False
    drip: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    body: Any
    token: str


class FakeWorkspace:
    """Answers with `answer(request)`; remembers what it saw and how many connections were opened."""

    def __init__(self, port: int = 0) -> None:
        self.seen: list[Seen] = []
        self.connections = 0
        self.closed = threading.Event()
        self.answer: Callable[[Seen], Reply] = lambda request: Reply()
        self._server = _server(self, port)
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def in_turn(self, *replies: Reply) -> None:
        """Answer with each of `replies` once, then with the last one for ever."""
        left = list(replies)
        self.answer = lambda request: left.pop(0) if len(left) > 1 else left[0]

    def close(self) -> None:
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


def _server(workspace: FakeWorkspace, port: int) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            workspace.connections += 1

        def _handle(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            raw = self.rfile.read(length)
            authorization = self.headers.get("Authorization", "")
            seen = Seen(
                self.command, self.path, json.loads(raw) if raw else None, authorization.removeprefix("Bearer ")
            )
            workspace.seen.append(seen)
            reply = workspace.answer(seen)
            if reply.drop:
                self.close_connection = True
                return
            payload = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(1_000_000 if reply.drip else len(payload)))
            self.end_headers()
            if reply.drip:
                self._drip()
            self.close_connection = self.close_connection or reply.cut
            self.wfile.write(payload[: len(payload) // 2] if reply.cut else payload)

        def _drip(self) -> None:
            """Until the client has had enough, which ends it with an error of the connection."""
            while not workspace.closed.wait(0.02):
                self.wfile.write(b" ")

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle

        def log_message(self, format: str, *args: Any) -> None:
            return

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that went away is part of some tests."""

    return Server(("127.0.0.1", port), Handler)


class FakeTime:
    """Seconds pass only by sleeping; `slept` holds each pause."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.slept: list[float] = []
        self.clock = Clock(monotonic=lambda: self.now, wall=lambda: self.now, sleep=self.sleep)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
