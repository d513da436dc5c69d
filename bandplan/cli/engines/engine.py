"""What a command asks of an engine, whichever it is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Agree = Callable[[Mapping[str, Any]], None]
"""Judges a preview, in the shape of `pulumi preview --json`; raises CommandError to stop before anything is done."""


@dataclass(frozen=True)
class Options:
    """How to run. `refresh`: read what the workspace really has first. `diff`: every changed property in full.

    `parallel`: operations at once; None leaves the engine's own number. `ask`: let the engine ask before it changes.
    `document`: keep what the run does, in the shape of `pulumi preview --json`, in its result.
    """

    refresh: bool = False
    diff: bool = False
    json: bool = False
    ask: bool = False
    parallel: int | None = None
    document: bool = False


@dataclass(frozen=True)
class Result:
    """How a run ended. `outputs` are the stack's outputs after it (empty when it failed or was a preview).

    `document` is what was (or would be) done, None unless it was asked for.
    """

    ok: bool
    outputs: dict[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None


class Engine(Protocol):
    """Runs operations on one stack and shows them as they go on; errors are CommandError."""

    @property
    def name(self) -> str: ...

    def preview(self, options: Options) -> Result: ...

    def up(self, options: Options, agree: Agree | None = None) -> Result:
        """With `agree`: a preview, which it judges, then exactly that, asking nothing; else the engine's own way."""
        ...

    def refresh(self, options: Options) -> Result: ...

    def destroy(self, options: Options) -> Result: ...

    def list_stacks(self) -> Result: ...

    def export(self) -> Result: ...

    def state(self) -> Mapping[str, Any]:
        """The stack's deployment, in the shape of `pulumi stack export`; empty for a stack without one."""
        ...
