"""`bandplan drift`: report what in the workspace differs from what was deployed. Writes nothing anywhere."""

import argparse
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.json_output import print_document
from bandplan.cli.project import LOCAL, Project, find_project

if TYPE_CHECKING:
    from bandplan.cli.engines.choice import EngineName
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.cli.stack_fleet import Registered, StackFleet
    from bandplan.drift.pending import WantedEndpoint
    from bandplan.drift.recorded import RecordedStack
    from bandplan.drift.registry import LiveRegistry
    from bandplan.drift.stack import StackReport
    from bandplan.serving.workspace.client import WorkspaceClient

DRIFT_FOUND = 3
"""Exit status if something was changed outside the stack."""


def configure(parser: argparse.ArgumentParser) -> None:
    from bandplan.cli.stack_engine import add_stack_arguments

    add_stack_arguments(parser)
    parser.add_argument(
        "--json", action="store_true", help="print the result as JSON (`bandplan docs drift` describes it)"
    )
    parser.add_argument("--all", action="store_true", help="also show values that the platform filled in or scaled")
    parser.add_argument(
        "--fix",
        action="store_true",
        help="then restore what was deployed with `bandplan up --refresh`, which asks first",
    )
    parser.add_argument(
        "--yes", action="store_true", help=f"with --fix: do not ask for confirmation (never asked for {LOCAL})"
    )


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.columns import show_text
    from bandplan.cli.errors import UsageProblem
    from bandplan.cli.local_workspace import require_running
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.drift.text import text

    if arguments.json and arguments.fix:
        raise UsageProblem("--json and --fix: give only one of them")
    choice = choose_stack(find_project(Path.cwd()), arguments.stack, os.environ)
    if choice.stack == LOCAL:
        require_running(choice.project)
    report = look(choice, arguments)
    if arguments.json:
        from bandplan.cli.json_output import VERSION
        from bandplan.drift.document import document

        found = {"version": VERSION, "command": "drift", **document(report)}
        print_document(found)
    else:
        show_text(text(report, shows_all=arguments.all))
        sys.stdout.flush()
    if report.has_drifted and arguments.fix:
        for options in ([], ["--refresh"]) if report.on_compute else (["--refresh"],):
            status = fix(arguments, options)
            if status != 0:
                return status
        report = look(choice, arguments)
        if report.has_drifted:
            show_text("\ndrift that `up` cannot fix:\n" + text(report, shows_steps=False))
    if report.has_drifted:
        return DRIFT_FOUND
    return 1 if report.unreadable else 0


def look(choice: "StackChoice", arguments: argparse.Namespace) -> "StackReport":
    """Compare models.yaml, the state and the workspace.

    Errors: CommandError (status 1, or 2 for the models file) if one of them cannot be read.
    """
    from bandplan.cli.errors import CommandError
    from bandplan.cli.stack_fleet import stack_fleet
    from bandplan.drift.begun import begun
    from bandplan.drift.stack import SeenWorkspace, names_to_read, stack_report
    from bandplan.serving.workspace.endpoint_survey import listed, survey_endpoints
    from bandplan.serving.workspace.errors import WorkspaceError

    deployments, before = [deployment(choice.project, arguments)], holder(choice.project, arguments)
    state = record_of(deployments[0])
    try:
        client = choice.client()
        caller = client.ping()
        fleet = stack_fleet(choice, client, registered(state))
        wanted = wanted_endpoints(fleet)
        there = listed(client)
        surveyed = survey_endpoints(client, names_to_read(wanted, state))
        answers = registry_answers(client, state)
    except WorkspaceError as error:
        raise CommandError(f"the workspace could not be read: {error}") from error
    if before or deployments[0].get("pending_operations"):
        # The workspace may already show what was written since the first reading.
        deployments.append(deployment(choice.project, arguments))
        record_of(deployments[1])
    ours = begun(deployments, before)
    seen = SeenWorkspace(client.host, caller, surveyed, there, answers)
    return stack_report(choice.stack, wanted, state, seen, client.presentable, ours)


def recorded_stack(project: Project, arguments: argparse.Namespace) -> "RecordedStack":
    """Return what the stack's state records; empty if it was never deployed. Errors: CommandError."""
    return record_of(deployment(project, arguments))


