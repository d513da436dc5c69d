"""Replaces and removes keys of a models.yaml that people keep: everything else stays, comments too."""

from collections.abc import Sequence
from dataclasses import dataclass

from bandplan.adoption.insertion import CannotInsert
from bandplan.adoption.layout import Node, layout


@dataclass(frozen=True)
class Edit:
    """What is to become of one key: `path` ends with it. `new` is the line that takes its place, None removes it.

    `comment` goes on lines of its own above it, where the mapping is written in lines.
    """

    path: tuple[str | int, ...]
    new: str | None
    comment: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Cut:
    start: tuple[int, int]
    end: tuple[int, int]
    new: str


def edited(text: str, edits: Sequence[Edit]) -> str:
    """The text with the edits carried out. Errors: CannotInsert when a key is not written where its path says."""
    root = layout(text)
    if root is None:
        raise CannotInsert("the file is empty")
    end = "\r\n" if "\r\n" in text else "\n"
    lines = text.splitlines()
    cuts = [_cut(root, lines, edit, end) for edit in edits]
    for cut in sorted(cuts, key=lambda one: one.start, reverse=True):
        _carry_out(lines, cut)
    return end.join(lines) + (end if text.endswith(("\n", "\r")) else "")


def _cut(root: Node, lines: list[str], edit: Edit, end: str) -> _Cut:
    *above, key = edit.path
    parent = root.at(*above)
    value = parent.children.get(key) if parent is not None else None
    if parent is None or value is None or key not in parent.keys:
        where = "/".join(map(str, edit.path))
        raise CannotInsert(f"{where} is not written there (an anchor or a merge key?); write it out first")
    start = parent.keys[key]
    if parent.is_flow:
        return _in_flow(lines, start, value.end, edit.new)
    indent = " " * start[1]
    first = lines[start[0]]
    before = first[: start[1]]
    kept = [
        comment for line in range(start[0], value.last_line + 1) if (comment := _comment(lines, line, value, start))
    ]
    if edit.new is None:
        if before.strip():
            raise CannotInsert(f"{'/'.join(map(str, edit.path))} is the first key of its entry; move it down first")
        return _Cut((start[0], 0), (value.last_line + 1, 0), "".join(f"{indent}{one}{end}" for one in kept))
    above_lines = [f"# {one}" for one in edit.comment]
    if before.strip():
        above_lines = []
    new = "".join(f"{one}{end}{indent}" for one in above_lines) + edit.new
    if value.last_line == start[0]:
        return _Cut(start, _end_of(value, lines), new)
    new += "".join(f"{end}{indent}{one}" for one in kept)
    return _Cut(start, (value.last_line, len(lines[value.last_line])), new)


def _in_flow(lines: list[str], start: tuple[int, int], end: tuple[int, int], new: str | None) -> _Cut:
    if start[0] != end[0]:
        raise CannotInsert(f"line {start[0] + 1}: a value in brackets goes over several lines; write it on one")
    if new is not None:
        return _Cut(start, end, new)
    line = lines[start[0]]
    before, after = line[: start[1]], line[end[1] :]
    if before.rstrip().endswith(","):
        return _Cut((start[0], len(before.rstrip()) - 1), end, "")
    gap = len(after) - len(after.lstrip(" ,"))
    return _Cut(start, (end[0], end[1] + gap), "")


def _end_of(value: Node, lines: list[str]) -> tuple[int, int]:
    """Right behind a value of one line; a mapping in lines of its own has no such place but the line's end."""
    if value.kind == "scalar" or value.is_flow:
        return value.end
    return value.last_line, len(lines[value.last_line])


def _comment(lines: list[str], number: int, value: Node, start: tuple[int, int]) -> str:
    """The comment of a line that goes, if it has one. `#` begins one at a line's start and after a space."""
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
    """Replace what is between two places; a cut that ends at a line's beginning takes that line's end with it."""
    head = lines[cut.start[0]][: cut.start[1]]
    is_past = cut.end[0] >= len(lines)
    tail = "" if is_past else lines[cut.end[0]][cut.end[1] :]
    whole = head + cut.new + tail
    if is_past and not whole:
        lines[cut.start[0] :] = []
        return
    lines[cut.start[0] : cut.end[0] + 1] = whole.splitlines() or ([""] if not is_past else [])
