"""The Starlette application: middleware around the routes, and all errors in the platform's form."""

from collections import Counter
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from bandplan.stub.api.answers import error_answer, refusal_answer
from bandplan.stub.api.identity.access_tokens import AccessTokens
from bandplan.stub.api.middleware import Failures, LoopbackHost, RawPath, Token, WorkspaceId
from bandplan.stub.api.page.access import PageAccess
from bandplan.stub.api.page.sessions import Sessions
from bandplan.stub.api.routing import Routes
from bandplan.stub.state.limits import Limits
from bandplan.stub.state.refusals import Refusal

MAX_UNKNOWN_ROUTES = 1000
"""Maximum number of distinct unknown routes counted; an arbitrary bound on memory."""


def build(
    routes: Sequence[Route],
    token: str,
    workspace_id: str,
    unknown_routes: Counter[str],
    limits: Limits | None = None,
    inner: Sequence[Middleware] = (),
) -> Starlette:
    """Build the application that answers every HTTP request.

    `unknown_routes` counts each `METHOD /path` without a route. `inner` is middleware for requests that have the token.
    """

    async def unknown(request: Request, error: Exception) -> Response:
        # Starlette raises 404 for an unknown path and 405 for an unknown method.
        route = f"{request.method} {request.scope['raw_path'].decode('latin-1')}"[:300]
        if route in unknown_routes or len(unknown_routes) < MAX_UNKNOWN_ROUTES:
            unknown_routes[route] += 1
        return error_answer("ENDPOINT_NOT_FOUND", f"No API found for '{route}'.")

    tokens, page_sessions = AccessTokens(token), Sessions()
    application = Starlette(
        routes=[Routes(routes)],
        middleware=[
            Middleware(WorkspaceId, workspace_id),
            Middleware(Failures),
            Middleware(RawPath),
            Middleware(LoopbackHost),
            Middleware(Token, tokens, PageAccess(page_sessions, workspace_id)),
            *inner,
        ],
        exception_handlers={HTTPException: unknown, Refusal: _refused},
    )
    application.router.redirect_slashes = False
    application.state.limits = limits or Limits()
    application.state.access_tokens = tokens
    application.state.page_sessions = page_sessions
    return application


async def _refused(request: Request, refusal: Exception) -> Response:
    assert isinstance(refusal, Refusal)
    return refusal_answer(refusal)
