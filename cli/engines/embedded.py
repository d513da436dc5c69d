"""The embedded engine as engine: the plan and the state are made in this process, by `embedded`.

Thin on purpose: it hands over the folders, the providers and the display, and turns an outcome into a result.
"""

import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cli.engines.engine import Options, Result
from cli.errors import CommandError, UsageProblem
from cli.project import Project

if TYPE_CHECKING:
    from pulumi.provider.experimental.provider import Provider

    from embedded.events import Event
    from embedded.run import Engine


@dataclass(frozen=True)
class EmbeddedEngine:
    """Runs one stack in process. The program and the providers read the workspace from the process environment."""

    project: Project
    stack: str
    environ: Mapping[str, str]

    def preview(self, options: Options) -> Result:
        with self._running(options) as engine:
            outcome = engine.preview(refresh=options.refresh)
        if options.json:
            json.dump(outcome.digest, sys.stdout, indent=4)
            print()
        return Result(outcome.ok)

    def up(self, options: Options) -> Result:
        """A preview; then the update, but for a preview that finds nothing to do."""
        with self._running(options) as engine:
            plan = engine.preview(refresh=options.refresh)
            is_unchanged = not plan.has_changes and plan.outputs == engine.outputs()
            if not plan.ok or (is_unchanged and not options.refresh):
                return Result(plan.ok, dict(plan.outputs))
            outcome = engine.up(refresh=options.refresh)
        return Result(outcome.ok, dict(outcome.outputs) if outcome.ok else {})

    def refresh(self, options: Options) -> Result:
        with self._running(options) as engine:
            return Result(engine.refresh().ok)

    def destroy(self, options: Options) -> Result:
        with self._running(options) as engine:
            return Result(engine.destroy().ok)

    def list_stacks(self) -> Result:
        from cli.engines.checkpoint import stack_lines

        print("\n".join(stack_lines(self.project.state_folder, self.project.name)))
        return Result(True)

    def export(self) -> Result:
        from cli.engines.checkpoint import require_stack
        from embedded.run import Engine

        require_stack(self.project.state_folder, self.project.name, self.stack)
        with translated_errors():
            engine = Engine(self.project.root, self.stack, self.project.state_folder, {}, lambda event: None)
            exported = engine.export()
        json.dump(exported, sys.stdout, indent=4)
        print()
        return Result(True)

    @contextmanager
    def _running(self, options: Options) -> "Iterator[Engine]":
        """The engine, with this run's environment in `os.environ`."""
        if options.ask:
            raise UsageProblem(f"the embedded engine asks no question; give --yes to change the stack {self.stack}")
        from plugin.lean_sdk import import_late

        import_late()
        from embedded.display import shown
        from embedded.run import DEFAULT_PARALLEL, Engine, require_loopback

        with (
            translated_errors(),
            environment(self.environ),
            shown(is_quiet=options.json, show_diff=True) as listen,
        ):
            require_loopback(self.environ.get("DATABRICKS_HOST", ""))
            yield Engine(
                self.project.root,
                self.stack,
                self.project.state_folder,
                providers(listen),
                listen,
                options.parallel or DEFAULT_PARALLEL,
            )


def providers(listen: "Callable[[Event], None]") -> "Mapping[str, Provider]":
    """Package name -> provider, as the plugin executables serve them to the `pulumi` CLI."""
    from embedded.events import Diagnosed, Progressed
    from provider.native import BandplanProvider
    from stub.provider.databricks import DatabricksProvider

    return {
        "bandplan": BandplanProvider(
            progress=lambda urn, text: listen(Progressed(urn, text)),
            warn=lambda urn, text: listen(Diagnosed("warning", text, urn)),
        ),
        "databricks": DatabricksProvider(),
    }


@contextmanager
def environment(environ: Mapping[str, str]) -> Iterator[None]:
    """`os.environ` is `environ` during a run: the program and the providers read it, as they would as children."""
    before = dict(os.environ)
    os.environ.clear()
    os.environ.update(environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextmanager
def translated_errors() -> Iterator[None]:
    """The engine's errors for users as this room's."""
    from embedded.errors import EngineError

    try:
        yield
    except EngineError as error:
        raise CommandError(str(error)) from error
