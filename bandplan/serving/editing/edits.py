"""Edit a YAML text by path: replace or add values, remove keys, append entries. Pure.

CannotEdit    the layout of the text cannot be edited; the message gives the place and the next step
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bandplan.serving.editing.layout import Node, layout
from bandplan.serving.editing.yaml_text import block, flow, quoted_like, scalar
from bandplan.serving.spec.document import read

Path = tuple[str | int, ...]
"""Keys and indexes from the root; it ends with the key that is edited."""

NEW_FILE = "version: 1\nmodels: []\n"
"""Text that stands in for an empty or absent file."""


class CannotEdit(ValueError):
    """The text cannot be edited this way; the message is for the user."""


@dataclass(frozen=True)
class Put:
    """Set a key to a value, whether or not the key exists. A scalar keeps the quotes of the one it replaces.

    `instead_of` names a key of the same mapping to replace. `comment` is written on separate lines above a value that
    spans lines, unless that begins an entry of a list.
    """

    path: Path
    value: Any
    comment: tuple[str, ...] = ()
    instead_of: str | None = None


@dataclass(frozen=True)
class Remove:
    """Remove a key and its value; comments within it stay."""

    path: Path


Edit = Put | Remove


def edited(text: str, edits: Sequence[Edit], file: str = "models.yaml") -> str:
    """Apply the edits, and check that the new text has exactly the intended values.

    Existing keys are edited in place; a new key is added below the last line of its mapping.
    Errors: CannotEdit.
    """
    before = read(text, file).data
    root = layout(text) if before is not None else None
    if root is None:
        raise CannotEdit("the file is empty or cannot be read")
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    there: list[Edit] = []
    added: list[Edit] = []
    for edit in edits:
        is_new = isinstance(edit, Put) and edit.instead_of is None and root.at(*edit.path) is None
        (added if is_new else there).append(edit)
    cuts = [_cut(root, lines, edit, end) for edit in there]
    for cut in sorted(cuts, key=lambda one: one.start, reverse=True):
        _carry_out(lines, cut)
    new = end.join(lines) + (end if text.endswith(("\n", "\r")) else "")
    for edit in added:
        assert isinstance(edit, Put)
        new = with_child(new, edit.path[:-1], {str(edit.path[-1]): edit.value}, edit.comment)
    if read(new, file).data != _wanted(before, edits):
        places = ", ".join(_shown(edit.path) for edit in edits)
        raise CannotEdit(f"{places} cannot be edited without changing something else (an anchor?); edit it by hand")
    return new


def _wanted(data: Any, edits: Sequence[Edit]) -> Any:
    """Return the data that the new text must have."""
    data = _unshared(data)
    for edit in edits:
        *above, key = edit.path
        parent = data
        for step in above:
            if isinstance(parent, dict) and parent.get(step) is None:
                parent[step] = {}
            parent = parent[step]
        if isinstance(edit, Remove) or edit.instead_of is not None:
            del parent[key if isinstance(edit, Remove) else edit.instead_of]
        if isinstance(edit, Put):
            parent[key] = edit.value
    return data


def _unshared(value: Any) -> Any:
    """Return a copy in which every alias is expanded, because an edit changes one place only."""
    if isinstance(value, dict):
        return {key: _unshared(item) for key, item in value.items()}
    return [_unshared(item) for item in value] if isinstance(value, list) else value


def with_entries(text: str, entries: Sequence[Mapping[str, Any]]) -> str:
    """Return the text with the entries appended to `models`, in its own indentation. Errors: CannotEdit."""
    if not entries:
        return text
    lines = _Lines(text or NEW_FILE)
    models = lines.root.at("models")
    if models is None:
        return lines.inserted(lines.root.last_line + 1, ["models:", *_items(entries, 2)])
    if models.kind == "scalar" and models.is_empty:
        return lines.inserted(models.last_line + 1, _items(entries, 2))
    if models.kind != "sequence":
        raise CannotEdit("`models` is not a list")
    if models.is_flow and not models.children:
        lines.cut(models.start, models.end)
        return lines.inserted(models.start[0] + 1, _items(entries, 2))
    if models.is_flow:
        raise CannotEdit("`models` is written in brackets; write it as a list of lines that begin with `- `")
    column = models.start[1]
    spaced = lines.has_blank_between(models)
    return lines.inserted(models.last_line + 1, _items(entries, column, spaced=spaced))


def with_child(text: str, path: Sequence[str | int], value: Mapping[str, Any], comment: Sequence[str] = ()) -> str:
    """Return the text with `value` merged into the mapping at `path`, which may exist but has none of the new keys.

    Errors: CannotEdit.
    """
    lines = _Lines(text)
    node, depth = lines.root, 0
    while depth < len(path) and (inner := node.children.get(path[depth])) is not None:
        node, depth = inner, depth + 1
    place = _shown(path[:depth]) or "the file"
    if node.kind == "scalar" and node.is_empty:
        raise CannotEdit(f"{place} is empty; remove the key, or give it a value")
    if node.is_flow and node.kind == "mapping":
        wanted: Mapping[str, Any] = value
        for key in reversed(path[depth:]):
            wanted = {str(key): wanted}
        return _added_in_flow(lines, node, wanted)
    if node.kind != "mapping":
        raise CannotEdit(f"{place} is not a mapping")
    column = node.start[1]
    above = path[depth:-1]
    new = [*(f"# {line}" for line in comment), *(f"{'  ' * level}{scalar(key)}:" for level, key in enumerate(above))]
    below = block({str(path[-1]): value} if depth < len(path) else value)
    new += [f"{'  ' * len(above)}{line}" for line in below]
    return lines.inserted(node.last_line + 1, [" " * column + line for line in new])


def _added_in_flow(lines: "_Lines", node: Node, value: Mapping[str, Any]) -> str:
    """Insert the values before the closing bracket."""
    line, column = node.end[0], node.end[1] - 1
    inside = ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items())
    return lines.spliced(line, column, (", " if node.children else "") + inside)


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
    """A text as lines with its layout; it keeps the file's own line endings."""

    def __init__(self, text: str) -> None:
        self._end = "\r\n" if "\r\n" in text else "\n"
        self._lines = text.splitlines()
        # A form feed or another odd line ending would shift every line that the layout counts.
        if len(self._lines) != len(text.replace("\r\n", "\n").rstrip("\n").split("\n")) and text.strip():
            raise CannotEdit("the file has line endings that YAML does not recognize")
        root = layout(text)
        if root is None:
            raise CannotEdit("the file is empty")
        if root.kind != "mapping" or root.is_flow:
            raise CannotEdit("the file is not a mapping with lines such as `models:`")
        self.root = root

    def inserted(self, line: int, new: Sequence[str]) -> str:
        """Return the text with `new` lines before line number `line`."""
        lines = [*self._lines[:line], *new, *self._lines[line:]]
        return self._end.join(lines) + self._end

    def spliced(self, line: int, column: int, new: str) -> str:
        self._lines[line] = self._lines[line][:column] + new + self._lines[line][column:]
        return self._end.join(self._lines) + self._end

    def cut(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Cut the text between two places of one line."""
        if start[0] != end[0]:
            raise CannotEdit("`models` is an empty list spread over several lines; write `models: []`")
        line = self._lines[start[0]]
        self._lines[start[0]] = (line[: start[1]].rstrip() + " " + line[end[1] :].lstrip()).rstrip()

    def has_blank_between(self, models: Node) -> bool:
        """Whether an empty line separates the entries."""
        places = list(models.children.values())
        if len(places) < 2:
            return bool(places) and models.last_line > places[0].start[0] + 2
        return not self._lines[places[-2].last_line + 1].strip()


@dataclass(frozen=True)
class _Cut:
    start: tuple[int, int]
    end: tuple[int, int]
    new: str


def _cut(root: Node, lines: list[str], edit: Edit, end: str) -> _Cut:
    *above, last = edit.path
    key = last if isinstance(edit, Remove) or edit.instead_of is None else edit.instead_of
    parent = root.at(*above)
    value = parent.children.get(key) if parent is not None else None
    where = _shown((*above, key))
    if parent is None or value is None or key not in parent.keys:
        raise CannotEdit(f"{where} is not written there (an anchor or a merge key?); write it out first")
    if lines[value.start[0]][value.start[1] : value.start[1] + 1] in ("&", "*", "!"):
        raise CannotEdit(f"{where} is written with an anchor or a tag; write it out first")
    start = parent.keys[key]
    if isinstance(edit, Put) and edit.instead_of is None and not edit.comment and _is_in_place(value, edit.value):
        was = lines[value.start[0]][value.start[1] : value.end[1]]
        return _Cut(value.start, value.end, quoted_like(was, edit.value))
    new = None if isinstance(edit, Remove) else f"{scalar(last)}: {flow(edit.value)}"
    comment = edit.comment if isinstance(edit, Put) else ()
    if parent.is_flow:
        return _cut_in_flow(lines, start, value.end, new)
    indent = " " * start[1]
    first = lines[start[0]]
    before = first[: start[1]]
    kept = [one for line in range(start[0], value.last_line + 1) if (one := _comment(lines, line, value, start))]
    if new is None:
        if before.strip():
            raise CannotEdit(f"{where} is the first key of its entry; move it down first")
        return _Cut((start[0], 0), (value.last_line + 1, 0), "".join(f"{indent}{one}{end}" for one in kept))
    above_lines = [] if before.strip() else [f"# {one}" for one in comment]
    new = "".join(f"{one}{end}{indent}" for one in above_lines) + new
    if value.last_line == start[0]:
        return _Cut(start, _end_of(value, lines), new)
    new += "".join(f"{end}{indent}{one}" for one in kept)
    return _Cut(start, (value.last_line, len(lines[value.last_line])), new)


def _cut_in_flow(lines: list[str], start: tuple[int, int], end: tuple[int, int], new: str | None) -> _Cut:
    if start[0] != end[0]:
        raise CannotEdit(f"line {start[0] + 1}: a value in brackets spans several lines; write it on one line")
    if new is not None:
        return _Cut(start, end, new)
    line = lines[start[0]]
    before, after = line[: start[1]], line[end[1] :]
    if before.rstrip().endswith(","):
        return _Cut((start[0], len(before.rstrip()) - 1), end, "")
    gap = len(after) - len(after.lstrip(" ,"))
    return _Cut(start, (end[0], end[1] + gap), "")


def _end_of(value: Node, lines: list[str]) -> tuple[int, int]:
    """Return the place right behind a value of one line; for a mapping in lines of its own, the end of the line."""
    if value.kind == "scalar" or value.is_flow:
        return value.end
    return value.last_line, len(lines[value.last_line])


def _comment(lines: list[str], number: int, value: Node, start: tuple[int, int]) -> str:
    """Return the comment of a line to remove, or "". `#` begins one at a line's start and after a space."""
    line = lines[number]
    from_column = start[1] if number == start[0] else 0
    if number == value.end[0] and (value.is_flow or value.kind == "scalar"):
        from_column = value.end[1]
    quote = ""
    for column in range(from_column, len(line)):
        letter = line[column]
        if quote:
            quote = "" if letter == quote else quote
        elif letter in "\"'":
            quote = letter
        elif letter == "#" and (column == 0 or line[column - 1] in " \t"):
            return line[column:].rstrip()
    return ""


def _carry_out(lines: list[str], cut: _Cut) -> None:
    """Replace the text between two places; a cut that ends at a line's beginning removes that line's ending too."""
    head = lines[cut.start[0]][: cut.start[1]]
    is_past = cut.end[0] >= len(lines)
    tail = "" if is_past else lines[cut.end[0]][cut.end[1] :]
    whole = head + cut.new + tail
    if is_past and not whole:
        lines[cut.start[0] :] = []
        return
    lines[cut.start[0] : cut.end[0] + 1] = whole.splitlines() or ([""] if not is_past else [])


def _is_in_place(value: Node, new: Any) -> bool:
    """Whether a scalar replaces another one on the same line."""
    is_one_line = value.kind == "scalar" and value.start[0] == value.end[0] and not value.is_empty
    return is_one_line and not isinstance(new, Mapping | list | tuple)


def _shown(path: Sequence[str | int]) -> str:
    return "/".join(map(str, path))
