"""models.yaml as one stack has it, checked and sized against its workspace, for commands that only look."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import ClassVar, NoReturn

from cli.errors import CommandError
from cli.project import LOCAL, Project
from cli.validation import Checked, check_file, check_registry, check_throughput
from serving.spec.problem import Problem
from serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from serving.throughput.registrations import version_key
from serving.throughput.sizing import EndpointSizing, size, size_entry
from serving.workspace.cache import Cache
from serving.workspace.client import WorkspaceClient

DEFAULT_MODELS = "models.yaml"

Registered = Mapping[str, tuple[str, OptimizationInfo]]
"""Versions that the stack has registered, by the key that `version_key` gives: the number, and what it can give."""


class WrongModels(CommandError):
    """models.yaml has errors; they have been printed."""

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


def models_path(project: Project, stack: str, environ: Mapping[str, str]) -> Path:
    """The stack's models file, as its program finds it: BANDPLAN_MODELS, the stack's configuration, models.yaml."""
    return project.root / (environ.get("BANDPLAN_MODELS") or _configured(project, stack) or DEFAULT_MODELS)


def stack_fleet(
    path: Path, project: Project, stack: str, client: WorkspaceClient, registered: Registered
) -> StackFleet:
    """Reads the file, asks the workspace what it has to, and sizes every entry. Sends nothing but GET requests.

    Errors: WrongModels after every problem was printed; those of the client.
    """
    from serving.workspace.optimization_info import fetch

    checked = check_file(path, stack)
    if checked.registered or checked.followed:
        from serving.workspace.registry_survey import survey

        checked = check_registry(checked, survey(client, checked.registered, checked.followed), project.root)
    answers = fetch(client, checked.needed, UnrecordedCache(project.optimization_info_folder))
    checked = check_throughput(checked, answers, date.today())
    if checked.errors or checked.fleet is None or checked.checkable is None:
        refuse(checked.errors)
    sized = size(checked.checkable, answers, checked.source)
    sizings, unmade = [], []
    for sizing in sized.endpoints:
        known = _resized(sizing, checked, answers, registered)
        if known is None:
            unmade.append(sizing.entry.name)
        sizings.append(known or sizing)
    return StackFleet(checked, answers, tuple(sizings), tuple(unmade))


def refuse(problems: tuple[Problem, ...]) -> NoReturn:
    """WrongModels, once every problem is on stderr."""
    for problem in problems:
        print(problem.render(), file=sys.stderr)
    raise WrongModels("nothing was looked at: models.yaml has errors; `bandplan validate` lists warnings too")


def stack_client(project: Project, stack: str, environ: Mapping[str, str]) -> WorkspaceClient:
    """The stack's workspace: the local one (started when needed), else that of the environment."""
    from serving.workspace.client import from_environment

    if stack != LOCAL:
        return from_environment(environ)
    from cli.local_workspace import running_stub

    stub = running_stub(project)
    return WorkspaceClient(stub.host, stub.token)


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


def _configured(project: Project, stack: str) -> str | None:
    """`bandplan:models` of the stack's configuration file."""
    import yaml

    try:
        text = (project.root / "stacks" / f"Pulumi.{stack}.yaml").read_text(encoding="utf-8")
        document = yaml.safe_load(text)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise CommandError(f"stacks/Pulumi.{stack}.yaml: cannot be read: {error}") from error
    config = document.get("config") if isinstance(document, dict) else None
    value = config.get("bandplan:models") if isinstance(config, dict) else None
    return value if isinstance(value, str) else None
