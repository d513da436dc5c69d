"""Turn YAML's events into dict, list and scalars, with the place of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

import yaml
from yaml import events

from bandplan.serving.spec import rules
from bandplan.serving.spec.problem import Problem, Rule
from bandplan.serving.spec.scalar import OUT_OF_RANGE, plain_scalar
from bandplan.serving.spec.source import Marks
from bandplan.serving.spec.yaml_syntax import of_yaml_error, shown_key, step_for_key, unfit_text

MAX_DEPTH = 40  # arbitrary: the schema needs 8
MAX_VALUES = 250_000  # arbitrary: 1,000 rich entries have about 60,000
TEXT_PER_VALUE = 100  # characters of a text that count as one more value: aliases could repeat megabytes

_STRING_TAG = "tag:yaml.org,2002:str"
_CONTAINER_TAGS = (None, "!", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PENDING = object()  # a mapping that awaits its next key
_MERGE = object()  # the key `<<`


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


class Unreadable(Exception):
    """The text cannot be read any further; the problem has been recorded."""


class EventReader:
    """Builds values from parser events, not from composed nodes: libyaml's composer recurses on the C stack, and a file
    of 10,000 opening brackets ends the process.
    """

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.problems: list[Problem] = []
        self.paths: list[tuple[str | int, ...]] = []  # of the problems
        self.root: object = None
        self.root_marks: Marks = {}
        self._open: list[_Container] = []
        self._anchors: dict[str, tuple[object, Marks | None, int] | None] = {}
        self._values = 0

    def run(self) -> None:
        unfit = unfit_text(self.text)
        if unfit is not None:
            self._stop(*unfit)
        try:
            loader = _Loader(self.text)
            try:
                self._read_events(loader)
            finally:
                loader.dispose()
        except (yaml.YAMLError, RecursionError) as error:
            self._stop(*of_yaml_error(error, self.text))
        if self.root is None:
            self._stop(rules.YAML, 1, 1, "the file is empty", "start with `version: 1` and a list `models:`")

    def models_so_far(self) -> object:
        """Return the entries read so far, including the one being read."""
        if not self._open or not isinstance(self._open[0].value, dict):
            return None
        if len(self._open) < 2 or self._open[0].key != "models":
            return self._open[0].value.get("models")
        models = self._open[1].value
        return [*models, *(one.value for one in self._open[2:3])] if isinstance(models, list) else None

    def _path(self, *more: str | int) -> tuple[str | int, ...]:
        """Return the path of the value being read, followed by `more`."""
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
                    self._stop(rules.YAML, line, column, "the file contains several documents", "remove the line `---`")
            elif kind is events.StreamEndEvent or event is None:
                return

    def _start(self, event: events.CollectionStartEvent, value: dict[str, object] | list[object]) -> None:
        line, column = _place(event)
        if event.tag not in _CONTAINER_TAGS:
            self._note(rules.YAML, line, column, f"the tag {shown_key(event.tag)} is not supported", "remove the tag")
        if len(self._open) >= MAX_DEPTH:
            self._stop(
                rules.YAML_LIMIT,
                line,
                column,
                f"values are nested more than {MAX_DEPTH} deep",
                "nest the values less deeply",
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
                f"*{shown_key(event.anchor)} has no anchor &{shown_key(event.anchor)} before it",
                f"write &{shown_key(event.anchor)} where the value is first given",
            )
        anchored = self._anchors[event.anchor]
        if anchored is None:
            self._stop(
                rules.YAML_ANCHOR,
                line,
                column,
                f"*{shown_key(event.anchor)} is inside its own anchor",
                "remove the alias",
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
            self.root, self.root_marks = value, marks or {}
            return
        parent = self._open[-1]
        if isinstance(parent.value, list):
            parent.marks[len(parent.value)] = (line, column, marks, None)
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
            parent.marks[key] = (*place, marks, parent.key_place)

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
                f"the key {shown_key(value)} is not text",
                step_for_key(value),
            )
        elif value in parent.value:
            parent.key = None
            first = parent.marks[value][0]
            self._note(
                rules.DUPLICATE_KEY,
                line,
                column,
                f"the key {shown_key(value)} is already on line {first}",
                "remove one of the two",
                value,
            )

    def _take_merge(self, parent: _Container, value: object, marks: Marks | None, line: int, column: int) -> None:
        values = (
            [(item, (marks or {})[index][2]) for index, item in enumerate(value)]
            if isinstance(value, list)
            else [(value, marks)]
        )
        if all(isinstance(item, dict) or item is None for item, _ in values):  # an anchor of nothing merges nothing
            parent.merged.extend(values)
        else:
            self._note(
                rules.YAML_ANCHOR,
                line,
                column,
                "the value of << is not a mapping",
                "give it an alias of a mapping",
            )

    def _scalar(self, event: events.ScalarEvent) -> object:
        value: str = event.value
        if event.tag not in (None, "!", _STRING_TAG):
            self._note(rules.YAML, *_place(event), f"the tag {shown_key(event.tag)} is not supported", "remove the tag")
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
                f"the file exceeds {MAX_VALUES:,} values here",
                "split the fleet, or repeat less with aliases",
            )

    def _note(self, rule: Rule, line: int, column: int, finding: str, next_step: str, *key: str) -> None:
        """Record a problem with the value being read, or with this `key` of it."""
        self.paths.append(self._path(*key))
        self.problems.append(Problem(self.file, line, column, "", finding, rule.text, next_step, rule.id))

    def _stop(self, rule: Rule, line: int, column: int, finding: str, next_step: str) -> NoReturn:
        self._note(rule, line, column, finding, next_step)
        raise Unreadable


def _with_merged(
    value: dict[str, object], marks: Marks, merged: list[tuple[object, Marks | None]]
) -> tuple[dict[str, object], Marks]:
    """Merge mappings: own keys win over merged ones, and an earlier merged mapping over a later one."""
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
