"""Rules for a version that this deployment registers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal

from bandplan.serving.spec.entity import Entity
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.fleet import Fleet
from bandplan.serving.spec.problem import Problem, clipped
from bandplan.serving.spec.registration import LoggedRegistration, Registration
from bandplan.serving.spec.source import Source
from bandplan.serving.spec.tasks import EMBEDDINGS
from bandplan.serving.spec.workload import Workload
from bandplan.serving.throughput import rules
from bandplan.serving.throughput.optimization_info import Unavailable
from bandplan.serving.throughput.registrations import registering
from bandplan.serving.throughput.registry_answers import Absent, Existing

TaskPlace = Literal["argument", "metadata"]

# "Provisioned throughput Foundation Model APIs" and "Optimized LLM serving", docs.databricks.com.
_OLDEST_MLFLOW = (2, 11)
_OLDEST_LEGACY_MLFLOW = (2, 4)
_TASK_ARGUMENT_MLFLOW = (2, 12)


def task_place(mlflow_version: str) -> TaskPlace:
    """Return where `log_model` takes the task: an argument from MLflow 2.12 on, a key of `metadata` before (S21)."""
    return "argument" if _release(mlflow_version) >= _TASK_ARGUMENT_MLFLOW else "metadata"


def is_too_old(mlflow_version: str | None, *, is_legacy: bool = False) -> bool:
    """Whether models of this MLflow cannot be served by legacy serving or by provisioned throughput (S22)."""
    oldest = _OLDEST_LEGACY_MLFLOW if is_legacy else _OLDEST_MLFLOW
    return mlflow_version is not None and _release(mlflow_version) < oldest


def registration_problems(entry: Entry, entity: Entity, source: Source) -> list[Problem]:
    """Check S2, S22 and S23 for an entity with `register`; skip others, including those that follow its alias."""
    registration = entity.register
    if registration is None or entity.alias is not None:
        return []
    path = f"models/{entry.name}/{entity.path}register"
    found = []
    if registration.name.split(".")[0].lower() == "system":
        step = f"write a catalog of your own, such as `name: ml.{registration.name.split('.', 1)[1]}`"
        finding = f"{registration.name} is in the catalog system"
        found.append(rules.SYSTEM_CATALOG.problem(source, f"{path}/name", finding, step))
    is_legacy = isinstance(entity.throughput, Workload)
    if is_too_old(registration.mlflow_version, is_legacy=is_legacy):
        found.append(_too_old(registration, f"{path}/mlflow_version", source, is_legacy=is_legacy))
    return [*found, *_model_type(entry, registration, path, source)]


def _model_type(entry: Entry, registration: Registration, path: str, source: Source) -> Iterator[Problem]:
    """Check S23: an embedding model has a type, and an already logged one has its own, whatever is requested."""
    logged = registration.logged_model_type if isinstance(registration, LoggedRegistration) else None
    asked = registration.metadata.get("model_type")
    if logged is not None and asked is not None and asked.casefold() != logged.casefold():
        finding = f"model_type is {clipped(asked, 80)}, and the model was logged with {clipped(logged, 80)}"
        step = f"write `model_type: {clipped(logged, 80)}` or remove it, or log the model again with the right one"
        yield rules.MODEL_TYPE.problem(source, f"{path}/metadata/model_type", finding, step)
    if entry.task != EMBEDDINGS or registration.model_type is not None:
        return
    if isinstance(registration, LoggedRegistration):
        step = 'log the model again with metadata={"model_type": "gte-large"}, using its own type'
        finding = f"the metadata in {registration.source}/MLmodel has no model_type"
        yield rules.MODEL_TYPE.problem(source, path, finding, step)
        return
    rule = rules.MODEL_TYPE if registration.is_logged_here else rules.MODEL_TYPE_UNSEEN
    step = "add `metadata: {model_type: gte-large}` with the model's own type"
    yield rule.problem(source, path, "metadata has no model_type", step)


def _too_old(registration: Registration, path: str, source: Source, *, is_legacy: bool) -> Problem:
    rule = rules.LEGACY_MLFLOW if is_legacy else rules.MLFLOW_OLD
    finding = f"MLflow {registration.mlflow_version} is too old"
    if registration.is_logged_here:
        return rule.problem(source, path, finding, "remove mlflow_version: the installed MLflow logs the model")
    step = "log the model again with MLflow 2.12 or newer, then write that version or remove mlflow_version"
    return rule.problem(source, path, finding, step)


def placing_problems(
    fleet: Fleet, models: Mapping[str, Existing | Absent | Unavailable], source: Source
) -> list[Problem]:
    """Check S2: an error if the catalog or schema to register in does not exist, a warning if that is unknown.

    One problem for each model, at the first registration into it. `models` is by model name; models not in it are not
    checked.
    """
    found: dict[str, Problem] = {}
    for entry, entity, registration in registering(fleet):
        name = registration.name
        if name in found or entity.alias is not None:
            continue
        path = f"models/{entry.name}/{entity.path}register/name"
        catalog, schema, _ = name.split(".")
        match models.get(name):
            case Absent(missing="schema"):
                finding = f"the schema {catalog}.{schema} does not exist, or this token may not see it"
                step = f"ask the owner of the catalog {catalog} to create it, or to grant USE SCHEMA on it"
                found[name] = rules.NO_SCHEMA.problem(source, path, finding, step)
            case Absent(missing="catalog"):
                finding = f"the catalog {catalog} does not exist, or this token may not see it"
                step = "ask a metastore admin to create it, or its owner to grant USE CATALOG on it"
                found[name] = rules.NO_SCHEMA.problem(source, path, finding, step)
            case Unavailable(reason):
                finding = f"whether {catalog}.{schema} exists is unknown: {reason}"
                step = f"ask the owner of {catalog} for USE CATALOG, and of {catalog}.{schema} for USE SCHEMA"
                found[name] = rules.SCHEMA_UNSEEN.problem(source, path, finding, step)
    return list(found.values())


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
