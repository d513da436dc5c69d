"""The interface between a command and its engine."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

Agree = Callable[[Mapping[str, Any]], None]
"""A function that judges a preview in the shape of `pulumi preview --json`; it raises CommandError to stop the run
before any change.
"""


@dataclass(frozen=True)
class Options:
    """How to run. `refresh`: read the live state first. `diff`: show every changed property in full.

    `parallel`: number of concurrent operations; None leaves the engine's default. `ask`: let the engine ask before it
    changes anything. `document`: keep what the run does in its result, in the shape of `pulumi preview --json`.
    """

    refresh: bool = False
    diff: bool = False
    json: bool = False
    ask: bool = False
    parallel: int | None = None
    document: bool = False


@dataclass(frozen=True)
class Result:
    """How a run ended. `outputs` are the stack's outputs afterwards (empty if it failed or was a preview).

    `document` is what was (or would be) done; None unless requested. `is_applied`: an update began; until then nothing
    is changed.
    """

    ok: bool
    outputs: dict[str, Any] = field(default_factory=dict)
    document: Mapping[str, Any] | None = None
    is_applied: bool = False


class Engine(Protocol):
    """An engine that runs operations on one stack and shows their progress; its errors are CommandError."""

    @property
    def name(self) -> str: ...

    def preview(self, options: Options) -> Result: ...

    def up(self, options: Options, agree: Agree | None = None) -> Result:
        """With `agree`: let it judge a preview, then do exactly that without asking. Otherwise update in the engine's
        own way.
        """
        ...

    def refresh(self, options: Options) -> Result: ...

    def destroy(self, options: Options) -> Result: ...

    def list_stacks(self) -> Result: ...

    def stacks(self) -> list[dict[str, Any]]:
        """Return each stack's `name`, `lastUpdate` and `resourceCount`, the latter two None if unknown.

        Errors: CommandError.
        """
        ...

    def export(self) -> Result: ...

    def state(self) -> Mapping[str, Any]:
        """Return the stack's deployment in the shape of `pulumi stack export`; empty for a stack without one."""
        ...
