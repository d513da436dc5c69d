"""A proxy in front of a workspace that writes down what passes: who proves that nothing was written has to have looked."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import urllib3

_HOP_BY_HOP = frozenset(("connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"))


class RecordingProxy:
    """Passes every request on to `target`; `seen` has (method, path) in the order of arrival."""

    def __init__(self, target: str) -> None:
        self.seen: list[tuple[str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, target))
        self.host = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)
        self._thread.start()

    @property
    def methods(self) -> set[str]:
        return {method for method, _ in self.seen}

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def _handler(proxy: RecordingProxy, target: str) -> type[BaseHTTPRequestHandler]:
    pool = urllib3.PoolManager(maxsize=32, retries=False)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _pass_on(self) -> None:
            proxy.seen.append((self.command, self.path))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0)) or None
            kept = {name: value for name, value in self.headers.items() if name.lower() not in ("host", *_HOP_BY_HOP)}
            answer = pool.request(self.command, target + self.path, body=body, headers=kept, redirect=False)
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name.lower() not in (*_HOP_BY_HOP, "content-encoding"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.data)))
            self.end_headers()
            self.wfile.write(answer.data)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _pass_on

        def log_message(self, format: str, *args: object) -> None:
            return None

    return Handler
