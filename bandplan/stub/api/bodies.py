"""The body of a request: read completely, and never more than the platform accepts."""

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bandplan.stub.state.refusals import BadRequest

MAX_DISCARDED_BYTES = 64 * 1024 * 1024
"""How much of an oversized body is read and discarded before the connection is closed; arbitrary."""


class WholeBody:
    """ASGI middleware around a route: the route starts once the body has arrived. Raises BadRequest.

    Reading the body therefore never waits, and two handlers that change the workspace cannot interleave. Starlette's
    own body limit answers 413, which MLflow takes for a server failure. The application sets the limit
    (`bandplan.stub.state.limits`).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit: int = scope["app"].state.limits.request_bytes
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > limit:
            await _discard(receive)
            raise too_large(limit)
        await self._app(scope, _after(await _read(receive, int(declared), limit), receive), send)


async def _read(receive: Receive, declared: int, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.disconnect" and declared:
        # The client left before its body was read: the body is lost, and it did not send an empty one.
        raise BadRequest("The request ended before its body was complete.")
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and len(body) <= limit:
        return body
    parts, size = [body], len(body)
    while message.get("more_body") and size <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise BadRequest("The request ended before its body was complete.")
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size > limit:
        if message.get("more_body"):
            await _discard(receive)
        raise too_large(limit)
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
    # A client that is still sending would see a connection reset instead of the answer.
    size = 0
    while size < MAX_DISCARDED_BYTES:
        message = await receive()
        size += len(message.get("body", b""))
        if not message.get("more_body"):
            return


def too_large(limit_bytes: int) -> BadRequest:
    return BadRequest(f"The request body is larger than {limit_bytes} bytes.")
