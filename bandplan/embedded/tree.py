"""A run as a live tree on a terminal, like Pulumi's own display: resources under their parents, each with its status.

While it runs, as much of the tree as fits shows what is in progress; at the end the whole tree of changes stays on the
screen. Unchanged resources appear only if something below them changed. `rich` does the drawing; it is imported only
here, because a run without a terminal does not need it.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from bandplan.embedded.events import (
    Diagnosed,
    Event,
    Finished,
    PolicyViolated,
    Progressed,
    Started,
    StepBegan,
    StepEnded,
    StepFailed,
)
from bandplan.embedded.layout import hanging
from bandplan.embedded.lines import TITLES, closing, indented, worded
from bandplan.embedded.policy_lines import policy_section
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, Step
from bandplan.embedded.wording import (
    COLOURS,
    MARKS,
    doing,
    done,
    duration,
    is_internal,
    is_retained,
    label,
    property_changes,
    short_label,
)
from bandplan.wire.visible import visible

_REFRESH_PER_SECOND = 8
_SILENT_SECONDS = 0.8
"""Time without a row before the live tree says that the stack is planned."""
_LINES_AROUND = 3
"""Rows of the terminal that the live tree leaves free: the title, the count and the cursor's line."""


@dataclass
class Row:
    """One resource of the tree."""

    state: ResourceState
    op: Op = Op.SAME
    began: float = 0.0
    seconds: float | None = None
    text: str = ""
    is_failed: bool = False
    is_retained: bool = False
    changes: list[str] = field(default_factory=list)

    @property
    def is_under_way(self) -> bool:
        """Whether work on the resource has begun and not ended."""
        return self.op is not Op.SAME and self.seconds is None and not self.is_failed


