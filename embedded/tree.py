"""A run as a live tree on a terminal, like Pulumi's own display: what is under way, how long it takes, what is done.

Only resources that change, or are under way, have a line; above the height of the terminal the oldest finished ones
scroll out as plain lines. `rich` draws; it is imported here alone, since a run without a terminal does not need it.
"""

import time
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from embedded.events import Diagnosed, Event, Finished, Progressed, Started, StepBegan, StepEnded, StepFailed
from embedded.lines import closing, indented, worded
from embedded.steps import Op, Step
from embedded.wording import COLOURS, MARKS, doing, done, duration, is_internal, label, property_changes

_REFRESH_PER_SECOND = 8


class Tree:
    """Shows events on a terminal. Use as a context manager around the run."""

    def __init__(self, console: Console, show_diff: bool = True) -> None:
        """`show_diff`: a line per changed property under a finished step."""
        self._console = console
        self._show_diff = show_diff
        self._is_preview = False
        self._under_way: dict[str, tuple[Step, float, str]] = {}
        self._done = 0
        self._live = Live(
            console=console, refresh_per_second=_REFRESH_PER_SECOND, get_renderable=self._render, transient=True
        )

    def __enter__(self) -> "Tree":
        """Begin to draw."""
        self._live.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        """Leave only the finished lines on the screen."""
        self._live.__exit__(*error)

    def take(self, event: Event) -> None:
        """Show one event."""
        match event:
            case Started(kind=kind, stack=stack):
                self._is_preview = kind == "preview"
                verb = {"preview": "Previewing update", "up": "Updating", "refresh": "Refreshing"}.get(
                    kind, "Destroying"
                )
                self._console.print(Text(f"{verb} ({stack})", style="bold"))
            case StepBegan(step=step) if not is_internal(step.resource) and step.op is not Op.SAME:
                self._under_way[step.urn] = (step, time.monotonic(), "")
            case StepEnded(step=step, seconds=seconds):
                self._done += 1
                self._under_way.pop(step.urn, None)
                self._tell_end(step, seconds)
            case StepFailed(step=step, message=message):
                self._under_way.pop(step.urn, None)
                self._console.print(Text(f" {MARKS[step.op]:<2} {label(step.resource)} failed", style="red"))
                self._console.print(Text(indented(message), style="red"))
            case Progressed(urn=urn, text=text) if urn in self._under_way:
                step, began, _ = self._under_way[urn]
                self._under_way[urn] = (step, began, text)
            case Diagnosed(severity=severity, message=message, urn=urn):
                style = {"warning": "yellow", "error": "red"}.get(severity, "")
                self._console.print(Text(indented(worded(severity, message, urn)), style=style))
            case Finished():
                for line in closing(event, self._is_preview):
                    self._console.print(Text(line, style="red" if line.startswith("error") else ""))

    def _tell_end(self, step: Step, seconds: float) -> None:
        if is_internal(step.resource) or step.op is Op.SAME:
            return
        if self._is_preview and step.op in (Op.CREATE_REPLACEMENT, Op.DELETE_REPLACED):
            return
        if not self._is_preview and step.op is Op.REPLACE:
            return
        took = "" if self._is_preview else f" ({duration(seconds)})"
        text = f" {MARKS[step.op]:<2} {label(step.resource)} {done(step.op, self._is_preview)}{took}"
        self._console.print(Text(text, style=COLOURS.get(step.op, "")))
        if self._show_diff and step.op not in (Op.CREATE, Op.CREATE_REPLACEMENT):
            for line in property_changes(step):
                self._console.print(Text(f"      {line}"))

    def _render(self) -> Group:
        rows = max(3, self._console.size.height - 4)
        lines = []
        for step, began, text in list(self._under_way.values())[:rows]:
            took = duration(time.monotonic() - began)
            progress = f" {text}" if text else ""
            verb = doing(step.op, self._is_preview)
            lines.append(
                Text(
                    f" {MARKS[step.op]:<2} {label(step.resource)} {verb} ({took}){progress}",
                    style=COLOURS.get(step.op, ""),
                    no_wrap=True,
                    overflow="ellipsis",
                )
            )
        hidden = len(self._under_way) - rows
        if hidden > 0:
            lines.append(Text(f"    … and {hidden} more under way"))
        lines.append(Text(f"    {self._done} done, {len(self._under_way)} under way", style="dim"))
        return Group(*lines)
