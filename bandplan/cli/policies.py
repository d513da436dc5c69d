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
"""The type that the rules judge; a run that declares none was not judged."""


def pack_folder(project: Project) -> Path | None:
    """Return the folder of the project's pack; None if it has none."""
    folder = project.root / FOLDER
    return folder if (folder / PACK_FILE).is_file() else None


def configuration_file(project: Project, stack: str) -> Path:
    """Return the path of a stack's configuration of the pack; it need not exist."""
    return project.root / "stacks" / f"policies.{own_name(stack)}.json"


def pulumi_arguments(project: Project, stack: str) -> list[str]:
    """Return the arguments that make the `pulumi` CLI run the pack; none for a project without one."""
    if pack_folder(project) is None:
        return []
    configuration = configuration_file(project, stack)
    configured = ["--policy-pack-config", str(configuration.relative_to(project.root))]
    return ["--policy-pack", FOLDER, *(configured if configuration.is_file() else [])]


def analyzer_of(project: Project, stack: str) -> "Analyzer | None":
    """Load the pack to judge in this process; None for a project without one.

    Errors: UsageProblem if it is not bandplan's own pack, or the stack's configuration of it is invalid.
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
    """Return every rule of bandplan's pack as the stack configures it.

    Errors: UsageProblem with every problem of the stack's configuration.
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
    """Read the JSON document; None if the file is missing or empty.

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
    """Read a file; return "" if it does not exist. Errors: CommandError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise CommandError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path}: cannot be read: not UTF-8 at byte {error.start:,}") from error


def baseline_file(stack: str) -> str:
    """Return where what is deployed is recorded for the rule `change-too-large`, relative to the project."""
    return f".bandplan/deployed/{own_name(stack)}.json"


def keep_baseline(project: Project, stack: str, outputs: Callable[[], Mapping[str, Any]]) -> None:
    """Write the stack's current output `endpoints` if a rule of its configuration reads it.

    `outputs` is called only then: under Pulumi it takes a second.
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
