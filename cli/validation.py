"""Every problem of a models file for one stack: its own rules, the JSON Schema, and the platform's answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from serving.spec.fleet import Fleet
from serving.spec.loading import load
from serving.spec.problem import Problem
from serving.spec.source import Source
from serving.throughput.needed import model_versions
from serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from serving.throughput.sizing import size


@dataclass(frozen=True)
class Checked:
    """The fleet (None when the file has errors that hide it) and all problems, in the order of the file."""

    fleet: Fleet | None
    source: Source
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")


def check_file(path: Path, stack: str) -> Checked:
    """The checks that need nothing but the file."""
    loaded = load(path, stack)
    problems = loaded.problems
    if loaded.fleet is not None:
        problems = (*problems, *schema_problems(path, loaded.source))
    return Checked(loaded.fleet, loaded.source, problems)


def check_throughput(checked: Checked, answers: Mapping[ModelVersion, OptimizationInfo | Unavailable]) -> Checked:
    """`checked` with the problems that show once the platform's optimization info is known."""
    if checked.fleet is None:
        return checked
    sized = size(checked.fleet, answers, checked.source)
    return Checked(checked.fleet, checked.source, (*checked.problems, *sized.problems))


def needed(checked: Checked) -> tuple[ModelVersion, ...]:
    return model_versions(checked.fleet) if checked.fleet is not None else ()


def schema_problems(path: Path, source: Source) -> tuple[Problem, ...]:
    """What the JSON Schema has against a file that `serving.spec` accepts: a defect of ours, for the two must agree."""
    from jsonschema import Draft202012Validator

    from serving.spec.document import read
    from serving.spec.schema import json_schema

    document = read(path.read_text(encoding="utf-8"), str(path))
    problems = []
    for error in Draft202012Validator(json_schema()).iter_errors(document.data):
        line, column = source.place(list(error.absolute_path))
        problems.append(
            Problem(
                file=str(path),
                line=line,
                column=column,
                path="/".join(str(part) for part in error.absolute_path),
                finding=error.message[:200],
                rule="the file has to agree with models.schema.json",
                next_step="compare with a file of examples/, and report it: the schema and the loader should agree",
                id="schema",
                severity="error",
            )
        )
    return tuple(problems)
