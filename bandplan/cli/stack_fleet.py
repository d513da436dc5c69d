"""models.yaml of one stack, planned against its workspace, for commands that only read."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar, NoReturn

from bandplan.cli.errors import CommandError
from bandplan.cli.refusal import WRONG_MODELS
from bandplan.cli.stack_choice import StackChoice
from bandplan.serving.planning.plan import Refused, plan_stack
from bandplan.serving.planning.record import read_only_record_of
from bandplan.serving.planning.request import PlanRequest
from bandplan.serving.planning.resizing import Known, with_registered
from bandplan.serving.spec.problem import Problem
from bandplan.serving.throughput.sizing import EndpointSizing
from bandplan.serving.workspace.client import WorkspaceClient

Registered = Mapping[str, Known]
"""Versions that the stack has registered, by version key."""


class WrongModels(CommandError):
    """The models file has errors; they have been printed."""

    exit_status: ClassVar[int] = WRONG_MODELS


@dataclass(frozen=True)
class StackFleet:
    """The sizings in the order of models.yaml. `unmade` names the entries whose version is not registered yet."""

    sizings: tuple[EndpointSizing, ...]
    unmade: tuple[str, ...] = ()


def stack_fleet(choice: StackChoice, client: WorkspaceClient, registered: Registered) -> StackFleet:
    """Read the stack's models file, ask the workspace for what is needed, and size every entry. Sends only GET
    requests.

    Errors: WrongModels after printing every problem; those of the client.
    """
    root = choice.project.root
    record = read_only_record_of(root)
    plan = plan_stack(
        PlanRequest(
            root,
            choice.models,
            choice.name,
            record,
            lambda checked: client,
            date.today(),
            file=choice.shown_models,
            thorough=True,
        )
    )
    if isinstance(plan, Refused):
        if plan.error is not None:
            raise plan.error
        refuse(choice.shown_models, plan.checked.errors)
    sizings, unmade = [], []
    for sizing in plan.sizings:
        known = with_registered(sizing, registered, plan.resize)
        if known is None:
            unmade.append(sizing.entry.name)
        sizings.append(known or sizing)
    return StackFleet(tuple(sizings), tuple(unmade))


def refuse(file: str, problems: tuple[Problem, ...]) -> NoReturn:
    """Print every problem to stderr. Errors: WrongModels, always."""
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    finding = f"{file} has errors, so nothing was compared; fix them (`bandplan validate` also lists warnings)"
    raise WrongModels(finding, problems)