def record_of(deployment: dict[str, Any]) -> "RecordedStack":
    """Return what a deployment records about endpoints, including pending operations. Errors: CommandError."""
    from bandplan.cli.errors import CommandError
    from bandplan.drift.begun import begun
    from bandplan.drift.record_form import BadRecord
    from bandplan.drift.recorded import recorded

    try:
        begun([deployment], "")
        return recorded(deployment)
    except BadRecord as error:
        raise CommandError(f"the state is damaged; restore an earlier one:\n{error}") from error


def deployment(project: Project, arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the stack's deployment; empty if it was never deployed. Errors: CommandError."""
    from bandplan.cli.engines.choice import find_pulumi
    from bandplan.cli.engines.exported import deployment_of

    pulumi = find_pulumi(os.environ)
    return deployment_of(project, arguments.stack, engine_of(arguments, pulumi), os.environ, pulumi)


def holder(project: Project, arguments: argparse.Namespace) -> str:
    """Return who is deploying the stack now; "" if nobody visibly is."""
    from bandplan.cli.engines.choice import find_pulumi
    from bandplan.cli.engines.exported import deployed_by

    return deployed_by(project, arguments.stack, engine_of(arguments, find_pulumi(os.environ)))


def engine_of(arguments: argparse.Namespace, pulumi: str | None) -> "EngineName":
    """Return the engine that owns the state. Both engines keep the local stack in one place, so reading it needs
    neither.
    """
    from bandplan.cli.engines.choice import choose_engine

    return "embedded" if arguments.stack == LOCAL else choose_engine(arguments.engine, arguments.stack, pulumi)


def registered(state: "RecordedStack") -> "Registered":
    """Return the versions that the stack has registered, each with its optimization info."""
    from bandplan.serving.throughput.optimization_info import OptimizationInfo

    return {
        one.key: (
            one.version,
            OptimizationInfo(True, one.state.get("modelType") or None, _chunk(one.state)),
        )
        for one in state.versions
    }


def _chunk(state: Mapping[str, object]) -> int | None:
    chunk = state.get("throughputChunkSize")
    return int(chunk) if isinstance(chunk, int | float) and chunk else None


def wanted_endpoints(fleet: "StackFleet") -> "list[WantedEndpoint]":
    """Convert what models.yaml declares to the names of the resources that declare it."""
    from bandplan.components.request import endpoint_request
    from bandplan.drift.pending import WantedEndpoint

    found = []
    for sizing in fleet.sizings:
        if sizing.entry.name in fleet.unmade:
            found.append(WantedEndpoint(sizing.entry.name, None))
            continue
        request = endpoint_request(sizing)
        found.append(WantedEndpoint(sizing.entry.name, request.ready["declared"], request.access_controls))
    return found


def registry_answers(client: "WorkspaceClient", state: "RecordedStack") -> "LiveRegistry":
    """Read the stack's versions and aliases from the registry; send no request if it has none."""
    from concurrent.futures import ThreadPoolExecutor

    from bandplan.drift.registry import LiveRegistry
    from bandplan.serving.workspace.endpoint_survey import MOST_AT_ONCE
    from bandplan.serving.workspace.registry import Registry

    if not state.versions and not state.aliases:
        return LiveRegistry({}, {})
    registry = Registry(client)
    with ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="registry") as pool:
        versions = {
            (one.model, one.version): pool.submit(registry.version, one.model, one.version) for one in state.versions
        }
        aliases = {(one.model, one.alias): pool.submit(registry.aliased, one.model, one.alias) for one in state.aliases}
        return LiveRegistry(
            {key: answer.result() for key, answer in versions.items()},
            {key: answer.result() for key, answer in aliases.items()},
        )


def fix(arguments: argparse.Namespace, options: list[str]) -> int:
    """Run `up` for the stack, with these further options; it shows its plan and asks as usual."""
    from bandplan.cli.commands import up

    parser = argparse.ArgumentParser()
    up.configure(parser)
    stated = ["--stack", arguments.stack, *options, "--no-query"]
    stated += ["--engine", arguments.engine] if arguments.engine else []
    stated += ["--yes"] if arguments.yes else []
    print(flush=True)
    return up.run(parser.parse_args(stated))
