"""Routes on raw paths: Starlette's, except for what the platform's clients need.

Clients send `%2F` inside one segment, so a path is matched before it is decoded
(`bandplan.stub.api.middleware.RawPath`) and its open segments are decoded afterwards. Starlette takes the first route
that matches, so a literal segment is listed before an open one.

A pattern ends in `{path:path}` where the rest of a path may contain slashes, as in the Files API.
"""

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable
from urllib.parse import unquote

from starlette.convertors import Convertor
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route
from starlette.types import Receive, Scope, Send

from bandplan.stub.api.bodies import WholeBody

Handler = Callable[[Request], Awaitable[Response]] | Response
"""A coroutine function, as Starlette runs plain functions on other threads; or a fixed answer. A handler that changes
the workspace awaits nothing except the body, which has arrived (`bandplan.stub.api.bodies`), so no two changes
interleave.
"""


class Segment(Convertor[str]):
    """One open segment of a path, or its rest, percent-encoded on the wire."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        return unquote(value)

    def to_string(self, value: str) -> str:
        raise NotImplementedError("the workspace does not build links")


SEGMENT = Segment()


def route(method: str, pattern: str, handler: Handler) -> Route:
    """Return a route for a pattern such as `/api/2.0/serving-endpoints/{name}`, started once the body is complete."""
    return _route(method, pattern, handler, [Middleware(WholeBody)])


def streaming_route(method: str, pattern: str, handler: Handler) -> Route:
    """Return a route whose handler reads its body as it arrives, with `request.stream()`.

    Other requests are answered meanwhile: the handler must repeat, before it changes the workspace, whatever it looked
    up before the end of the body. It limits the size of the body itself.
    """
    return _route(method, pattern, handler, [])


def _route(method: str, pattern: str, handler: Handler, middleware: list[Middleware]) -> Route:
    made = Route(pattern, handler, methods=[method], middleware=middleware)
    made.methods = {method}  # without the HEAD that Starlette adds to a GET: a read can change what it reads
    made.param_convertors = dict.fromkeys(made.param_convertors, SEGMENT)
    return made


class Routes(BaseRoute):
    """Routes by method and first segment, which is literal in all of them: Starlette would try a hundred in turn."""

    def __init__(self, routes: Iterable[Route]) -> None:
        self._routes: defaultdict[tuple[str, str], list[Route]] = defaultdict(list)
        for one in routes:
            for method in one.methods or ():
                self._routes[method, _first_segment(one.path)].append(one)

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        for one in self._routes.get((scope["method"], _first_segment(scope["path"])), ()):
            match, found = one.matches(scope)
            if match is Match.FULL:
                return match, {**found, "route": one}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await scope["route"].handle(scope, receive, send)


def _first_segment(path: str) -> str:
    return path.removeprefix("/").partition("/")[0]
