"""The sources that a fleet registers, as far as this machine can judge them before anything is sent."""

from __future__ import annotations

from pathlib import Path

from serving.registration.errors import RegistrationError
from serving.registration.source import parse
from serving.registration.suitability import findings
from serving.spec.fleet import Fleet
from serving.spec.problem import Problem
from serving.spec.source import Source as File
from serving.throughput import rules
from serving.throughput.registering import is_too_old
from serving.throughput.registrations import registering


def source_problems(fleet: Fleet, root: Path, file: File, *, thorough: bool = False) -> list[Problem]:
    """What is wrong with each `register.source`, at its place in the file; folders are relative to `root`.

    That the source is there; with `thorough` also all that stands against its being registered from this machine, of
    which much does not matter for a version that is there already.
    """
    found: list[Problem] = []
    for entry, entity, registration in registering(fleet):
        if entity.alias is not None:
            continue
        path = f"models/{entry.name}/{entity.path}register/source"
        try:
            source = parse(registration.source, root)
            # An mlflow_version that is too old is a problem of its own, with a step of its own.
            asked = None if is_too_old(registration.mlflow_version) else registration.mlflow_version
            of_source = findings(source, entry.task, registration.metadata, asked) if thorough else ()
        except RegistrationError as error:
            found += [rules.REGISTER_SOURCE.problem(file, path, line) for line in str(error).splitlines()]
            continue
        for one in of_source:
            rule = rules.REGISTER_SOURCE if one.severity == "error" else rules.SOURCE_DOUBTFUL
            found.append(rule.problem(file, path, f"{one.place}: {one.finding}; {one.rule}", one.next_step))
    return found
