"""GitHub's and GitLab's comments as small HTTP servers that keep state, and go wrong on demand."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

TOKEN = "-".join(["not", "a", "real", "token"])
NUMBER = 7


@dataclass
class Fault:
    """What happens to the next requests of a method: an answer instead of an effect, or no answer after it."""

    method: str
    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    loses_answer: bool = False
    times: int = 1


@dataclass
class ForgeFake:
    """State: comments by id, in the order of their creation. `requests` has method and path of each request.

    `before` holds (method, what to do) pairs, each done once, before the next request of that method is carried out.
    """

    url: str = ""
    comments: dict[int, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    before: list[tuple[str, Callable[[], object]]] = field(default_factory=list)
    tokens_seen: set[str] = field(default_factory=set)
    max_page_size: int = 100
    next_id: int = 1
    is_app: bool = True
    lock: threading.RLock = field(default_factory=threading.RLock)

    OWN: ClassVar[str]
    prefix: ClassVar[str] = ""

    def writes(self) -> list[str]:
        return [method for method, _ in self.requests if method != "GET"]

    def bodies(self) -> list[str]:
        return [comment["body"] for comment in self.comments.values()]

    def add(self, body: str, author: str | None = None, *, is_bot: bool = True) -> int:
        with self.lock:
            number = self.next_id
            self.next_id += 1
            self.comments[number] = self.comment(number, body, author or self.OWN, is_bot)
            return number

    def comment(self, number: int, body: str, author: str, is_bot: bool) -> dict[str, Any]:
        raise NotImplementedError

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        raise NotImplementedError

    def page(self, query: dict[str, list[str]]) -> tuple[list[dict[str, Any]], bool]:
        """(comments of the page, whether there are more)"""
        size = min(int(query.get("per_page", ["30"])[0]), self.max_page_size)
        start = (int(query.get("page", ["1"])[0]) - 1) * size
        everything = list(self.comments.values())
        return everything[start : start + size], len(everything) > start + size

    def one(self, method: str, number: int, body: Any) -> tuple[int, dict[str, str], Any]:
        if number not in self.comments:
            return 404, {}, {"message": "404 Not found"}
        if method == "DELETE":
            del self.comments[number]
            return 204, {}, None
        if method in ("PATCH", "PUT"):
            self.comments[number]["body"] = checked(body["body"])
        return 200, {}, self.comments[number]


class GitHubFake(ForgeFake):
    OWN = "github-actions[bot]"

    def comment(self, number: int, body: str, author: str, is_bot: bool) -> dict[str, Any]:
        return {
            "id": number,
            "body": body,
            "created_at": "2026-11-01T00:00:00Z",  # of one second, as when jobs start together
            "user": {"login": author, "type": "Bot" if is_bot else "User"},
            "html_url": f"https://github.example/org/repo/pull/{NUMBER}#issuecomment-{number}",
        }

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        base = "/repos/org/repo/issues"
        if path == "/user":
            refused = (403, {}, {"message": "Resource not accessible by integration"})
            return refused if self.is_app else (200, {}, {"login": self.OWN})
        if path == f"{base}/{NUMBER}/comments" and method == "GET":
            found, has_more = self.page(query)
            more = {"Link": '<https://other.example/next>; rel="next"'} if has_more else {}
            return 200, more, found
        if path == f"{base}/{NUMBER}/comments" and method == "POST":
            return 201, {}, self.comments[self.add(checked(body["body"]))]
        if path.startswith(f"{base}/comments/") and method in ("GET", "PATCH", "DELETE"):
            return self.one(method, int(path.rsplit("/", 1)[1]), body)
        return 404, {}, {"message": "Not Found"}


class GitLabFake(ForgeFake):
    OWN = "project_1_bot"
    prefix = "/api/v4"

    def comment(self, number: int, body: str, author: str, is_bot: bool) -> dict[str, Any]:
        return {
            "id": number,
            "body": body,
            "created_at": "2026-11-01T00:00:00.000Z",
            "author": {"username": author},
            "system": False,
        }

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any) -> tuple[int, dict[str, str], Any]:
        base = f"/api/v4/projects/1/merge_requests/{NUMBER}/notes"
        if path == "/api/v4/user":
            return 200, {}, {"username": self.OWN}
        if path == base and method == "GET":
            assert query["sort"] == ["asc"]
            found, has_more = self.page(query)
            return 200, {"X-Next-Page": str(int(query["page"][0]) + 1) if has_more else ""}, found
        if path == base and method == "POST":
            return 201, {}, self.comments[self.add(checked(body["body"]))]
        if path.startswith(f"{base}/") and method in ("GET", "PUT", "DELETE"):
            return self.one(method, int(path.rsplit("/", 1)[1]), body)
        return 404, {}, {"message": "404 Not found"}


def checked(body: str) -> str:
    """The body as it is kept: GitHub takes 65,536 characters, and platforms may change line ends."""
    assert len(body.encode("utf-16-le")) // 2 <= 65_536
    return body.replace("\n", "\r\n")


@contextmanager
def serving(fake: ForgeFake) -> Iterator[ForgeFake]:
    """`fake` on a port of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            split = urlsplit(self.path)
            size = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(size)) if size else None
            with fake.lock:
                fake.requests.append((self.command, split.path))
                secret = self.headers.get("Authorization", "").removeprefix("Bearer ") or self.headers.get(
                    "PRIVATE-TOKEN"
                )
                fake.tokens_seen.add(secret or "")
                for index, (method, action) in enumerate(fake.before):
                    if method == self.command:
                        del fake.before[index]
                        action()
                        break
                fault = next((one for one in fake.faults if one.method == self.command and one.times > 0), None)
                if fault is not None:
                    fault.times -= 1
                if fault is not None and not fault.loses_answer:
                    self.reply(fault.status, fault.headers, fault.body)
                    return
                answer = fake.answer(self.command, split.path, parse_qs(split.query), body)
                if fault is not None:
                    self.close_connection = True
                    return
            self.reply(*answer)

        def reply(self, status: int, headers: dict[str, str], body: Any) -> None:
            payload = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(payload)))
            self.end_headers()
            self.wfile.write(payload)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}{fake.prefix}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
