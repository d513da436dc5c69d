"""Which requests the page may send without the token, and what proves that they are the page's own."""

import re

from starlette.types import Scope

from bandplan.stub.api.page.sessions import Sessions

FILES = "/stub/page/"
SESSION = "/stub/page/session"
KEY_HEADER = "x-bandplan-page"
COOKIE = "bandplan_page_"
"""Followed by the id of the workspace: a browser sends the cookies of one port of this machine to all others too."""

OF_THE_PAGE = (
    ("GET", re.compile(r"/stub/endpoints")),
    ("GET", re.compile(r"/stub/endpoints/[^/]+/history")),
    ("POST", re.compile(r"/serving-endpoints/[^/]+/invocations")),
)
"""All that a session may do: look, and ask an endpoint."""


def is_open(scope: Scope) -> bool:
    """Whether a request is for the page's own files, or begins a session: they hold nothing, or bring a link."""
    method, path = str(scope["method"]), str(scope["path"])
    if method == "GET":
        return path == "/" or path.startswith(FILES)
    return (method, path) == ("POST", SESSION)


class PageAccess:
    """Decides which requests come from a page with a session of this workspace."""

    def __init__(self, sessions: Sessions, workspace_id: str) -> None:
        self._sessions = sessions
        self._cookie = COOKIE + workspace_id

    def allows(self, scope: Scope) -> bool:
        """Whether a request is one of the page's, from the page, with both secrets of a session."""
        method, path = scope["method"], scope["path"]
        if not any(method == allowed and pattern.fullmatch(path) for allowed, pattern in OF_THE_PAGE):
            return False
        headers = dict(scope["headers"])
        cookie = read_cookie(headers.get(b"cookie", b""), self._cookie)
        key = headers.get(KEY_HEADER.encode(), b"").decode("latin-1")
        return is_same_origin(headers) and self._sessions.accepts(cookie, key)


def is_same_origin(headers: dict[bytes, bytes]) -> bool:
    """Whether a request comes from a page of this very host and port, as far as the browser says so.

    The Host header names this machine (`stub.api.middleware.LoopbackHost`). Its port can be another one than ours: that
    of a tunnel.
    """
    own = b"http://" + headers.get(b"host", b"")
    return headers.get(b"origin", own) == own and headers.get(b"sec-fetch-site", b"same-origin") == b"same-origin"


def read_cookie(header: bytes, name: str) -> str:
    """Return the value of a cookie, empty if there is none. Our values need no decoding."""
    for part in header.decode("latin-1").split(";"):
        key, _, value = part.strip().partition("=")
        if key == name:
            return value
    return ""
