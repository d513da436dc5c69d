"""The state of a stack as it is recorded now, read without a lock and without writing anything."""

import json
from collections.abc import Mapping
from typing import Any

from bandplan.cli.engines.checkpoint import read_checkpoint, stack_names, stacks_folder
from bandplan.cli.engines.child import run_quietly
from bandplan.cli.engines.choice import EngineName
from bandplan.cli.engines.running_deployment import holder, with_journal
from bandplan.cli.errors import CommandError
from bandplan.cli.project import LOCAL, Project


def deployment_of(
    project: Project, stack: str, engine: EngineName, environ: Mapping[str, str], pulumi: str | None
) -> dict[str, Any]:
    """Return the `deployment` of `pulumi stack export`; empty for a local stack that was never deployed.

    It includes what a running or killed deployment has done and started. Secrets stay encrypted. Errors: CommandError
    with Pulumi's message if the state cannot be read.
    """
    if stack == LOCAL or engine == "embedded":
        folder, name = project.state_folder, project.name
        journal = folder / ".pulumi" / "journals" / name / f"{stack}.jsonl"
        if stack not in stack_names(folder, name):
            return with_journal({}, None, journal, name, stack)
        latest = dict(read_checkpoint(folder, name, stack).get("latest") or {})
        return with_journal(latest, (stacks_folder(folder, name) / f"{stack}.json").read_bytes(), journal, name, stack)
    return dict(export(pulumi or "pulumi", project, stack, environ).get("deployment") or {})


def deployed_by(project: Project, stack: str, engine: EngineName) -> str:
    """Return who is deploying the stack now, as far as the state on this machine shows; "" for nobody."""
    if stack != LOCAL and engine != "embedded":
        return ""
    return holder(project.state_folder / ".pulumi" / "locks" / "organization" / project.name / stack)


def export(pulumi: str, project: Project, stack: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the output of `pulumi stack export`. Errors: CommandError."""
    command = [pulumi, "stack", "export", "--stack", stack, "--non-interactive"]
    done = run_quietly(command, project.root, environ)
    if done.returncode != 0:
        raise CommandError(f"the state of {stack} cannot be read: {' '.join(done.stderr.split())[-500:]}")
    try:
        exported = json.loads(done.stdout)
    except ValueError as error:
        raise CommandError(f"the state of {stack} cannot be read: `pulumi stack export` did not print JSON") from error
    return exported if isinstance(exported, dict) else {}
