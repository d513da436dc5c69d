"""models.yaml as one stack has it, checked and sized against its workspace, for commands that only look."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import ClassVar, NoReturn

from bandplan.cli.errors import CommandError
from bandplan.cli.stack_choice import StackChoice
from bandplan.cli.validation import Checked, check_file, check_registry, check_throughput
from bandplan.serving.spec.problem import Problem
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.registrations import version_key
from bandplan.serving.throughput.sizing import EndpointSizing, size, size_entry
from bandplan.serving.workspace.cache import Cache
from bandplan.serving.workspace.client import WorkspaceClient

Registered = Mapping[str, tuple[str, OptimizationInfo]]
"""Versions that the stack has registered, by the key that `version_key` gives: the number, and what it can give."""


class WrongModels(CommandError):
    """The models file has errors; they have been printed."""

    exit_status: ClassVar[int] = 2


@dataclass(frozen=True)
class StackFleet:
    """The sizings in the order of models.yaml. `unmade` names the entries that wait for a version to be registered."""

    checked: Checked
    answers: Mapping[ModelVersion, OptimizationInfo | Unavailable]
    sizings: tuple[EndpointSizing, ...]
    unmade: tuple[str, ...] = ()


class UnrecordedCache(Cache):
    """Optimization info that was recorded before; nothing is added to it."""

    def record(self, host: str, answers: Mapping[ModelVersion, OptimizationInfo]) -> None:
        return None


def stack_fleet(choice: StackChoice, client: WorkspaceClient, registered: Registered) -> StackFleet:
    """Read the stack's models file, ask the workspace what is needed, and size every entry. Sends only GET requests.

    Errors: WrongModels after every problem was printed; those of the client.
    """
    from bandplan.serving.workspace.optimization_info import fetch

    project = choice.project
    checked = check_file(choice.models, choice.name)
    if checked.registered or checked.followed:
        from bandplan.serving.workspace.registry_survey import survey

        checked = check_registry(checked, survey(client, checked.registered, checked.followed), project.root)
    answers = fetch(client, checked.needed, UnrecordedCache(project.optimization_info_folder))
    checked = check_throughput(checked, answers, date.today())
    if checked.errors or checked.fleet is None or checked.checkable is None:
        refuse(choice.models.name, checked.errors)
    sized = size(checked.checkable, answers, checked.source)
    sizings, unmade = [], []
    for sizing in sized.endpoints:
        known = _resized(sizing, checked, answers, registered)
        if known is None:
            unmade.append(sizing.entry.name)
        sizings.append(known or sizing)
    return StackFleet(checked, answers, tuple(sizings), tuple(unmade))


def refuse(file: str, problems: tuple[Problem, ...]) -> NoReturn:
    """WrongModels, once every problem is on stderr."""
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    raise WrongModels(f"nothing was looked at: {file} has errors; `bandplan validate` lists warnings too")


def _resized(
    sizing: EndpointSizing,
    checked: Checked,
    answers: Mapping[ModelVersion, OptimizationInfo | Unavailable],
    registered: Registered,
) -> EndpointSizing | None:
    """The sizing with the versions that the stack has registered; None when one of them is not there."""
    entry = sizing.entry
    waiting = {entity.path: entity.register for entity in entry.entities if entity.register is not None}
    if not waiting:
        return sizing
    known = {path: registered.get(version_key(registration)) for path, registration in waiting.items()}
    if checked.checkable is None or any(one is None for one in known.values()):
        return None
    models = {entity.path: entity.model for entity in entry.entities}
    found = {path: one for path, one in known.items() if one is not None}
    told = {**answers, **{ModelVersion(models[path], version): info for path, (version, info) in found.items()}}
    numbers = {path: version for path, (version, _) in found.items()}
    allow = checked.checkable.allow_legacy
    resized = size_entry(entry, told, numbers, checked.source, allow_legacy=allow)[0]
    if resized is None:
        return None
    # A version that a deploy makes is not in the served name, which stays from version to version.
    pairs = zip(resized.entities, sizing.entities, strict=True)
    return replace(resized, entities=tuple(replace(new, served_name=old.served_name) for new, old in pairs))
