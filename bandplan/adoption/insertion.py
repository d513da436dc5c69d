"""Adds entries and overrides to a models.yaml that people keep: lines are added, none is rewritten.

CannotInsert    the file is laid out in a way that lines cannot be added to; the message says where
"""

from collections.abc import Mapping, Sequence
from typing import Any

from bandplan.adoption.layout import Node, layout
from bandplan.adoption.yaml_text import block, scalar

NEW_FILE = "version: 1\nmodels: []\n"
"""What an empty or absent file is taken for."""


class CannotInsert(Exception):
    """There is no place to add a line to; the message is for the user."""


def with_entries(text: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """The text with the entries at the end of `models`, in its own indentation. Errors: CannotInsert."""
    if not entries:
        return text
    lines = _Lines(text or NEW_FILE)
    models = lines.root.at("models")
    if models is None:
        return lines.inserted(lines.root.last_line + 1, ["models:", *_items(entries, 2)])
    if models.kind == "scalar" and models.is_empty:
        return lines.inserted(models.last_line + 1, _items(entries, 2))
    if models.kind != "sequence":
        raise CannotInsert("`models` is no list")
    if models.is_flow and not models.children:
        lines.cut(models.start, models.end)
        return lines.inserted(models.start[0] + 1, _items(entries, 2))
    if models.is_flow:
        raise CannotInsert("`models` is written in brackets; write it as a list of lines that begin with `- `")
    column = models.start[1]
    spaced = lines.has_blank_between(models)
    return lines.inserted(models.last_line + 1, _items(entries, column, spaced=spaced))


def with_child(text: str, path: Sequence[str], value: Mapping[str, Any]) -> str:
    """The text with `value` as the mapping at `path`, which may be there in part but has none of its keys.

    Errors: CannotInsert.
    """
    lines = _Lines(text)
    node, depth = lines.root, 0
    while depth < len(path) and (inner := node.children.get(path[depth])) is not None:
        node, depth = inner, depth + 1
    place = "/".join(path[:depth]) or "the file"
    if node.kind == "scalar" and node.is_empty:
        raise CannotInsert(f"{place} is empty; remove the key, or give it a value")
    if node.is_flow and node.kind == "mapping":
        wanted: Mapping[str, Any] = value
        for key in reversed(path[depth:]):
            wanted = {key: wanted}
        return _in_flow(lines, node, wanted)
    if node.kind != "mapping":
        raise CannotInsert(f"{place} is no mapping")
    column = node.start[1]
    above = path[depth:-1]
    new = [f"{'  ' * level}{scalar(key)}:" for level, key in enumerate(above)]
    below = block({path[-1]: value} if depth < len(path) else value)
    new += [f"{'  ' * len(above)}{line}" for line in below]
    return lines.inserted(node.last_line + 1, [" " * column + line for line in new])


def _in_flow(lines: "_Lines", node: Node, value: Mapping[str, Any]) -> str:
    """Before the closing bracket."""
    line, column = node.end[0], node.end[1] - 1
    inside = ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items())
    return lines.spliced(line, column, (", " if node.children else "") + inside)


def _flow(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    return scalar(value)


def _items(entries: Sequence[Mapping[str, Any]], column: int, *, spaced: bool = False) -> list[str]:
    indent = " " * column
    out: list[str] = []
    for index, entry in enumerate(entries):
        if spaced or index:
            out.append("")
        first, *rest = block(entry)
        out += [f"{indent}- {first}", *(f"{indent}  {line}" for line in rest)]
    return out


class _Lines:
    """A text as lines, with its layout; knows the file's own line ends."""

    def __init__(self, text: str) -> None:
        self._end = "\r\n" if "\r\n" in text else "\n"
        self._lines = text.splitlines()
        # A form feed or another odd line end would shift every line that the layout counts.
        if len(self._lines) != len(text.replace("\r\n", "\n").rstrip("\n").split("\n")) and text.strip():
            raise CannotInsert("the file has line ends of a kind that YAML does not count")
        root = layout(text)
        if root is None:
            raise CannotInsert("the file is empty")
        if root.kind != "mapping" or root.is_flow:
            raise CannotInsert("the file is no mapping of lines such as `models:`")
        self.root = root

    def inserted(self, line: int, new: Sequence[str]) -> str:
        """The text with `new` lines before line number `line`."""
        lines = [*self._lines[:line], *new, *self._lines[line:]]
        return self._end.join(lines) + self._end

    def spliced(self, line: int, column: int, new: str) -> str:
        self._lines[line] = self._lines[line][:column] + new + self._lines[line][column:]
        return self._end.join(self._lines) + self._end

    def cut(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Take out what is between two places of one line."""
        if start[0] != end[0]:
            raise CannotInsert("`models` is an empty list over several lines; write `models: []`")
        line = self._lines[start[0]]
        self._lines[start[0]] = (line[: start[1]].rstrip() + " " + line[end[1] :].lstrip()).rstrip()

    def has_blank_between(self, models: Node) -> bool:
        """Whether entries stand apart from each other by an empty line."""
        places = list(models.children.values())
        if len(places) < 2:
            return bool(places) and models.last_line > places[0].start[0] + 2
        return not self._lines[places[-2].last_line + 1].strip()
