"""What up, preview, refresh and destroy share: their arguments, and the engine with its workspace."""

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.engines.choice import ENGINES, EngineName, choose_engine, find_pulumi
from bandplan.cli.engines.databricks_plugin import require_stand_in
from bandplan.cli.engines.engine import Engine, Options
from bandplan.cli.environment import with_choices
from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.progress import doing
from bandplan.cli.project import LOCAL, Project, find_project
from bandplan.cli.stack_argument import add_stack_argument
from bandplan.cli.stack_choice import choose_stack

if TYPE_CHECKING:
    from bandplan.serving.workspace.client import WorkspaceClient


@dataclass(frozen=True)
class StackEngine:
    """One stack, its engine, and the environment of its run (including the workspace)."""

    project: Project
    stack: str
    engine: Engine
    environ: Mapping[str, str]

    @property
    def is_local(self) -> bool:
        return self.stack == LOCAL

    def client(self) -> "WorkspaceClient":
        """Create a client of the run's workspace. Errors: NotConfigured."""
        from bandplan.serving.workspace.client import from_environment

        return from_environment(self.environ)


def add_stack_arguments(parser: argparse.ArgumentParser) -> None:
    """Add `--stack` and `--engine`."""
    add_stack_argument(parser, f"stack to work on (default: {LOCAL}, on this machine)")
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default=engine_wanted(os.environ),
        help="engine that deploys: the Pulumi CLI (default if it is on PATH) or the one inside bandplan",
    )


def engine_wanted(environ: Mapping[str, str]) -> str | None:
    """Return BANDPLAN_ENGINE, which `--engine` overrides. Errors: UsageProblem."""
    wanted = environ.get("BANDPLAN_ENGINE") or None
    if wanted not in (None, *ENGINES):
        raise UsageProblem(f"BANDPLAN_ENGINE={wanted}: must be one of: {', '.join(ENGINES)}")
    return wanted


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of every operation on resources."""
    add_stack_arguments(parser)
    parser.add_argument("--diff", action="store_true", help="show every changed property in full")
    parser.add_argument(
        "--parallel", type=positive, metavar="N", help="number of resources to work on at the same time"
    )
    parser.add_argument(
        "--offline",
        action="store_true",
        help="use the optimization info recorded in .bandplan/ instead of asking the workspace",
    )


def add_change_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the operations that change something."""
    add_run_arguments(parser)
    parser.add_argument(
        "--yes", action="store_true", help=f"do not ask for confirmation (never asked for the stack {LOCAL})"
    )


def open_stack(arguments: argparse.Namespace, choices: Mapping[str, str] | None = None) -> StackEngine:
    """Open the deployment named by the arguments; start the local workspace if the stack is the local one.

    `choices` are variables for the stack's program.
    """
    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    project, stack = choice.project, choice.stack
    name = choose_engine(arguments.engine, stack, find_pulumi(os.environ))
    if name == "embedded":
        require_stand_in(os.environ)
    environ = {**with_choices(choice.environ(), offline=arguments.offline), **(choices or {})}
    if stack != LOCAL and name == "embedded":
        # Check before anything, such as the token, is sent to a host that this engine refuses.
        require_this_machine(environ)
    if stack != LOCAL and not arguments.offline:
        environ = require_answer(environ, with_token=name == "embedded")
    return StackEngine(project, stack, make_engine(name, project, stack, environ), environ)


def require_this_machine(environ: Mapping[str, str]) -> None:
    """Raise CommandError if the environment names a workspace that is not on this machine."""
    from bandplan.cli.engines.embedded import translated_errors
    from bandplan.embedded.loopback import require_loopback

    host = environ.get("DATABRICKS_HOST", "")
    if host:
        with translated_errors():
            require_loopback(host if "://" in host else f"https://{host}")


def require_answer(environ: Mapping[str, str], *, with_token: bool = False) -> dict[str, str]:
    """Return `environ` with the login that works, so that the program and Pulumi's plugin use the same one.

    `with_token` adds the token of now, for the stand-in of the plugin, which knows no other login; it is in this
    process, and only reaches this machine.

    Errors: CommandError, within seconds if the environment's workspace does not answer. The program reports this too,
    but under Pulumi only after the CLI, its plugins and the program have started.
    """
    from bandplan.serving.workspace.client import from_environment
    from bandplan.serving.workspace.errors import WorkspaceError

    try:
        with doing("logging in"):
            client = from_environment(environ)
            client.require_answer()
        token = {"DATABRICKS_TOKEN": client.bearer()} if with_token else {}
        return {**environ, **token, "DATABRICKS_HOST": client.host, "DATABRICKS_AUTH_TYPE": client.auth_type()}
    except WorkspaceError as error:
        raise CommandError(str(error)) from error


def make_engine(name: EngineName, project: Project, stack: str, environ: Mapping[str, str]) -> Engine:
    if name == "pulumi":
        from bandplan.cli.engines.pulumi import PulumiEngine

        return PulumiEngine(find_pulumi(os.environ) or "pulumi", project, stack, environ)
    from bandplan.cli.engines.embedded import EmbeddedEngine

    return EmbeddedEngine(project, stack, environ)


def options_of(arguments: argparse.Namespace) -> Options:
    """Build the engine's options; it asks only for a stack that is not the local one, without `--yes`."""
    return Options(
        refresh=getattr(arguments, "refresh", False),
        diff=arguments.diff,
        json=getattr(arguments, "json", False),
        ask=arguments.stack != LOCAL and not getattr(arguments, "yes", True),
        parallel=arguments.parallel,
        document=any(getattr(arguments, name, None) is not None for name in ("save_plan", "plan", "record")),
    )


def positive(text: str) -> int:
    """Parse an integer of 1 or more, for argparse."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is not an integer of 1 or more")
    return int(text)
