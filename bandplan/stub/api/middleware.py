"""What applies to every request, as plain ASGI middleware: workspace id, failures, raw path, host, token.

HTTP only: the server supports neither web sockets nor lifespan events.
"""

import logging

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bandplan.stub.api.answers import error_answer, failure_answer
from bandplan.stub.api.identity.access_tokens import AccessTokens
from bandplan.stub.api.identity.oauth import METADATA_PATH, TOKEN_PATH
from bandplan.stub.api.page import access
from bandplan.stub.api.page.access import PageAccess

OPEN_PATHS = frozenset({"/.well-known/databricks-config", METADATA_PATH, TOKEN_PATH})
"""Paths that clients request without a token; those of the page are in `stub.api.page.access`."""

PRESIGNED = "/presigned/"
"""The last segment of such a path is itself the right to one file, signed and short-lived
(`stub.state.files.presigned`).
"""

LOOPBACK_HOSTS = frozenset({b"127.0.0.1", b"localhost"})

HOST_REFUSED = "This workspace answers at http://127.0.0.1 and http://localhost only; the Host header names another."

log = logging.getLogger("stub")


class WorkspaceId:
    """Add `X-Databricks-Org-Id` to every answer."""

    def __init__(self, app: ASGIApp, workspace_id: str) -> None:
        self._app = app
        self._header = (b"x-databricks-org-id", workspace_id.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                # A new list: the answer that owns the old one may be reused.
                message["headers"] = [*message["headers"], self._header]
            await send(message)

        await self._app(scope, receive, send_with_id)


class Failures:
    """Answer in the platform's form when the application fails, and keep the connection; the log gives the cause."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except Exception:
            log.exception("unexpected error in %s %s", scope["method"], scope["path"])
            await failure_answer()(scope, receive, send)


class RawPath:
    """Set the path to the one that was sent: not decoded, without a trailing slash."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope["path"] = scope["raw_path"].decode("latin-1").removesuffix("/") or "/"
        await self._app(scope, receive, send)


class LoopbackHost:
    """Refuse requests whose Host header names another machine.

    A page in a browser can point its own name at 127.0.0.1 (DNS rebinding), but its requests still name that host. A
    client without a Host header is not a browser.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        host = dict(scope["headers"]).get(b"host")
        if host is None or host.lower().partition(b":")[0] in LOOPBACK_HOSTS:
            await self._app(scope, receive, send)
        else:
            await error_answer("PERMISSION_DENIED", HOST_REFUSED)(scope, receive, send)


class Token:
    """Refuse requests without an accepted bearer token, except those of the page, which has a session."""

    def __init__(self, app: ASGIApp, tokens: AccessTokens, page: PageAccess) -> None:
        self._app = app
        self._tokens = tokens
        self._page = page

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        given = dict(scope["headers"]).get(b"authorization", b"")
        is_open = scope["path"] in OPEN_PATHS or scope["path"].startswith(PRESIGNED)
        if is_open or self._tokens.allows(given) or access.is_open(scope) or self._page.allows(scope):
            await self._app(scope, receive, send)
        else:
            await error_answer("UNAUTHENTICATED", "The bearer token is missing or wrong.")(scope, receive, send)
