"""`/` and the files of the page, links to it, and the start of a session."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import Answer
from bandplan.stub.api.page.access import COOKIE, FILES, SESSION, is_same_origin
from bandplan.stub.api.page.sessions import LINK_SECONDS, Sessions
from bandplan.stub.api.requests import read_object, required_text
from bandplan.stub.api.routing import route
from bandplan.stub.state.refusals import Forbidden, NotFound

FOLDER = Path(__file__).parent / "assets"
TYPES = {".css": "text/css", ".html": "text/html", ".js": "text/javascript", ".svg": "image/svg+xml"}

HEADERS = {
    # Nothing from elsewhere and nothing inline. Trusted types make the browser refuse to read text as markup.
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "require-trusted-types-for 'script'; trusted-types 'none'"
    ),
    "cache-control": "no-store",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}

LINK_REFUSED = "This link was used before, or is older than five minutes. Get a new one: `bandplan stub open`."


def routes(workspace_id: str, host: str) -> list[Route]:
    async def shell(request: Request) -> Response:
        return _file("index.html")

    async def file(request: Request) -> Response:
        return _file(request.path_params["file"])

    async def new_link(request: Request) -> Response:
        code = _sessions(request).new_link()
        return Answer({"url": f"{host}/#open={code}", "expires_in_seconds": LINK_SECONDS})

    async def begin(request: Request) -> Response:
        """Exchange the code of a link for a cookie, and for the key that the page sends beside it."""
        if not is_same_origin(dict(request.scope["headers"])):
            raise Forbidden("A session begins from the page of this workspace only.")
        session = _sessions(request).begin(required_text(await read_object(request), "code"))
        if session is None:
            raise Forbidden(LINK_REFUSED)
        answer = Answer({"key": session.key}, headers={"cache-control": "no-store"})
        answer.set_cookie(COOKIE + workspace_id, session.cookie, path="/", httponly=True, samesite="strict")
        return answer

    return [
        route("GET", "/", shell),
        route("GET", f"{FILES}{{file}}", file),
        route("POST", "/stub/page/links", new_link),
        route("POST", SESSION, begin),
    ]


def _sessions(request: Request) -> Sessions:
    sessions: Sessions = request.app.state.page_sessions
    return sessions


def _file(name: str) -> Response:
    """Return a file of the page, named without any folder. Raises NotFound."""
    if name not in {path.name for path in FOLDER.iterdir()}:
        raise NotFound(f"The page has no file '{name[:80]}'.")
    path = FOLDER / name
    return Response(path.read_bytes(), headers=HEADERS, media_type=f"{TYPES[path.suffix]}; charset=utf-8")
