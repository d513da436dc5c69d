"""What taking over endpoints needs from an engine: its plan as a document, and a state change without a deployment."""

import contextlib
import io
import json
import os
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bandplan.cli.engines.child import run_quietly
from bandplan.cli.engines.embedded import EmbeddedEngine, translated_errors
from bandplan.cli.engines.engine import Engine, Options
from bandplan.cli.engines.exported import export
from bandplan.cli.engines.pulumi import PulumiEngine
from bandplan.cli.errors import CommandError

Change = Callable[[dict[str, Any]], dict[str, Any]]
"""A function that builds a new deployment, in the shape of `pulumi stack export`, from the current one; it raises to
keep that.
"""


def plan(engine: Engine) -> dict[str, Any]:
    """Preview in the shape of `pulumi preview --json`, without display and without policies.

    Policies judge what a deployment would change, and taking over changes nothing. Errors: CommandError.
    """
    match engine:
        case EmbeddedEngine():
            # Every preview that the user runs repeats these warnings.
            with contextlib.redirect_stderr(io.StringIO()), engine._running(Options(json=True)) as inner:
                outcome = inner.preview()
            return _accepted(outcome.digest, outcome.ok)
        case PulumiEngine():
            done = _pulumi(engine, "preview", "--json")
            try:
                document = json.loads(done.stdout)
            except ValueError as error:
                raise CommandError(f"the preview failed: {_told(done.stderr or done.stdout)}") from error
            return _accepted(document, done.returncode == 0)
    raise TypeError(f"no plan of a {type(engine).__name__}")


def change_state(engine: Engine, change: Change) -> None:
    """Replace the stack's deployment by what `change` makes of it. Errors: CommandError."""
    match engine:
        case EmbeddedEngine():
            from bandplan.embedded.run import Engine as Embedded

            with translated_errors():
                inner = Embedded(engine.project.root, engine.stack, engine.project.state_folder, {}, lambda event: None)
                inner.change_state(change)
        case PulumiEngine():
            _change_with_pulumi(engine, change)
        case _:
            raise TypeError(f"no state of a {type(engine).__name__}")


def _change_with_pulumi(engine: PulumiEngine, change: Change) -> None:
    environ = engine._prepared()
    before = export(engine.executable, engine.project, engine.stack, environ)
    after = {**before, "deployment": change(before.get("deployment") or {})}
    if export(engine.executable, engine.project, engine.stack, environ) != before:
        raise CommandError(f"the stack {engine.stack} changed in the meantime; run the command again")
    engine.project.make_private(engine.project.own_folder)
    handle, name = tempfile.mkstemp(dir=engine.project.own_folder, prefix="state-", suffix=".json")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(after, file)
        done = _pulumi(engine, "stack", "import", "--file", name, environ=environ)
    finally:
        Path(name).unlink(missing_ok=True)
    if done.returncode != 0:
        raise CommandError(f"Pulumi did not accept the state: {_told(done.stderr or done.stdout)}")


def _pulumi(
    engine: PulumiEngine, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    command = [engine.executable, *arguments, "--stack", engine.stack, "--non-interactive"]
    return run_quietly(command, engine.project.root, environ or engine._prepared())


def _accepted(document: dict[str, Any], is_ok: bool) -> dict[str, Any]:
    if is_ok:
        return document
    found = [str(one.get("message", "")) for one in document.get("diagnostics") or () if one.get("severity") == "error"]
    raise CommandError(f"the preview failed, so nothing was taken over: {_told(' '.join(found))}")


def _told(text: str) -> str:
    return " ".join(text.split())[-1500:]
