"""A server of the OpenAI protocol for tests, with the differences and faults of real ones."""

import contextlib
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ANSWER = ("Yes", ",", " indeed", ".")
LOGPROB = -0.25


@dataclass
class Behaviour:
    """What a server knows and how it fails. `end_early`: answers end after their own words, whatever was asked.

    `status` other than 200 refuses every generation with `error`; `cut_after` breaks the connection after so many
    chunks, `fail_after` sends an error instead, and `stays_after` sends nothing more until the client leaves, which sets
    `left`; `ignores_limit` answers with 300 times its own words, and then does that, too. `before_answer` gets the path
    and the body of each request; `status_of` gets the same and refuses the request with the status that it returns.
    """

    models: tuple[str, ...] | None = ("tiny",)
    owner: str = "somebody"
    context: int | None = None
    knows: frozenset[str] = frozenset({"ignore_eos", "min_tokens", "logprobs", "stream_options"})
    refuses: frozenset[str] = frozenset()
    has_chat: bool = True
    has_usage: bool = True
    ignores_limit: bool = False
    call_parts: int = 2
    key: str | None = None
    status: int = 200
    error: Any = "no"
    headers: dict[str, str] = field(default_factory=dict)
    cut_after: int | None = None
    fail_after: int | None = None
    is_plain_http_1_0: bool = False
    stays_after: int | None = None
    before_answer: Callable[[str, dict[str, Any]], None] | None = None
    status_of: Callable[[str, dict[str, Any]], int | None] = lambda path, body: None
    asked: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    left: threading.Event = field(default_factory=threading.Event)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def behaviour(self) -> Behaviour:
        return self.server.behaviour  # type: ignore[attr-defined,no-any-return]

    def log_message(self, format: str, *arguments: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, {})
            return
        if not self._has_key():
            return
        if self.path == "/v1/models" and self.behaviour.models is not None:
            limit = {} if self.behaviour.context is None else {"max_model_len": self.behaviour.context}
            rows = [{"id": name, "owned_by": self.behaviour.owner, **limit} for name in self.behaviour.models]
            self._answer(200, {"object": "list", "data": rows})
        else:
            self._answer(404, {"error": {"message": "Not Found"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.behaviour.asked.append((self.path, body))
        if self.behaviour.before_answer is not None:
            self.behaviour.before_answer(self.path, body)
        if not self._has_key():
            return
        if (status := self.behaviour.status_of(self.path, body)) is not None:
            self._answer(status, {"error": {"message": self.behaviour.error}})
        elif self.path == "/tokenize" and self.behaviour.owner == "vllm":
            text = body.get("prompt") or "".join(message["content"] for message in body["messages"])
            self._answer(200, {"count": len(text)})
        elif self.path == "/v1/embeddings":
            rows = [{"index": at, "embedding": [1.0, float(at)]} for at, _ in enumerate(body["input"])]
            rows.reverse()
            self._answer(200, {"data": rows, "usage": {"prompt_tokens": 42, "total_tokens": 42}})
        elif self.path == "/v1/completions" or (self.path == "/v1/chat/completions" and self.behaviour.has_chat):
            refused = [name for name in body if name in self.behaviour.refuses]
            if self.behaviour.status != 200:
                self._answer(self.behaviour.status, {"error": {"message": self.behaviour.error}})
            elif refused:
                self._answer(400, {"error": {"message": f"Unrecognized request argument: {refused[0]}"}})
            else:
                self._generate(body, is_chat="messages" in body)
        else:
            self._answer(404, {"detail": "Not Found"})

    def _has_key(self) -> bool:
        wanted = self.behaviour.key
        given = self.headers.get("Authorization")
        if wanted is None or given == f"Bearer {wanted}":
            return True
        self._answer(401, {"error": {"message": f"Incorrect API key provided: {given}"}})
        return False

    def _generate(self, body: dict[str, Any], *, is_chat: bool) -> None:
        # That of this test: what is left of an answer may end in the next one.
        self._left = self.behaviour.left
        knows = self.behaviour.knows
        limit = body.get("max_tokens") or body.get("max_completion_tokens") or 1000
        is_forced = ("ignore_eos" in knows and body.get("ignore_eos")) or (
            "min_tokens" in knows and body.get("min_tokens", 0) >= limit
        )
        if body.get("tools"):
            self._call()
            return
        words = list(ANSWER) * 300 if is_forced else list(ANSWER)
        reason = "length" if len(words) >= limit else "stop"
        if self.behaviour.ignores_limit:
            words, reason, limit = list(ANSWER) * 300, "stop", 1200
        words = words[:limit]
        self._start()
        for at, word in enumerate(words):
            if at == self.behaviour.cut_after:
                self.close_connection = True
                return
            if at == self.behaviour.fail_after:
                self._event({"error": {"message": "CUDA out of memory", "code": 500}})
                break
            if at == self.behaviour.stays_after:
                self._stay()
                return
            logprobs = self._logprobs(word, body, is_chat) if "logprobs" in knows else None
            own = {"delta": {"content": word}} if is_chat else {"text": word}
            if not self._event({"choices": [{"index": 0, **own, "logprobs": logprobs, "finish_reason": None}]}):
                return
        else:
            if self.behaviour.ignores_limit:
                self._stay()
                return
            last = {"delta": {}} if is_chat else {"text": ""}
            self._event({"choices": [{"index": 0, **last, "finish_reason": reason}]})
            asks = (body.get("stream_options") or {}).get("include_usage")
            if "stream_options" in knows and asks and self.behaviour.has_usage:
                # One more than the words: a token of half a character has no chunk of its own.
                self._event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": len(words) + 1}})
            self._write(b"data: [DONE]\n\n")
        if not self.behaviour.is_plain_http_1_0:
            self.wfile.write(b"0\r\n\r\n")

    def _call(self) -> None:
        """Call the function: its name, then its arguments in `call_parts` parts, the last one closing them."""
        self._start()
        texts = ['{"city":', *["" for _ in range(self.behaviour.call_parts - 2)], '"Ulm"}']
        first = {"index": 0, "id": "call_1", "type": "function", "function": {"name": "weather", "arguments": ""}}
        parts = [first, *({"index": 0, "function": {"arguments": text}} for text in texts)]
        for part in parts:
            self._event({"choices": [{"index": 0, "delta": {"tool_calls": [part]}, "finish_reason": None}]})
        self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]})
        self._event({"choices": [], "usage": {"prompt_tokens": 11, "completion_tokens": 9}})
        self._write(b"data: [DONE]\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def _logprobs(self, word: str, body: dict[str, Any], is_chat: bool) -> Any:
        asked = body.get("logprobs")
        if asked is None or asked is False:
            return None
        if is_chat:
            tops = [{"token": word, "logprob": LOGPROB}] * body.get("top_logprobs", 0)
            return {"content": [{"token": word, "logprob": LOGPROB, "top_logprobs": tops}]}
        return {"tokens": [word], "token_logprobs": [LOGPROB], "top_logprobs": [{word: LOGPROB, "no": -2.0}]}

    def _start(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        if self.behaviour.is_plain_http_1_0:
            self.close_connection = True
        else:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def _stay(self) -> None:
        """Wait until the client has left. What is written does not show it: the connection takes it in any case."""
        with contextlib.suppress(OSError):
            self.rfile.read(1)  # the client sends nothing more
        self._left.set()

    def _event(self, event: dict[str, Any]) -> bool:
        return self._write(b"data: " + json.dumps(event).encode() + b"\n\n")

    def _write(self, data: bytes) -> bool:
        try:
            framed = data if self.behaviour.is_plain_http_1_0 else b"%x\r\n%s\r\n" % (len(data), data)
            self.wfile.write(framed)
            self.wfile.flush()
            return True
        except OSError:
            self._left.set()
            return False

    def _answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in self.behaviour.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def serving(behaviour: Behaviour, port: int = 0) -> Iterator[str]:
    """Serve on a port, by default a free one, and provide the URL of the API."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.behaviour = behaviour  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    finally:
        server.shutdown()
        server.server_close()
