"""A deployed endpoint of a stack's workspace, by name; a name that is not there gets the nearest one."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import LOCAL

if TYPE_CHECKING:
    from bandplan.cli.stack_choice import StackChoice
    from bandplan.serving.workspace.client import WorkspaceClient


def live_endpoint(choice: "StackChoice", name: str) -> tuple["WorkspaceClient", Mapping[str, Any]]:
    """Return the stack's workspace and the endpoint as it is there. Errors: CommandError, UsageProblem."""
    from bandplan.serving.workspace.errors import NotFound, WorkspaceError

    try:
        client = choice.client()
        return client, client.get(f"/api/2.0/serving-endpoints/{quote(name, safe='')}")
    except NotFound as error:
        raise UsageProblem(unknown_endpoint(choice, name)) from error
    except WorkspaceError as error:
        raise CommandError(str(error)) from error


def task_of(name: str, live: Mapping[str, Any]) -> Any:
    from bandplan.bench.target import TASKS

    written = str(live.get("task") or "").removeprefix("llm/v1/")
    if written not in TASKS:
        raise UsageProblem(f"{name}: task {written or 'unknown'} is not one of {', '.join(TASKS)}; name it with --task")
    return written


def unknown_endpoint(choice: "StackChoice", name: str) -> str:
    """Return the message for an unknown endpoint: the nearest name, or the endpoints that the workspace has."""
    from bandplan.serving.spec.suggestion import did_you_mean
    from bandplan.serving.workspace.endpoint_survey import listed
    from bandplan.serving.workspace.errors import WorkspaceError

    try:
        names = sorted(one.name for one in listed(choice.client()))
    except WorkspaceError:
        names = []
    otherwise = f"deploy it: bandplan up{'' if choice.stack == LOCAL else f' --stack {choice.stack}'}"
    there = f" (there: {', '.join(names[:10])})" if names else ""
    return f"{name}: no such endpoint in the workspace of {choice.stack}{there}; {did_you_mean(name, names, otherwise)}"
