"""A server in a thread, for a whole run: a function says how it answers each request."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from bandplan.bench.target import Secret, Target
from tests.bench.scripted_server import text, usage

STREAM = "".join(f"data: {event}\n\n" for event in (text("a"), text("b"), usage(5, 2), "[DONE]")).encode()


@contextmanager
def answering(status_of: Callable[[str], int], token: str = "") -> Iterator[Target]:
    """Serve two tokens to each request; `status_of` gets its token, and may refuse it by another status than 200."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            status = status_of(self.headers.get("Authorization", "").removeprefix("Bearer "))
            body = STREAM if status == 200 else b"{}"
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield Target("m", "http", "127.0.0.1", server.server_address[1], "", "openai", "chat", True, Secret(token))
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
