"""A finding at its place in a file, whether it came from a rule of models.yaml or from a policy."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bandplan.wire.types import ENDPOINT
from bandplan.wire.urn import parse_urn

if TYPE_CHECKING:
    from bandplan.policies.finding import Violation
    from bandplan.serving.spec.problem import Problem
    from bandplan.serving.spec.source import Source

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Annotation:
    """One finding. `subject` is the path in the file or the endpoint's name; `file` is relative to the repository.

    Units: line and column count from 1. `code` is one that `bandplan explain` knows.
    """

    level: Level
    code: str
    file: str
    line: int
    column: int
    subject: str
    message: str


def of_problems(problems: Iterable["Problem"], file: str) -> list[Annotation]:
    """Convert problems of the models file."""
    return [
        Annotation(
            one.severity,
            one.id,
            file,
            one.line,
            one.column,
            one.path,
            "; ".join(part for part in (one.finding, one.rule, one.next_step) if part),
        )
        for one in problems
    ]


def of_violations(violations: Iterable["Violation"], source: "Source", file: str) -> list[Annotation]:
    """Convert violations of policies, each placed at its endpoint's entry; one of the whole stack at the list."""
    found = []
    for one in violations:
        urn = parse_urn(one.urn)
        name = urn.name if urn is not None and urn.type == ENDPOINT else ""
        line, column = source.place(["models", name] if name else ["models"])
        level: Level = "error" if one.level == "mandatory" else "warning"
        found.append(Annotation(level, one.policy, file, line, column, name, one.message.strip()))
    return found


def repository_of(project: Path, environ: Mapping[str, str] = os.environ) -> Path:
    """Return the root of the repository that holds the project: that of the CI job, else the folder with `.git`, else
    the project.
    """
    checkout = environ.get("GITHUB_WORKSPACE")
    if checkout and project.is_relative_to(root := Path(checkout).resolve()):
        return root
    return next((folder for folder in (project, *project.parents) if (folder / ".git").exists()), project)


def in_repository(path: Path, project: Path, environ: Mapping[str, str] = os.environ) -> str:
    """Return the path of a file relative to its repository, with slashes; absolute if it is outside."""
    path = Path(os.path.abspath(path))
    root = repository_of(project, environ)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
