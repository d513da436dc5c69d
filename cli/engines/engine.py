"""What a command asks of an engine, whichever it is."""

from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Options:
    """How to run. `refresh`: read what the workspace really has first. `diff`: every changed property in full.

    `parallel`: operations at once; None leaves the engine's own number. `ask`: let the engine ask before it changes.
    """

    refresh: bool = False
    diff: bool = False
    json: bool = False
    ask: bool = False
    parallel: int | None = None


@dataclass(frozen=True)
class Result:
    """How a run ended. `outputs` are the stack's outputs after it (empty when it failed or was a preview)."""

    ok: bool
    outputs: dict[str, Any] = field(default_factory=dict)


class Engine(Protocol):
    """Runs operations on one stack and shows them as they go on; errors are CommandError."""

    def preview(self, options: Options) -> Result: ...

    def up(self, options: Options) -> Result: ...

    def refresh(self, options: Options) -> Result: ...

    def destroy(self, options: Options) -> Result: ...

    def list_stacks(self) -> Result: ...

    def export(self) -> Result: ...
