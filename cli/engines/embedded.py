"""The embedded engine as engine: the plan and the state are made in this process, by `embedded`.

Thin on purpose: it hands over the folders, the providers and the display, and turns an outcome into a result.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cli.engines.engine import Options, Result
from cli.errors import CommandError, UsageProblem
from cli.project import Project

if TYPE_CHECKING:
    from pulumi.provider.experimental.provider import Provider

    from embedded.events import Event
    from embedded.run import Engine, Outcome


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
        return result_of(outcome)

    def up(self, options: Options) -> Result:
        """A preview; then the update, but for a preview that finds nothing to do."""
        with self._running(options) as engine:
            plan = engine.preview(refresh=options.refresh)
            if not plan.ok:
                return result_of(plan)
            is_unchanged = not plan.has_changes and plan.outputs == engine.outputs()
            if is_unchanged and not options.refresh:
                return result_of(plan)
            return result_of(engine.up(refresh=options.refresh))

    def refresh(self, options: Options) -> Result:
        with self._running(options) as engine:
            return result_of(engine.refresh())

    def destroy(self, options: Options) -> Result:
        with self._running(options) as engine:
            return result_of(engine.destroy())

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
        from embedded.loopback import require_loopback
        from embedded.run import Engine

        with (
            no_collection(),
            translated_errors(),
            environment(self.environ),
            shown(is_quiet=options.json, is_full=options.diff) as listen,
        ):
            require_loopback(self.environ.get("DATABRICKS_HOST", ""))
            yield Engine(
                self.project.root,
                self.stack,
                self.project.state_folder,
                providers(listen),
                listen,
                options.parallel,
                id_of=id_of,
            )


def result_of(outcome: "Outcome") -> Result:
    """KeyboardInterrupt when the user called the run off: it has ended in order, and the command says so."""
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    return Result(outcome.ok, dict(outcome.outputs) if outcome.ok else {})


def id_of(type_token: str, inputs: Mapping[str, Any]) -> str | None:
    """The id that a resource of the fleet gets: an endpoint's is its name. None: making it again is harmless."""
    match type_token.rsplit(":", 1)[-1]:
        case "ModelServing" | "ModelServingProvisionedThroughput":
            return inputs.get("name")
    return None


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
def no_collection() -> Iterator[None]:
    """No garbage collection in this command, not even between a preview and its update.

    What a run makes lives to its end, and the process ends soon after: a collection walks all of it and frees nothing.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.freeze()
            gc.enable()


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