class Tree:
    """Shows events on a terminal. Use it as a context manager around the run."""

    def __init__(self, console: Console, is_full: bool = False) -> None:
        """Set the console. `is_full`: also show the inputs of new resources, and truncate no value."""
        self._console = console
        self._is_full = is_full
        self._is_preview = False
        self._began: float | None = None
        self._rows: dict[str, Row] = {}
        self._messages: list[Text] = []
        self._policies = ""
        self._violations: list[PolicyViolated] = []
        self._live = Live(
            console=console, refresh_per_second=_REFRESH_PER_SECOND, get_renderable=self._drawn, transient=True
        )

    def __enter__(self) -> "Tree":
        """Start drawing."""
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Leave only the finished tree on the screen."""
        self._live.__exit__(*error)

    def take(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started(kind=kind, stack=stack, policies=policies):
                self._rows, self._messages = {}, []
                self._policies, self._violations = policies, []
                self._is_preview = kind == "preview"
                self._began = time.monotonic()
                self._console.print(_text(f"{TITLES[kind]} ({stack})", style="bold"))
            case StepBegan(step=step) if not is_internal(step.resource):
                self._begin(step)
            case StepEnded(step=step, seconds=seconds) if step.urn in self._rows:
                self._end(step, seconds)
            case StepFailed(step=step, message=message):
                row = self._rows.setdefault(step.urn, Row(step.resource, step.op))
                row.is_failed = True
                self._messages += self._broken(indented(f"{step.resource.name}: {message}"), "red")
            case Progressed(urn=urn, text=text) if urn in self._rows:
                self._rows[urn].text = text
            case Diagnosed(severity=severity, message=message, urn=urn):
                style = {"warning": "yellow", "error": "red"}.get(severity, "")
                self._messages += self._broken(indented(worded(severity, message, urn)), style)
            case PolicyViolated():
                self._violations.append(event)
            case Finished():
                self._finish(event)

    def _begin(self, step: Step) -> None:
        row = self._rows.setdefault(step.urn, Row(step.resource))
        if step.op is Op.REPLACE and row.op in (Op.CREATE_REPLACEMENT, Op.IMPORT_REPLACEMENT):
            return
        row.state, row.op, row.began, row.seconds, row.text = step.resource, step.op, time.monotonic(), None, ""
        row.is_retained = is_retained(step)
        row.changes = list(property_changes(step, self._is_full)) or row.changes

    def _end(self, step: Step, seconds: float) -> None:
        row = self._rows[step.urn]
        row.op = step.op if step.is_done else row.op
        row.seconds, row.text = seconds, ""
        if step.is_done:
            row.changes = list(property_changes(step, self._is_full)) or row.changes

    def _finish(self, event: Finished) -> None:
        tree, messages = self._tree(only_under_way=False), self._messages
        self._began = None
        policies = [
            part
            for line in policy_section(self._policies, self._violations, event.judged)
            for part in self._broken(line, "red" if "[mandatory]" in line else "yellow" if "[advisory]" in line else "")
        ]
        ending = [_text(line, "red" if line.startswith("error") else "") for line in closing(event, self._is_preview)]
        self._rows, self._messages = {}, []
        # Keep the lines of resources whole and let the terminal wrap them: text that is cut here appears nowhere else.
        self._console.print(Group(*tree, *messages, *policies, *ending), soft_wrap=True)

    def _broken(self, text: str, style: str) -> list[Text]:
        """Return the lines of a text, broken between words where the terminal ends."""
        lines = visible(text).split("\n")
        return [_text(part, style) for line in lines for part in hanging(line, self._console.size.width)]

    def _drawn(self) -> Group:
        if not self._rows:
            # The program plans the stack, which may take a workspace's answers.
            waited = time.monotonic() - self._began if self._began is not None else 0.0
            return Group(_text(f"    planning ({waited:.0f} s)", style="dim")) if waited >= _SILENT_SECONDS else Group()
        lines = self._tree(only_under_way=True)
        fits = max(3, self._console.size.height - _LINES_AROUND)
        hidden = len(lines) - fits
        if hidden > 0:
            lines = [*lines[:fits], _text(f"    … and {hidden} more lines", style="dim")]
        ended = sum(row.seconds is not None for row in self._rows.values())
        under_way = sum(row.is_under_way for row in self._rows.values())
        return Group(*lines, _text(f"    {ended} done, {under_way} under way", style="dim"))

    def _tree(self, only_under_way: bool) -> list[Text]:
        """Return the lines of the resources that changed or are in progress, and of their parents."""
        wanted = {
            urn for urn, row in self._rows.items() if (row.is_under_way if only_under_way else row.op is not Op.SAME)
        }
        for urn in list(wanted):
            parent = self._rows[urn].state.parent
            while parent in self._rows and parent not in wanted:
                wanted.add(parent)
                parent = self._rows[parent].state.parent
        children: dict[str, list[str]] = {}
        for urn, row in self._rows.items():
            if urn in wanted:
                children.setdefault(row.state.parent if row.state.parent in wanted else "", []).append(urn)
        lines: list[Text] = []
        pending = [(urn, 0) for urn in reversed(children.get("", []))]
        while pending:
            urn, depth = pending.pop()
            lines += self._lines_of(self._rows[urn], depth, with_changes=not only_under_way)
            pending.extend((child, depth + 1) for child in reversed(children.get(urn, [])))
        return lines

    def _lines_of(self, row: Row, depth: int, with_changes: bool) -> list[Text]:
        indent = "   " * depth
        if row.is_failed:
            said = "failed"
        elif row.op is Op.SAME:
            said = ""
        elif row.is_under_way:
            verb = doing(row.op, self._is_preview, row.is_retained)
            said = f"{verb} ({duration(time.monotonic() - row.began)}) {row.text}"
        else:
            said = done(row.op, self._is_preview, row.is_retained)
            said += "" if self._is_preview else f" ({duration(row.seconds or 0.0)})"
        style = "red" if row.is_failed else COLOURS.get(row.op, "dim")
        begin = f" {MARKS[row.op]:<2} {indent}"
        if with_changes:
            changes = [_text(f"      {indent}{change}") for change in row.changes]
            return [_text(f"{begin}{label(row.state)} {said}".rstrip(), style), *changes]
        room = self._console.size.width - len(begin) - len(said) - 1
        return [
            _text(f"{begin}{short_label(row.state, room)} {said}".rstrip(), style, no_wrap=True, overflow="ellipsis")
        ]


def _text(text: str, style: str = "", **settings: Any) -> Text:
    """Return text that is safe to draw, whoever wrote it: `rich` would pass escape sequences on."""
    return Text(visible(text), style, **settings)
