"""The sources that a fleet registers, as far as this machine can check them before anything is uploaded."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

from bandplan.serving.registration.checks.mlmodel import MLmodel, read_mlmodel
from bandplan.serving.registration.checks.suitability import findings
from bandplan.serving.registration.errors import RegistrationError
from bandplan.serving.registration.sources.source import parse
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem
from bandplan.serving.spec.registration import LoggedRegistration, Registration
from bandplan.serving.spec.source import Source as File
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.registration_rules import is_too_old
from bandplan.serving.throughput.registrations import registering

_TOLD_OF_THE_ENTRY = "S23"
"""The rule that the entry's own checks apply (`serving.throughput.registering`), with what the MLmodel file says."""


def with_logged_types(fleet: Fleet, root: Path) -> Fleet:
    """Return the fleet with the model_type that each MLflow model in a folder was logged with; `root` is the project.

    A folder whose MLmodel file cannot be read is left to `source_problems`.
    """
    if not any(True for _ in registering(fleet)):
        return fleet

    @cache  # many entries may register one folder
    def logged(source: str) -> MLmodel | None:
        return _logged(source, root)

    def read(registration: Registration | None) -> Registration | None:
        mlmodel = logged(registration.source) if registration is not None else None
        if registration is None or mlmodel is None:
            return registration
        return LoggedRegistration.model_construct(**dict(registration), logged_model_type=mlmodel.model_type)

    return fleet.model_copy(update={"models": tuple(_entry_with_types(entry, read) for entry in fleet.models)})


def _entry_with_types(entry: Entry, read: Callable[[Registration | None], Registration | None]) -> Entry:
    if entry.is_pinned:
        return entry
    if entry.declarations is None:
        return entry.model_copy(update={"registration": read(entry.registration)})
    declarations = tuple(one.model_copy(update={"registration": read(one.registration)}) for one in entry.declarations)
    return entry.model_copy(update={"declarations": declarations})


def _logged(text: str, root: Path) -> MLmodel | None:
    """Return the MLmodel file of a source; None if the source is not such a folder, or cannot be read."""
    try:
        source = parse(text, root)
        return read_mlmodel(source.path / "MLmodel", source.text) if source.kind == "mlflow_folder" else None
    except RegistrationError:
        return None


def source_problems(fleet: Fleet, root: Path, file: File, *, thorough: bool = False) -> list[Problem]:
    """Report what is wrong with each `register.source`, at its place in the file; folders are relative to `root`.

    Checks that the source exists; with `thorough` also everything that prevents registering it from this machine, much
    of which does not matter for a version that already exists.
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
            if one.rule.startswith(_TOLD_OF_THE_ENTRY):
                continue
            rule = rules.REGISTER_SOURCE if one.severity == "error" else rules.SOURCE_DOUBTFUL
            found.append(rule.problem(file, path, f"{one.place}: {one.finding}; {one.rule}", one.next_step))
    return found
