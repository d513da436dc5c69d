"""The body of a request: read whole, and never more than the platform takes."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stub.state.refusals import BadRequest

MAX_BODY_BYTES = 16 * 1024 * 1024
"""The platform's own limit on a request to a serving endpoint is 16 MB (docs.databricks.com, model serving limits)."""

MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of a body that is too large is read and dropped before the connection is closed; arbitrary."""


class WholeBody:
    """ASGI middleware around a route: the route starts when the body is there. Raises BadRequest.

    So reading it never waits, and two handlers that change the workspace cannot interleave. Starlette's own body limit
    answers 413, which MLflow takes for a failure of the server.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BODY_BYTES:
            await _discard(receive)
            raise _too_large()
        await self._app(scope, _after(await _read(receive), receive), send)


async def _read(receive: Receive) -> bytes:
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


def _after(body: bytes, receive: Receive) -> Receive:
    is_given = False

    async def receive_after_body() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_after_body


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
