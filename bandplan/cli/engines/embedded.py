"""Adapt the embedded engine: plan and state are made in this process, by `embedded`.

Thin on purpose: it passes on the folders, the providers and the display, and converts an outcome to a result.
"""

import gc
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

from bandplan.cli.engines.engine import Agree, Options, Result
from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.policies import analyzer_of, keep_baseline
from bandplan.cli.project import Project

if TYPE_CHECKING:
    from pulumi.provider.experimental.provider import Provider

    from bandplan.embedded.events import Event
    from bandplan.embedded.run import Engine, Outcome
    from bandplan.policies.analyzer import Analyzer


@dataclass(frozen=True)
class EmbeddedEngine:
    """An engine that runs one stack in process. Program and providers read the workspace from `os.environ`."""

    project: Project
    stack: str
    environ: Mapping[str, str]
    name: ClassVar[str] = "embedded"

    def preview(self, options: Options) -> Result:
        with self._running(options, is_judged=True) as engine:
            outcome = engine.preview(refresh=options.refresh)
        if options.json:
            json.dump(outcome.digest, sys.stdout, indent=4)
            print()
        return result_of(outcome, options)

    def up(self, options: Options, agree: Agree | None = None) -> Result:
        """Preview, then update unless the preview found no changes."""
        with self._running(options, is_judged=True) as engine:
            plan = engine.preview(refresh=options.refresh, settle=True)
            if not plan.ok:
                return result_of(plan, options)
            permit = None
            if agree is not None:
                from bandplan.cli.engines.permission import permission

                agree(plan.digest)
                permit = permission(plan.digest)
            is_unchanged = not plan.has_changes and plan.outputs == engine.outputs()
            if is_unchanged and not options.refresh:
                return result_of(plan, options)
            return replace(result_of(engine.up(refresh=options.refresh, permit=permit), options), is_applied=True)

    def refresh(self, options: Options) -> Result:
        with self._running(options) as engine:
            return result_of(engine.refresh(), options)

    def destroy(self, options: Options) -> Result:
        with self._running(options) as engine:
            return result_of(engine.destroy(), options)

    def list_stacks(self) -> Result:
        from bandplan.cli.columns import show_table
        from bandplan.cli.engines.checkpoint import stack_table

        show_table(stack_table(self.project.state_folder, self.project.name), cuts=(0,))
        return Result(True)

    def stacks(self) -> list[dict[str, Any]]:
        from bandplan.cli.engines.checkpoint import stack_rows

        return stack_rows(self.project.state_folder, self.project.name)

    def export(self) -> Result:
        from bandplan.cli.engines.checkpoint import require_stack

        require_stack(self.project.state_folder, self.project.name, self.stack)
        json.dump(self._exported(), sys.stdout, indent=4)
        print()
        return Result(True)

    def state(self) -> Mapping[str, Any]:
        deployment: Mapping[str, Any] = self._exported()["deployment"]
        return deployment

    def _analyzer(self) -> "Analyzer":
        from bandplan.embedded.run import Engine

        def outputs() -> Mapping[str, Any]:
            return Engine(self.project.root, self.stack, self.project.state_folder, {}, lambda event: None).outputs()

        keep_baseline(self.project, self.stack, outputs)
        return analyzer_of(self.project, self.stack)

    def _exported(self) -> dict[str, Any]:
        from bandplan.embedded.run import Engine

        with translated_errors():
            engine = Engine(self.project.root, self.stack, self.project.state_folder, {}, lambda event: None)
            return engine.export()

    @contextmanager
    def _running(self, options: Options, is_judged: bool = False) -> "Iterator[Engine]":
        """Create the engine with this run's environment in `os.environ`; with `is_judged`, apply the project's
        policies.
        """
        if options.ask:
            raise UsageProblem(
                f"the embedded engine cannot ask for confirmation; add --yes to change the stack {self.stack}"
            )
        from bandplan.plugin.lean_sdk import import_late

        import_late()
        if self.project.own_folder.is_dir():
            with suppress(OSError):  # a folder that somebody else owns may still be readable
                self.project.make_private(self.project.own_folder)
        from bandplan.embedded.display import shown
        from bandplan.embedded.loopback import require_loopback
        from bandplan.embedded.run import Engine, Hooks

        with (
            no_collection(),
            translated_errors(),
            environment(self.environ),
            shown(is_quiet=options.json, is_full=options.diff) as listen,
        ):
            require_loopback(self.environ.get("DATABRICKS_HOST", ""))
            made: dict[str, Provider] = {}
            engine = Engine(
                self.project.root,
                self.stack,
                self.project.state_folder,
                made,
                listen,
                options.parallel,
                Hooks(id_of, self._analyzer() if is_judged else None, outputs_of_finished),
            )
            # Their messages pass through the engine, so that the document of a run includes them.
            made.update(providers(engine.tell))
            yield engine


def result_of(outcome: "Outcome", options: Options) -> Result:
    """Convert an outcome to a result. Raises KeyboardInterrupt if the user cancelled the run, which ended cleanly."""
    if outcome.is_interrupted:
        raise KeyboardInterrupt
    document = outcome.digest if options.document else None
    return Result(outcome.ok, dict(outcome.outputs) if outcome.ok else {}, document)


def outputs_of_finished(old: Mapping[str, Any], new: Mapping[str, Any], unfinished: frozenset[str]) -> dict[str, Any]:
    """Return the stack's outputs, with old values for unfinished endpoints and without unfinished new ones."""
    before = {str(one.get("name")): one for one in old.get("endpoints") or () if isinstance(one, dict)}
    now = {str(one.get("name")): one for one in new.get("endpoints") or () if isinstance(one, dict)}
    rows = [before.get(name) if name in unfinished else one for name, one in {**before, **now}.items()]
    return {**new, "endpoints": [one for one in rows if one is not None]}


def id_of(type_token: str, inputs: Mapping[str, Any]) -> str | None:
    """Return the id that a resource will get: an endpoint's name. "" if creating it again is harmless."""
    match type_token.rsplit(":", 1)[-1]:
        case "ModelServing" | "ModelServingProvisionedThroughput":
            return inputs.get("name")
        case "RegisteredModel":
            return ".".join(str(inputs.get(part)) for part in ("catalogName", "schemaName", "name"))
    return ""


def providers(listen: "Callable[[Event], None]") -> "Mapping[str, Provider]":
    """Map package names to providers, as the plugin executables serve them to the `pulumi` CLI."""
    from bandplan.embedded.events import Diagnosed, Progressed
    from bandplan.provider.native import BandplanProvider
    from bandplan.stub.provider.databricks import DatabricksProvider

    return {
        "bandplan": BandplanProvider(
            progress=lambda urn, text: listen(Progressed(urn, text)),
            warn=lambda urn, text: listen(Diagnosed("warning", text, urn)),
        ),
        "databricks": DatabricksProvider(),
    }


@contextmanager
def no_collection() -> Iterator[None]:
    """Turn off garbage collection for this command, including between a preview and its update.

    What a run creates lives until its end, and the process ends soon after: a collection scans all of it and frees
    nothing.
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
    """Set `os.environ` to `environ` during a run: program and providers read it, as they would as child processes."""
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
    """Convert the engine's user errors to those of this room."""
    from bandplan.embedded.errors import EngineError

    try:
        yield
    except EngineError as error:
        raise CommandError(str(error)) from error
