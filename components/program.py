"""The program of every stack: reads models.yaml, sizes it, and declares the fleet, or stops with every problem at once.

Reads the stack's configuration (`bandplan:models`) and the environment:
- `DATABRICKS_HOST`, `DATABRICKS_TOKEN`: the workspace;
- `BANDPLAN_MODELS`: another models file, relative to the project root, instead of the configured one;
- `BANDPLAN_OFFLINE=1`: asks no workspace and uses recorded optimization info only.
"""

import os
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pulumi

from components.bulk import bulk_declaration
from components.fleet import Fleet
from serving.spec.loading import load
from serving.spec.problem import Problem, in_order
from serving.throughput.needed import model_versions
from serving.throughput.sizing import EndpointSizing, size
from serving.throughput.waiving import Waived
from serving.workspace.cache import Cache
from serving.workspace.client import WorkspaceClient, from_environment
from serving.workspace.errors import NotConfigured, Throttled, WorkspaceError
from serving.workspace.optimization_info import fetch

DEFAULT_MODELS = "models.yaml"
CACHE_DIRECTORY = Path(".bandplan") / "optimization-info"


@dataclass(frozen=True)
class Plan:
    """What a stack is to declare: sizings in the order of models.yaml, what to warn of, and what has been waived."""

    sizings: tuple[EndpointSizing, ...]
    warnings: tuple[Problem, ...]
    host: str | None
    waived: tuple[Waived, ...] = ()


def run() -> None:
    """Declares the current stack's fleet and exports `endpoints`; RunError, before any resource, when it cannot."""
    end_quietly_when_called_off()
    root = Path(pulumi.runtime.get_root_directory())
    configured = pulumi.Config("bandplan").get("models")
    plan = plan_stack(root, configured, pulumi.get_stack(), os.environ, date.today())
    unregistered = registration_needed(plan.sizings)
    if unregistered and not pulumi.runtime.is_dry_run():
        raise refused(plan.warnings, *unregistered)
    for warning in plan.warnings:
        pulumi.log.warn(warning.render(with_severity=False))
    for waived in plan.waived:
        pulumi.log.info(waived.render())
    for line in (*deferred_checks(plan.sizings), *unregistered):
        pulumi.log.warn(line)
    with bulk_declaration():
        fleet = Fleet(plan.sizings, plan.host)
    pulumi.export("endpoints", fleet.summary)


def end_quietly_when_called_off() -> None:
    """Take the engine's SIGINT as the end of the program, not as a traceback under the error that was the reason.

    The Pulumi CLI interrupts the program when a step has failed. Whoever set a handler of its own keeps it.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, lambda number, frame: sys.exit(128 + number))


def plan_stack(root: Path, configured: str | None, stack: str, environ: Mapping[str, str], today: date) -> Plan:
    """Every entry of the stack's models file as a sizing.

    `configured` is the path in the stack's configuration; `today` decides which waivers hold.
    Errors: RunError with every problem of the file, or with what keeps the workspace from answering.
    """
    loaded = load(root / (environ.get("BANDPLAN_MODELS") or configured or DEFAULT_MODELS), stack)
    if loaded.checkable is None:
        raise refused(loaded.problems)
    offline = environ.get("BANDPLAN_OFFLINE") == "1"
    try:
        client = workspace(environ, offline)
        if client and not offline:
            check_that_it_answers(client)
        answers = fetch(client, model_versions(loaded.checkable), Cache(root / CACHE_DIRECTORY), offline=offline)
    except WorkspaceError as error:
        raise refused(loaded.problems, str(error)) from error
    sized = size(loaded.checkable, answers, loaded.source, today=today)
    problems = in_order([*loaded.problems, *sized.problems])
    if any(problem.severity == "error" for problem in problems):
        raise refused(problems)
    return Plan(sized.endpoints, problems, client.host if client else None, sized.waived)


def check_that_it_answers(client: WorkspaceClient) -> None:
    """WorkspaceError, within 10 s, when nobody listens or the token is not accepted; a busy workspace does answer.

    The published provider retries a workspace that does not listen for minutes, without a word.
    """
    try:
        client.ping()
    except Throttled:
        return


def deferred_checks(sizings: Iterable[EndpointSizing]) -> tuple[str, ...]:
    """What a preview cannot check, one line each."""
    return tuple(f"models/{line}" for sizing in sizings for line in sizing.deferred)


def registration_needed(sizings: Iterable[EndpointSizing]) -> tuple[str, ...]:
    """One line for each served entity without a version: an update cannot make it yet, and says so beforehand."""
    return tuple(
        f"models/{sizing.entry.name}: {entity.model} has to be registered first, which `up` of this version of "
        "bandplan does not do yet and so refuses; register it with MLflow and write `model` and `version` instead of "
        "`register`"
        for sizing in sizings
        for entity in sizing.entities
        if entity.version is None
    )


def workspace(environ: Mapping[str, str], offline: bool) -> WorkspaceClient | None:
    """The workspace of the environment; None when it names none and none is needed (offline), else NotConfigured."""
    try:
        return from_environment(environ)
    except NotConfigured:
        if offline:
            return None
        raise


def refused(problems: Sequence[Problem], *findings: str) -> pulumi.RunError:
    """Everything that is wrong, one a line, as the one error that the engine prints without a traceback."""
    lines = [*(problem.render() for problem in problems), *findings]
    return pulumi.RunError("\n".join(["nothing was deployed:", *lines]))
