"""Finds the route of a raw path.

The path is split before it is decoded, because clients send `%2F` inside one segment; a trailing slash and a bare `?`
make no difference; a literal segment wins over an open one.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from stub.api.answers import Answer, EventStream
from stub.api.requests import Request

Handler = Callable[[Request], Answer] | Callable[[Request], Awaitable[Answer | EventStream]]
"""Control-plane routes are plain functions: they run to their end without giving way, so no two changes interleave."""


class Node:
    """A place in the tree of routes."""

    __slots__ = ("handlers", "literals", "open")

    def __init__(self) -> None:
        self.literals: dict[str, Node] = {}
        self.open: Node | None = None
        self.handlers: dict[str, Handler] = {}


class Router:
    """Handlers by method and path pattern such as `/api/2.0/serving-endpoints/{name}`."""

    def __init__(self) -> None:
        self._root = Node()

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        node = self._root
        for segment in pattern.strip("/").split("/"):
            if segment.startswith("{"):
                node.open = node.open or Node()
                node = node.open
            else:
                node = node.literals.setdefault(segment, Node())
        if method in node.handlers:
            raise ValueError(f"{method} {pattern}: the route is there already")
        node.handlers[method] = handler

    def find(self, method: str, raw_path: str) -> tuple[Handler, tuple[str, ...]] | None:
        """The handler and the decoded open segments, or None."""
        segments = raw_path.split("/")[1:]
        if len(segments) > 1 and not segments[-1]:
            segments.pop()
        return _find(self._root, method, segments, 0, ())


def _find(
    node: Node, method: str, segments: list[str], at: int, values: tuple[str, ...]
) -> tuple[Handler, tuple[str, ...]] | None:
    if at == len(segments):
        handler = node.handlers.get(method)
        return (handler, values) if handler else None
    segment = segments[at]
    literal = node.literals.get(segment)
    if literal is not None:
        found = _find(literal, method, segments, at + 1, values)
        if found is not None:
            return found
    if node.open is None or not segment:
        return None
    value = unquote(segment) if "%" in segment else segment
    return _find(node.open, method, segments, at + 1, (*values, value))
