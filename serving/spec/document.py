"""YAML text to plain values with places, in bounded time, memory and depth.

Built from parser events, not from composed nodes: libyaml's composer recurses on the C stack, and a file of 10,000
opening brackets ends the process.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import NoReturn

import yaml
from yaml import events

from serving.spec import rules
from serving.spec.problem import Problem, Rule, shown_path
from serving.spec.scalar import OUT_OF_RANGE, plain_scalar
from serving.spec.source import Marks, labels_of

MAX_DEPTH = 40  # arbitrary: the schema needs 8
MAX_VALUES = 250_000  # arbitrary: 1,000 rich entries have about 60,000
TEXT_PER_VALUE = 100  # characters of a text that count as one value more: aliases could repeat megabytes
_MAX_HANDLES = 100  # libyaml compares every %TAG with all before it

_STRING_TAG = "tag:yaml.org,2002:str"
_CONTAINER_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_TAG_HANDLE = re.compile("^%TAG", re.MULTILINE)
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ufffe\uffff]")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PENDING = object()  # a mapping that awaits its next key
_MERGE = object()  # the key `<<`


@dataclass(frozen=True)
class Document:
    """`data` is made of dict, list, str, int, float, bool and None; it is None when the text cannot be read at all.

    A number that cannot be used is OUT_OF_RANGE there, and among the problems. `names` are the labels of the entries.
    """

    data: object
    marks: Marks
    problems: tuple[Problem, ...]
    names: tuple[str | None, ...] = ()


@dataclass(slots=True)
class _Container:
    """A mapping or list being read. `key` is _PENDING while a key is awaited, None for a key to be dropped."""

    value: dict[str, object] | list[object]
    marks: Marks
    line: int
    column: int
    anchor: str | None
    key: object = _PENDING
    key_place: tuple[int, int] = (1, 1)
    merged: list[tuple[object, Marks | None]] = field(default_factory=list)
    values_before: int = 0


class _Stop(Exception):
    """The text cannot be read any further; the problem has been noted."""


def read(text: str, file: str) -> Document:
    """The one document in `text`, with everything that is wrong with it as YAML."""
    reader = _Reader(text, file)
    try:
        reader.run()
    except _Stop:
        return Document(None, {}, _labelled(reader, reader.models_so_far()))
    models = reader.root.get("models") if isinstance(reader.root, dict) else None
    return Document(reader.root, reader.root_marks, _labelled(reader, models), labels_of(models))


def _labelled(reader: _Reader, models: object) -> tuple[Problem, ...]:
    """The reader's problems, each with the path of the entry that it is in, as far as that had been read."""
    names = labels_of(models) if reader.problems else ()
    found = []
    for problem, path in zip(reader.problems, reader.paths, strict=True):
        parts = list(path)
        if len(parts) > 1 and parts[0] == "models" and isinstance(parts[1], int) and parts[1] < len(names):
            parts[1] = names[parts[1]] or parts[1]
        found.append(replace(problem, path=shown_path(parts)))
    return tuple(found)


def values_in(whole: object) -> int:
    """How many values the whole has, as reading counts them: keys too, and long texts as several."""
    values, left = 0, [whole]
    while left:
        one = left.pop()
        values += 1
        if isinstance(one, dict):
            left += [*one, *one.values()]
        elif isinstance(one, list):
            left += one
        elif isinstance(one, str):
            values += len(one) // TEXT_PER_VALUE
    return values


