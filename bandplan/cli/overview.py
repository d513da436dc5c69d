"""What bare `bandplan` prints: the project, its models file, its stacks, the local workspace, and the next step."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.columns import show_facts
from bandplan.cli.errors import CommandError, NoProject
from bandplan.cli.project import LOCAL, Project, find_project
from bandplan.counted import counted

if TYPE_CHECKING:
    from bandplan.serving.spec.loading import Loaded

HELP = "all commands: bandplan --help"


@dataclass(frozen=True)
class Deployed:
    """The last update of the local stack: its resources, and when it was (seconds since 1970, None: never)."""

    resources: int = 0
    at: float | None = None
    is_damaged: bool = False


@dataclass(frozen=True)
class Overview:
    """What decides the next step. `first` is an endpoint of the models file, `changed_at` when the file was saved."""

    models: str
    errors: int
    endpoints: int
    first: str | None
    changed_at: float
    deployed: Deployed
    is_running: bool


def next_step(seen: Overview) -> str:
    """Return the command to run next, and why."""
    if seen.errors:
        return f"bandplan validate: see what is wrong in {seen.models}"
    if not seen.endpoints:
        return f"write an entry in {seen.models}, then run `bandplan validate`"
    if seen.deployed.is_damaged:
        return f"bandplan stack export: see what is wrong with the state of the stack {LOCAL}"
    if seen.deployed.at is None or not seen.deployed.resources:
        return "bandplan up: deploy to the local workspace"
    if not seen.is_running:
        return "bandplan up: start the local workspace again"
    if seen.changed_at > seen.deployed.at:
        return f"bandplan preview: {seen.models} was saved after the last deployment"
    return f'bandplan query {seen.first} "What is provisioned throughput?"'


def show(environ: Mapping[str, str]) -> int:
    """Print the overview of the project of the working directory; contact no workspace but the local one."""
    try:
        project = find_project(Path.cwd())
    except NoProject:
        print(f"no project here or above ({Path.cwd()})\n\nnext: bandplan init: write a new one\n{HELP}")
        return 0
    facts, step = seen_in(project, environ)
    show_facts(facts)
    print(f"\nnext: {step}\n{HELP}")
    return 0


def seen_in(project: Project, environ: Mapping[str, str]) -> tuple[list[tuple[str, str]], str]:
    """Return (what there is, the next step)."""
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.serving.spec.loading import load
    from bandplan.serving.spec.problem import printable
    from bandplan.stub.process import status

    choice = StackChoice(project, LOCAL, environ)
    name = choice.models_name
    loaded = load(choice.models, LOCAL)
    deployed = deployed_of(project)
    running = status(project.stub_folder)
    models = loaded.fleet.models if loaded.fleet is not None else ()
    errors = sum(problem.severity == "error" for problem in loaded.problems)
    others = [stack for stack in project.configured_stacks if stack != LOCAL]
    seen = Overview(
        name,
        errors,
        len(models),
        models[0].name if models else None,
        choice.models.stat().st_mtime if choice.models.is_file() else 0.0,
        deployed,
        running is not None,
    )
    rows = [
        ("project", f"{project.name} ({project.root})"),
        ("models", f"{name}: {file_line(loaded, errors)}"),
        (f"stack {LOCAL}", deployed_line(deployed)),
        ("other stacks", ", ".join(others) or "none"),
        ("local workspace", running.host if running else absence(project)),
    ]
    return [(name, printable(text)) for name, text in rows], printable(next_step(seen))


def absence(project: Project) -> str:
    from bandplan.stub.process import holding_process

    process = holding_process(project.stub_folder)
    return "not running" if process is None else f"process {process} does not answer: run `bandplan stub stop`"


def file_line(loaded: "Loaded", errors: int) -> str:
    if errors:
        return counted(errors, "error")
    count = len(loaded.fleet.models) if loaded.fleet is not None else 0
    return counted(count, "endpoint")


def deployed_line(deployed: Deployed) -> str:
    if deployed.is_damaged:
        return "its state cannot be read"
    if deployed.at is None:
        return "never deployed"
    at = datetime.fromtimestamp(deployed.at).strftime("%Y-%m-%d %H:%M")
    return f"{deployed.resources:,} resources, last update {at}"


def deployed_of(project: Project) -> Deployed:
    """Read the last update of the local stack from its state."""
    from bandplan.cli.engines.checkpoint import read_checkpoint, stack_names

    if LOCAL not in stack_names(project.state_folder, project.name):
        return Deployed()
    try:
        latest = read_checkpoint(project.state_folder, project.name, LOCAL).get("latest") or {}
    except CommandError:
        return Deployed(is_damaged=True)
    written = str((latest.get("manifest") or {}).get("time") or "")
    try:
        at = datetime.fromisoformat(written).timestamp()
    except ValueError:
        at = None
    return Deployed(len(latest.get("resources") or []), at)
