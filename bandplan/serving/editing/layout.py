"""Where each mapping, list and value of a YAML text begins and ends, so that lines can be added and none rewritten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml import events

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass
class Node:
    """A part of the text. Lines and columns count from 0; `last_line` is the last line that belongs to it.

    `start` and `end` are places as (line, column); `end` is right behind a scalar or a flow collection. A key that is
    not plain text is None among `children`. `keys` are the places of a mapping's keys.
    """

    kind: str
    start: tuple[int, int]
    end: tuple[int, int] = (0, 0)
    last_line: int = 0
    is_flow: bool = False
    is_empty: bool = False
    children: dict[str | int | None, Node] = field(default_factory=dict)
    keys: dict[str | int | None, tuple[int, int]] = field(default_factory=dict)

    def at(self, *path: str | int) -> Node | None:
        """Return the part at a path of keys and indexes, or None."""
        node: Node | None = self
        for step in path:
            node = None if node is None else node.children.get(step)
        return node


def layout(text: str) -> Node | None:
    """Return the root, or None for a text without a document. The text must already have been read without an error."""
    stream = iter(yaml.parse(text, Loader=_Loader))
    for event in stream:
        if isinstance(event, events.DocumentStartEvent):
            return _node(next(stream), stream)
    return None


def _node(event: events.Event, stream: Iterator[events.Event]) -> Node:
    start = _place(event.start_mark)
    match event:
        case events.MappingStartEvent():
            return _mapping(Node("mapping", start, is_flow=bool(event.flow_style)), stream)
        case events.SequenceStartEvent():
            return _sequence(Node("sequence", start, is_flow=bool(event.flow_style)), stream)
    end = _place(event.end_mark)
    # A block scalar ends where the next line begins.
    last = end[0] - 1 if end[1] == 0 and end[0] > start[0] else end[0]
    is_empty = isinstance(event, events.ScalarEvent) and event.value == "" and start == end
    return Node("scalar", start, end, last, is_empty=is_empty)


def _place(mark: Any) -> tuple[int, int]:
    return (mark.line, mark.column) if mark is not None else (0, 0)


def _mapping(node: Node, stream: Iterator[events.Event]) -> Node:
    last = node.start[0]
    while not isinstance(event := next(stream), events.MappingEndEvent):
        key = event.value if isinstance(event, events.ScalarEvent) else None
        node.keys[key] = _place(event.start_mark)
        last = max(last, _node(event, stream).last_line)
        child = _node(next(stream), stream)
        node.children[key] = child
        last = max(last, child.last_line)
    return _ended(node, event, last)


def _sequence(node: Node, stream: Iterator[events.Event]) -> Node:
    last = node.start[0]
    while not isinstance(event := next(stream), events.SequenceEndEvent):
        child = _node(event, stream)
        node.children[len(node.children)] = child
        last = max(last, child.last_line)
    return _ended(node, event, last)


def _ended(node: Node, event: events.Event, last: int) -> Node:
    node.end = _place(event.end_mark)
    node.last_line = node.end[0] if node.is_flow else last
    return node
