"""The stack that a command works on: whether the project has it, its models file, and its workspace."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.engines.checkpoint import stack_names
from bandplan.cli.environment import local_environment
from bandplan.cli.errors import UsageProblem
from bandplan.cli.project import LOCAL, Project
from bandplan.serving.spec.models_file import VARIABLE, models_file, shown_file

if TYPE_CHECKING:
    from bandplan.serving.workspace.client import WorkspaceClient
    from bandplan.serving.workspace.login_choice import StackLogin

MOST_NAMES = 10
"""Most names listed in a message; an arbitrary choice."""


@dataclass(frozen=True)
class StackChoice:
    """A stack of the project. `named` is a models file given as an argument, which overrides every other."""

    project: Project
    stack: str
    variables: Mapping[str, str]
    named: Path | None = None

    @property
    def name(self) -> str:
        """The stack's own name: the last part of Pulumi's `organization/project/stack`."""
        return own_name(self.stack)

    @cached_property
    def models(self) -> Path:
        """The models file. Errors: CommandError if a configuration cannot be read."""
        return self.named or self.project.root / self.models_name

    @property
    def models_name(self) -> str:
        """The models file as the program finds it, relative to the project."""
        if self.variables.get(VARIABLE):
            return models_file(None, self.variables)
        from bandplan.cli.stack_configuration import configured_models

        return models_file(configured_models(self.project, self.name), self.variables)

    @property
    def shown_models(self) -> str:
        """The models file as messages name it: relative to where the user stands."""
        return shown_file(self.models, self.variables)

    def environ(self) -> dict[str, str]:
        """Return the variables with the stack's workspace: the local one (started if needed), else the user's own.

        `databricks:host` and `databricks:profile` of the stack's file count, and `--profile`. Errors: UsageProblem if
        they and the environment name different workspaces or logins.
        """
        from bandplan.serving.workspace.errors import NotConfigured
        from bandplan.serving.workspace.login_choice import login_environment
        from bandplan.serving.workspace.stack_login import stack_login

        try:
            configured = stack_login(self.project.root, self.name)
            if self.stack == LOCAL:
                return self._local_environ(configured)
            return login_environment(self.variables, configured)
        except NotConfigured as error:
            raise UsageProblem(str(error)) from error

    def _local_environ(self, configured: "StackLogin") -> dict[str, str]:
        if configured.host or configured.profile:
            key = "host" if configured.host else "profile"
            raise UsageProblem(
                f"{configured.place}: databricks:{key}: the stack {LOCAL} deploys to the local workspace only, and its "
                "token must not reach another one; remove the line, or choose another stack with --stack"
            )
        if profile := self.variables.get("BANDPLAN_PROFILE"):
            raise UsageProblem(
                f"--profile {profile}: the stack {LOCAL} uses the local workspace, which has no profile; name the "
                "stack to work on with --stack"
            )
        from bandplan.cli.local_workspace import running_stub

        stub = running_stub(self.project)
        return local_environment(self.variables, stub.host, stub.token)

    def client(self) -> "WorkspaceClient":
        """Create a client of the stack's workspace. Errors: NotConfigured."""
        from bandplan.serving.workspace.client import from_environment

        return from_environment(self.environ())


def choose_stack(project: Project, stack: str, variables: Mapping[str, str], models: Path | None = None) -> StackChoice:
    """Choose a stack for a command. Errors: UsageProblem, with the nearest name, for an unknown stack.

    A stack exists if it has a configuration file, overrides in the models file, or a state on this machine. Whether the
    engine's backend has it is for the engine to check. A project that names no stack accepts any.
    """
    choice = StackChoice(project, stack, variables, models)
    if stack != LOCAL and choice.name not in project.configured_stacks:
        deployed = stack_names(project.state_folder, project.name)
        require_known(choice, {*project.configured_stacks, *overridden_stacks(choice.models), *deployed} - {LOCAL})
    return choice


def others_of_file(choice: StackChoice) -> tuple[str, ...]:
    """Return the other stacks that are configured to use the same models file. Errors: CommandError."""
    names = [name for name in choice.project.configured_stacks if name != choice.name]
    return tuple(name for name in names if replace(choice, stack=name).models == choice.models)


def own_name(stack: str) -> str:
    """Return the last part of Pulumi's `organization/project/stack`, which names the configuration file."""
    return stack.rsplit("/", 1)[-1]


def require_known(choice: StackChoice, known: set[str]) -> None:
    """Raise UsageProblem unless the stack is the local one or in `known`."""
    from bandplan.serving.spec.problem import printable
    from bandplan.serving.spec.suggestion import did_you_mean

    name = choice.name
    if not known or name in known:
        return
    names = sorted({LOCAL, *known})
    more = f" and {len(names) - MOST_NAMES:,} more" if len(names) > MOST_NAMES else ""
    there = ", ".join(names[:MOST_NAMES]) + more
    step = did_you_mean(name, names, f"add it with `bandplan stack new {name}`" if name else "name one of them")
    raise UsageProblem(printable(f"--stack {choice.stack}: no such stack (stacks: {there}); {step}"))


def contents_of(models: Path) -> Mapping[str, Any]:
    """Read the models file as plain values, regardless of its errors; {} if it cannot be read."""
    from bandplan.serving.spec.document import read
    from bandplan.serving.spec.loading import read_text

    text, unreadable = read_text(models)
    data = read(text, models.name).data if unreadable is None else None
    return data if isinstance(data, dict) else {}


def overridden_stacks(models: Path) -> set[str]:
    """Return the stacks of the file's `overrides`, regardless of other errors; empty if it cannot be read."""
    overrides = contents_of(models).get("overrides")
    return {str(stack) for stack in overrides} if isinstance(overrides, dict) else set()
