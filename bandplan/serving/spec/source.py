"""The place in the file where each part of models.yaml was written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from bandplan.serving.spec.suggestion import Suggestions

# A mapping's or a list's children: (line, column, their own children or None for a scalar, (line, column) of the key
# or None in a list), by key or by index.
Mark = tuple[int, int, "Marks | None", "tuple[int, int] | None"]
Marks = dict[str | int, Mark]


@dataclass(frozen=True)
class Source:
    """The places of a file, found by entry path such as `models/support-chat/throughput/bands/min`.

    An entry's path is looked for in the stack's override first, then in the entry, then in `defaults`: a value is
    placed where it was written. A path that is not in the file has the place of its nearest ancestor that is.
    `suggestions` are those of all checks of the file together.
    """

    file: str
    marks: Marks = field(default_factory=dict, repr=False, compare=False)
    names: tuple[str | None, ...] = field(default=(), repr=False, compare=False)
    stack: str | None = None
    suggestions: Suggestions = field(default_factory=Suggestions, repr=False, compare=False)

    def of_stack(self, stack: str) -> Source:
        """Return the same file for another stack."""
        other = replace(self, stack=stack)
        other.__dict__["_indexes"] = self._indexes  # built once for any number of stacks
        return other

    def key_place(self, path: Sequence[str | int]) -> tuple[int, int]:
        """Return (line, column) of the last key of `path`, not of its value."""
        *parents, key = path
        return self.place([*parents, _Key(str(key))])

    def place(self, path: str | Sequence[str | int]) -> tuple[int, int]:
        """Return (line, column), both counted from 1."""
        parts = [part for part in path.split("/") if part] if isinstance(path, str) else list(path)
        if len(parts) < 2 or parts[0] != "models":
            return self._descend(parts)[1]
        index = self._index_of(str(parts[1]))
        if index is None:
            return self._descend(parts[:1])[1]
        rest = parts[2:]
        written = [self._descend(["models", index, *rest], skip=2)]
        if self.stack is not None:
            written.insert(0, self._descend(["overrides", self.stack, parts[1], *rest], skip=3))
        written.append(self._descend(["defaults", *rest], skip=1))
        deepest = max(depth for depth, _ in written)
        if deepest <= 0:
            return self._descend(["models", index])[1]
        return next(place for depth, place in written if depth == deepest)

    def _descend(self, parts: Sequence[str | int], skip: int = 0) -> tuple[int, tuple[int, int]]:
        """Return how many parts past `skip` were found, and the place of the last one found."""
        marks: Marks | None = self.marks
        place, depth = (1, 1), 0
        for part in parts:
            found = _child(marks, part)
            if found is None:
                break
            line, column, marks, key = found
            place, depth = key if key is not None and isinstance(part, _Key) else (line, column), depth + 1
        return depth - skip, place

    def _index_of(self, name: str) -> int | None:
        if name in self._indexes:
            return self._indexes[name]
        return int(name) if _is_index(name) and int(name) < len(self.names) else None

    @cached_property
    def _indexes(self) -> dict[str, int]:
        return {name: index for index, name in reversed(list(enumerate(self.names))) if name is not None}


class _Key(str):
    """The last part of a path whose key is wanted."""


def _child(marks: Marks | None, part: str | int) -> Mark | None:
    if marks is None:
        return None
    if part in marks:
        return marks[part]
    return marks.get(int(part)) if isinstance(part, str) and _is_index(part) else None


def _is_index(part: str) -> bool:
    """Whether the part is an index. Only a short one is, because Python refuses to convert thousands of digits."""
    return len(part) < 10 and part.isdecimal()


def labels_of(models: object) -> tuple[str | None, ...]:
    """Return the label of each entry in paths: its name, or None (its index) if that is missing, odd or taken."""
    labels: list[str | None] = []
    seen: set[str] = set()
    for entry in models if isinstance(models, list) else ():
        name = entry.get("name") if isinstance(entry, dict) else None
        usable = isinstance(name, str) and 0 < len(name) < 100 and "/" not in name and name not in seen
        labels.append(name if usable else None)
        seen.add(name if isinstance(name, str) else "")
    return tuple(labels)
