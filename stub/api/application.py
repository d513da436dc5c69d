"""The ASGI application: who may ask, how much may be sent, which route answers, what an error looks like.

A plain ASGI callable on the raw path rather than a framework: the clients' paths need splitting before decoding, and
one request costs a third of what it does through a framework's router and middleware.
"""

import hmac
import inspect
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from stub.api.answers import Answer, EventStream, encode, error_answer, refusal_answer
from stub.api.requests import Request
from stub.api.routing import Handler, Router
from stub.state.refusals import BadRequest, Refusal

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The platform's own limit on a request to a serving endpoint is 16 MB (docs.databricks.com, model serving limits)."""

MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of a body that is too large is read and dropped before the connection is closed; arbitrary."""

MAX_UNKNOWN_ROUTES = 1000
"""How many distinct unknown routes are counted; an arbitrary bound on memory."""

OPEN_PATHS = frozenset({"/.well-known/databricks-config"})
"""Paths that clients ask without a token."""

log = logging.getLogger("stub")


class Application:
    """Answers every HTTP request of the workspace. `unknown_routes` counts `METHOD /path` that no route answers."""

    def __init__(self, router: Router, token: str, workspace_id: str, unknown_routes: Counter[str]) -> None:
        self._router = router
        self._expected = f"Bearer {token}".encode()
        self._org_id = (b"x-databricks-org-id", workspace_id.encode())
        self._unknown_routes = unknown_routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"cannot answer {scope['type']} connections")
        try:
            answer = await self._answer(scope, receive)
        except Refusal as refusal:
            answer = refusal_answer(refusal)
        except Exception:
            log.exception("unexpected error in %s %s", scope["method"], _raw_path(scope))
            answer = error_answer("INTERNAL_ERROR", "The workspace failed; its log file says why.")
        if isinstance(answer, Answer):
            await self._send(answer, send)
        else:
            await self._stream(answer, send)

    async def _answer(self, scope: Scope, receive: Receive) -> Answer | EventStream:
        raw_path, method = _raw_path(scope), scope["method"]
        headers = dict(scope["headers"])
        if raw_path not in OPEN_PATHS and not self._is_authorized(headers):
            return error_answer("UNAUTHENTICATED", "The bearer token is missing or wrong.")
        found = self._router.find(method, raw_path)
        if found is None:
            return self._unknown(method, raw_path)
        handler, values = found
        body = await _body(headers, receive)
        return await _call(handler, Request(method, values, scope["query_string"], headers, body))

    def _is_authorized(self, headers: dict[bytes, bytes]) -> bool:
        return hmac.compare_digest(headers.get(b"authorization", b""), self._expected)

    def _unknown(self, method: str, raw_path: str) -> Answer:
        route = f"{method} {raw_path}"[:300]
        if route in self._unknown_routes or len(self._unknown_routes) < MAX_UNKNOWN_ROUTES:
            self._unknown_routes[route] += 1
        return error_answer("ENDPOINT_NOT_FOUND", f"No API found for '{route}'.")

    async def _send(self, answer: Answer, send: Send) -> None:
        headers = [*answer.headers, self._org_id, (b"content-length", str(len(answer.body)).encode())]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    async def _stream(self, stream: EventStream, send: Send) -> None:
        headers = [*stream.headers, self._org_id, (b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        try:
            async for event in stream.events:
                await _send_event(encode(event), send)
        except Exception:
            # The status line is gone; the platform documents no form for this, so an error object ends the stream.
            log.exception("unexpected error in a stream")
            await _send_event(error_answer("INTERNAL_ERROR", "The workspace failed; its log file says why.").body, send)
        else:
            await _send_event(b"[DONE]", send)
        await send({"type": "http.response.body", "body": b""})


async def _send_event(data: bytes, send: Send) -> None:
    await send({"type": "http.response.body", "body": b"data: " + data + b"\n\n", "more_body": True})


async def _call(handler: Handler, request: Request) -> Answer | EventStream:
    answer = handler(request)
    return await answer if inspect.isawaitable(answer) else answer


def _raw_path(scope: Scope) -> str:
    return str(scope["raw_path"].decode("latin-1"))


async def _body(headers: dict[bytes, bytes], receive: Receive) -> bytes:
    declared = headers.get(b"content-length", b"0")
    if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
        await _discard(receive)
        raise _too_large()
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The request ended before its body.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > MAX_BODY_BYTES:
            await _discard(receive)
            raise _too_large()
    return b"".join(parts)


async def _discard(receive: Receive) -> None:
    # A client that is still sending would see a reset connection in place of the answer.
    size = 0
    while size < MAX_DISCARDED_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            return


def _too_large() -> BadRequest:
    return BadRequest(f"The request body is larger than {MAX_BODY_BYTES} bytes.")
