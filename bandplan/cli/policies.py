"""The project's policy pack, and a stack's configuration of it."""

import json
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bandplan.cli.errors import CommandError, UsageProblem
from bandplan.cli.project import Project
from bandplan.cli.stack_choice import own_name
from bandplan.wire.types import ENDPOINT

if TYPE_CHECKING:
    from bandplan.policies.analyzer import Analyzer
    from bandplan.policies.configuration import Configured

FOLDER = "policies"
PACK_FILE = "PulumiPolicy.yaml"

JUDGED = ENDPOINT
"""What the rules are about; a run that declares none has been approved of by nobody."""


def pack_folder(project: Project) -> Path | None:
    """The folder of the project's pack; None when it has none."""
    folder = project.root / FOLDER
    return folder if (folder / PACK_FILE).is_file() else None


def configuration_file(project: Project, stack: str) -> Path:
    """Where a stack's configuration of the pack lies; it need not be there."""
    return project.root / "stacks" / f"policies.{own_name(stack)}.json"


def pulumi_arguments(project: Project, stack: str) -> list[str]:
    """What makes the `pulumi` CLI run the pack; nothing for a project without one."""
    if pack_folder(project) is None:
        return []
    configuration = configuration_file(project, stack)
    configured = ["--policy-pack-config", str(configuration.relative_to(project.root))]
    return ["--policy-pack", FOLDER, *(configured if configuration.is_file() else [])]


def analyzer_of(project: Project, stack: str) -> "Analyzer | None":
    """The pack, ready to judge in this process; None for a project without one.

    Errors: UsageProblem when it is another pack than ours, or the stack's configuration of it cannot be used.
    """
    folder = pack_folder(project)
    if folder is None:
        return None
    from bandplan import policies
    from bandplan.policies.analyzer import Analyzer

    if folder.resolve() != Path(policies.__file__).resolve().parent:
        raise UsageProblem(
            f"{folder}: only bandplan's own policy pack runs without Pulumi; install the Pulumi "
            "CLI and add --engine pulumi"
        )
    return Analyzer(configured_rules(project, stack), project.root, date.today())


def configured_rules(project: Project, stack: str) -> "tuple[Configured, ...]":
    """Every rule of our pack as a stack has it.

    Errors: UsageProblem with everything that is wrong in the stack's configuration.
    """
    from bandplan.policies.configuration import configured
    from bandplan.policies.errors import BadConfiguration
    from bandplan.policies.pack import RULES

    path = configuration_file(project, stack)
    try:
        return configured(RULES, read_configuration(path))
    except BadConfiguration as error:
        shown = path.relative_to(project.root)
        raise UsageProblem("\n".join(f"{shown}: {line}" for line in str(error).splitlines())) from error


def read_configuration(path: Path) -> Any:
    """The JSON document; None when there is no such file, or it is empty.

    Errors: CommandError, UsageProblem.
    """
    text = text_of(path)
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise UsageProblem(f"{path}:{error.lineno}:{error.colno}: not JSON: {error.msg}") from error
    except (ValueError, RecursionError) as error:
        raise UsageProblem(f"{path}: cannot be parsed as JSON: {' '.join(str(error).split())[:200]}") from error


def text_of(path: Path) -> str:
    """The text of a file; empty when there is no such file. Errors: CommandError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: cannot be read: not UTF-8 at byte {error.start:,}") from error


def baseline_file(stack: str) -> str:
    """Where this room keeps what is deployed, for the rule `change-too-large`; relative to the project."""
    return f".bandplan/deployed/{own_name(stack)}.json"


def keep_baseline(project: Project, stack: str, outputs: Callable[[], Mapping[str, Any]]) -> None:
    """Write the stack's output `endpoints` as it stands, where a rule of the stack's configuration reads it.

    `outputs` are asked for only then: under Pulumi that takes a second.
    """
    configuration = configuration_file(project, stack)
    if pack_folder(project) is None or not configuration.is_file():
        return
    if baseline_file(stack) not in text_of(configuration):
        return
    from bandplan.serving.private_file import replace_private_file

    path = project.root / baseline_file(stack)
    project.make_private(path.parent)
    replace_private_file(path, json.dumps(outputs().get("endpoints") or []))