class _Reader:
    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.problems: list[Problem] = []
        self.paths: list[tuple[str | int, ...]] = []  # of the problems
        self.root: object = None
        self.root_marks: Marks = {}
        self._has_root = False
        self._open: list[_Container] = []
        self._anchors: dict[str, tuple[object, Marks | None, int] | None] = {}
        self._values = 0

    def run(self) -> None:
        unprintable = _UNPRINTABLE.search(self.text)
        if unprintable:
            line = self.text.count("\n", 0, unprintable.start()) + 1
            column = unprintable.start() - self.text.rfind("\n", 0, unprintable.start())
            self._stop(
                rules.YAML, line, column, f"the character U+{ord(unprintable.group()):04X} is not allowed", "remove it"
            )
        handles = list(islice(_TAG_HANDLE.finditer(self.text), _MAX_HANDLES))
        if len(handles) == _MAX_HANDLES:
            line = self.text.count("\n", 0, handles[-1].start()) + 1
            self._stop(rules.YAML_LIMIT, line, 1, f"there are {_MAX_HANDLES} lines %TAG", "remove them: no tag is used")
        try:
            loader = _Loader(self.text)
            try:
                self._read_events(loader)
            finally:
                loader.dispose()
        except (yaml.YAMLError, RecursionError) as error:
            self._stop_at_syntax_error(error)
        if self.root is None:
            self._stop(rules.YAML, 1, 1, "the file is empty", "start with `version: 1` and a list `models:`")

    def models_so_far(self) -> object:
        """The entries that had been read, the one being read among them."""
        if not self._open or not isinstance(self._open[0].value, dict):
            return None
        if len(self._open) < 2 or self._open[0].key != "models":
            return self._open[0].value.get("models")
        models = self._open[1].value
        return [*models, *(one.value for one in self._open[2:3])] if isinstance(models, list) else None

    def _path(self, *more: str | int) -> tuple[str | int, ...]:
        """Where the value being read stands, and `more`."""
        parts: list[str | int] = []
        for one in self._open:
            if isinstance(one.value, list):
                parts.append(len(one.value))
            elif isinstance(one.key, str):
                parts.append(one.key)
        return (*parts, *more)

    def _read_events(self, loader: yaml.SafeLoader) -> None:
        documents = 0
        next_event = loader.get_event
        while True:
            event = next_event()  # type: ignore[no-untyped-call]
            kind = type(event)
            if kind is events.ScalarEvent:
                self._add(self._scalar(event), None, event)
            elif kind is events.MappingStartEvent or kind is events.SequenceStartEvent:
                self._start(event, {} if kind is events.MappingStartEvent else [])
            elif kind is events.MappingEndEvent or kind is events.SequenceEndEvent:
                self._end()
            elif kind is events.AliasEvent:
                self._alias(event)
            elif kind is events.DocumentStartEvent:
                documents += 1
                if documents == 2:
                    line, column = _place(event)
                    self._stop(rules.YAML, line, column, "the file holds several documents", "remove the line `---`")
            elif kind is events.StreamEndEvent or event is None:
                return

    def _start(self, event: events.CollectionStartEvent, value: dict[str, object] | list[object]) -> None:
        line, column = _place(event)
        if event.tag not in _CONTAINER_TAGS:
            self._note(rules.YAML, line, column, f"the tag {_shown(event.tag)} is not supported", "remove the tag")
        if len(self._open) >= MAX_DEPTH:
            self._stop(
                rules.YAML_LIMIT,
                line,
                column,
                f"values are nested more than {MAX_DEPTH} deep",
                "write the fleet flatter",
            )
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._count(1, line, column)
        self._open.append(_Container(value, {}, line, column, event.anchor, values_before=self._values - 1))

    def _end(self) -> None:
        done = self._open.pop()
        value, marks = done.value, done.marks
        if done.merged and isinstance(value, dict):
            value, marks = _with_merged(value, marks, done.merged)
        if done.anchor is not None:
            self._anchors[done.anchor] = (value, marks, self._values - done.values_before)
        self._attach(value, marks, done.line, done.column)

    def _alias(self, event: events.AliasEvent) -> None:
        line, column = _place(event)
        if event.anchor not in self._anchors:
            self._stop(
                rules.YAML_ANCHOR,
                line,
                column,
                f"*{_shown(event.anchor)} has no anchor &{_shown(event.anchor)} before it",
                f"write &{_shown(event.anchor)} where the value is first given",
            )
        anchored = self._anchors[event.anchor]
        if anchored is None:
            self._stop(
                rules.YAML_ANCHOR, line, column, f"*{_shown(event.anchor)} is inside its own anchor", "remove the alias"
            )
        value, marks, values = anchored
        self._count(values, line, column)
        self._attach(value, marks, line, column)

    def _add(self, value: object, marks: Marks | None, event: events.ScalarEvent) -> None:
        line, column = _place(event)
        values = 1 + len(event.value) // TEXT_PER_VALUE
        self._count(values, line, column)
        if event.anchor is not None:
            self._anchors[event.anchor] = (value, marks, values)
        self._attach(value, marks, line, column, plain_merge=value == "<<" and event.implicit[0])

    def _attach(self, value: object, marks: Marks | None, line: int, column: int, plain_merge: bool = False) -> None:
        if not self._open:
            self.root, self.root_marks, self._has_root = value, marks or {}, True
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.marks[len(parent.value)] = (line, column, marks)
            parent.value.append(value)
            return
        if parent.key is _PENDING:
            self._take_key(parent, value, line, column, plain_merge)
            return
        key, parent.key = parent.key, _PENDING
        if key is _MERGE:
            self._take_merge(parent, value, marks, line, column)
        elif isinstance(key, str):
            parent.value[key] = value
            place = parent.key_place if marks is not None else (line, column)
            parent.marks[key] = (*place, marks)

    def _take_key(self, parent: _Container, value: object, line: int, column: int, plain_merge: bool) -> None:
        parent.key, parent.key_place = value, (line, column)
        if plain_merge:
            parent.key = _MERGE
        elif value is OUT_OF_RANGE:
            parent.key = None
        elif not isinstance(value, str):
            parent.key = None
            self._note(
                rules.KEY_TYPE,
                line,
                column,
                f"the key {_shown(value)} is not text",
                f'write "{_shown(value)}" in quotes',
            )
        elif value in parent.value:
            parent.key = None
            first = parent.marks[value][0]
            self._note(
                rules.DUPLICATE_KEY,
                line,
                column,
                f"the key {_shown(value)} is already on line {first}",
                "remove one of the two",
                value,
            )

    def _take_merge(self, parent: _Container, value: object, marks: Marks | None, line: int, column: int) -> None:
        values = (
            [(item, (marks or {})[index][2]) for index, item in enumerate(value)]
            if isinstance(value, list)
            else [(value, marks)]
        )
        if all(isinstance(item, dict) for item, _ in values):
            parent.merged.extend(values)
        else:
            self._note(
                rules.YAML_ANCHOR,
                line,
                column,
                "<< is given something that is not a mapping",
                "give it an alias of a mapping",
            )

    def _scalar(self, event: events.ScalarEvent) -> object:
        value: str = event.value
        if event.tag not in (None, "!", _STRING_TAG):
            self._note(rules.YAML, *_place(event), f"the tag {_shown(event.tag)} is not supported", "remove the tag")
        if event.tag is not None or not event.implicit[0]:
            return value
        typed = plain_scalar(value)
        if typed is OUT_OF_RANGE:
            finite = value[-1:].isdigit() or value[-1:] == "."
            finding = f"{value[:30]} is not a number that can be used here"
            step = "write a smaller number" if finite else "write a number in digits, or put the text in quotes"
            self._note(rules.VALUE, *_place(event), finding, step)
        return typed

    def _count(self, values: int, line: int, column: int) -> None:
        self._values += values
        if self._values > MAX_VALUES:
            self._stop(
                rules.YAML_LIMIT,
                line,
                column,
                f"the file grows past {MAX_VALUES:,} values here",
                "split the fleet, or repeat less with aliases",
            )

    def _stop_at_syntax_error(self, error: Exception) -> None:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        if mark is None:
            self._stop(rules.YAML, 1, 1, "the text cannot be read as YAML", "check it with an editor that knows YAML")
        line, column = mark.line + 1, mark.column + 1
        lines = self.text.splitlines()
        written = lines[line - 1] if line <= len(lines) else ""
        if "\t" in written[: len(written) - len(written.lstrip())] or written[column - 1 : column] == "\t":
            self._stop(
                rules.YAML_TAB,
                line,
                max(1, written.find("\t") + 1),
                "a tab is used as indentation",
                "write spaces instead",
            )
        words = getattr(error, "problem", None) or "it cannot be parsed"
        context = getattr(error, "context", None)
        self._stop(
            rules.YAML,
            line,
            column,
            f"not valid YAML: {words}" + (f" {context}" if context else ""),
            "look for a missing quote, bracket, colon or space here or just above",
        )

    def _note(self, rule: Rule, line: int, column: int, finding: str, next_step: str, *key: str) -> None:
        """A problem with the value being read, or with this `key` of it."""
        self.paths.append(self._path(*key))
        self.problems.append(Problem(self.file, line, column, "", finding, rule.text, next_step, rule.id))

    def _stop(self, rule: Rule, line: int, column: int, finding: str, next_step: str) -> NoReturn:
        self._note(rule, line, column, finding, next_step)
        raise _Stop


def _with_merged(
    value: dict[str, object], marks: Marks, merged: list[tuple[object, Marks | None]]
) -> tuple[dict[str, object], Marks]:
    """Own keys win over merged ones, and an earlier merged mapping over a later one."""
    whole: dict[str, object] = {}
    places: Marks = {}
    for mapping, mapping_marks in reversed(merged):
        if isinstance(mapping, dict):
            whole.update(mapping)
            places.update(mapping_marks or {})
    return {**whole, **value}, {**places, **marks}


def _place(event: events.Event) -> tuple[int, int]:
    mark = event.start_mark
    return (mark.line + 1, mark.column + 1) if mark is not None else (1, 1)


def _shown(value: object) -> str:
    text = "null" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
    return text if len(text) <= 40 else text[:37] + "..."
