"""What holds for every request, as plain ASGI middleware: workspace id, failures, raw path, token.

HTTP only: the server offers neither web sockets nor lifespan events.
"""

import hmac
import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stub.api.answers import error_answer, failure_answer

OPEN_PATHS = frozenset({"/.well-known/databricks-config"})
"""Paths that clients ask without a token."""

log = logging.getLogger("stub")


class WorkspaceId:
    """Puts `X-Databricks-Org-Id` on every answer."""

    def __init__(self, app: ASGIApp, workspace_id: str) -> None:
        self._app = app
        self._header = (b"x-databricks-org-id", workspace_id.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A new list: the answer that owns the old one may be given again.
                message["headers"] = [*message["headers"], self._header]
            await send(message)

        await self._app(scope, receive, send_with_id)


class Failures:
    """Answers in the platform's form when the application fails, and keeps the connection; the log says why."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            log.exception("unexpected error in %s %s", scope["method"], scope["path"])
            await failure_answer()(scope, receive, send)


class RawPath:
    """Makes the path the one that was sent, not decoded, without a trailing slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1").removesuffix("/") or "/"
        await self._app(scope, receive, send)


class Token:
    """Lets nobody through without the bearer token."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        self._app = app
        self._expected = f"Bearer {token}".encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"")
        if scope["path"] in OPEN_PATHS or hmac.compare_digest(given, self._expected):
            await self._app(scope, receive, send)
        else:
            await error_answer("UNAUTHENTICATED", "The bearer token is missing or wrong.")(scope, receive, send)
