"""`bandplan validate`: everything that can be said against models.yaml before a deployment, at once."""

import argparse
import os
import sys
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from bandplan.cli.project import LOCAL, find_project

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bandplan.cli.stack_choice import StackChoice
    from bandplan.cli.validation import Checked
    from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
    from bandplan.serving.throughput.registry_answers import RegistryAnswers
    from bandplan.serving.workspace.cache import Cache

PROBLEMS_FOUND = 2
"""Exit status for a file with errors; warnings alone give 0."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--stack", default=LOCAL, help=f"stack whose overrides apply (default: {LOCAL})")
    parser.add_argument("--models", type=Path, metavar="FILE", help="file to check (default: that of the stack)")
    parser.add_argument("--show", action="store_true", help="print the fleet with defaults and overrides merged in")
    parser.add_argument(
        "--record",
        action="store_true",
        help="write optimization info and aliases to stacks/optimization-info.json, to commit",
    )
    asking = parser.add_mutually_exclusive_group()
    asking.add_argument("--offline", action="store_true", help="use recorded optimization info, ask no workspace")
    asking.add_argument("--refresh", action="store_true", help="ask for all optimization info again")


def run(arguments: argparse.Namespace) -> int:
    from bandplan.cli.errors import CommandError
    from bandplan.cli.stack_choice import choose_stack
    from bandplan.cli.validation import check_file, check_stacks
    from bandplan.serving.workspace.errors import WorkspaceError

    project = find_project(Path.cwd())
    choice = choose_stack(project, arguments.stack, os.environ, arguments.models)
    checked = check_stacks(check_file(choice.models, choice.name), {LOCAL, *project.configured_stacks})
    try:
        checked = with_platform_answers(checked, choice, arguments)
    except (WorkspaceError, CommandError) as error:
        report(checked, choice.models, arguments)
        print(f"error: throughput was not checked: {error}", file=sys.stderr)
        return PROBLEMS_FOUND if checked.errors else 1
    return report(checked, choice.models, arguments)


def with_platform_answers(checked: "Checked", choice: "StackChoice", arguments: argparse.Namespace) -> "Checked":
    """`checked` and the rules that need a workspace: aliases, what is to be registered, and optimization info.

    Of the last only what is not recorded is asked for.
    """
    from bandplan.cli.validation import check_legacy, check_registry, check_throughput
    from bandplan.serving.throughput.registry_answers import RegistryAnswers
    from bandplan.serving.workspace.cache import Cache
    from bandplan.serving.workspace.optimization_info import fetch
    from bandplan.wire.band_policies import band_policies_of

    project = choice.project
    is_asked = not arguments.offline and (
        checked.needed or checked.registered or checked.followed or checked.has_legacy
    )
    client = choice.client() if is_asked else None
    cache = Cache(project.optimization_info_folder, committed=project.committed_optimization_info)
    if client is not None and (
        checked.registered
        or checked.followed
        or checked.has_legacy
        or arguments.refresh
        or not set(checked.needed) <= cache.recorded(client.host).keys()
    ):
        client.require_answer()
    standing = RegistryAnswers()
    if checked.registered or checked.followed:
        standing = RegistryAnswers(aliases=cache.recorded_aliases())
        if client is not None:
            from bandplan.serving.workspace.registry_survey import survey

            standing = survey(client, checked.registered, checked.followed)
        for alias in () if client is not None else checked.followed:
            if alias not in standing.aliases:
                told = f"{alias.model}@{alias.alias}"
                print(
                    f"not recorded, so not checked: {told} (`bandplan validate --record` records it)", file=sys.stderr
                )
        checked = check_registry(checked, standing, project.root)
    if client is not None:
        checked = check_legacy(checked, client)
    versions = checked.needed

    def unrecorded(error: OSError) -> None:
        place, reason = project.optimization_info_folder, error.strerror or type(error).__name__
        print(f"warning: optimization info is not recorded in {place}: {reason}", file=sys.stderr)

    answers = fetch(
        client, versions, cache, refresh=arguments.refresh, offline=arguments.offline, unrecorded=unrecorded
    )
    if arguments.record:
        record(cache, choice, answers, standing)
    return check_throughput(checked, answers, date.today(), band_policies_of(project.root, choice.name))


def record(
    cache: "Cache",
    choice: "StackChoice",
    answers: "Mapping[ModelVersion, OptimizationInfo | Unavailable]",
    standing: "RegistryAnswers",
) -> None:
    """Write what the workspace told, and what was recorded before, to the file that is committed.

    What it says no longer is left out: an alias that points to nothing, a version that is not eligible.
    Errors: CommandError.
    """
    from bandplan.cli.errors import CommandError
    from bandplan.serving.throughput.optimization_info import OptimizationInfo

    told = {**cache.recorded_anywhere(), **answers}
    known = {key: info for key, info in told.items() if isinstance(info, OptimizationInfo) and info.optimizable}
    aliases = {**cache.recorded_aliases(), **standing.aliases}
    numbers = {alias: number for alias, number in aliases.items() if isinstance(number, str)}
    path = choice.project.committed_optimization_info
    try:
        cache.commit(known, numbers)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise CommandError(f"{path} cannot be written: {reason}") from error


def report(checked: "Checked", models: Path, arguments: argparse.Namespace) -> int:
    """Problems to stderr, warnings apart, then what is waived; the merged fleet or a summary to stdout."""
    from bandplan.serving.spec.problem import printable

    for problem in (*checked.errors, *checked.warnings):
        print(problem.render(), file=sys.stderr)
    for waived in checked.waived:
        print(waived.render(), file=sys.stderr)
    if arguments.show and checked.fleet is not None:
        from bandplan.serving.spec.show import to_yaml

        print(to_yaml(checked.fleet), end="")
    else:
        endpoints = "no fleet" if checked.fleet is None else counted(len(checked.fleet.models), "endpoint")
        found = f"{counted(checked.count('error'), 'error')}, {counted(checked.count('warning'), 'warning')}"
        found = found if checked.counted else f"at least {found}"
        aside = f", {len(checked.waived):,} waived" if checked.waived else ""
        print(printable(f"{models.name} (stack {arguments.stack}): {endpoints}, {found}{aside}"))
    return PROBLEMS_FOUND if checked.errors else 0


def counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
