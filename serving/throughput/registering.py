"""Rules for a version that this deploy registers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from serving.spec.entity import Entity
from serving.spec.entry import Entry
from serving.spec.fleet import Fleet
from serving.spec.problem import Problem
from serving.spec.source import Source
from serving.throughput import rules
from serving.throughput.optimization_info import Unavailable
from serving.throughput.registrations import registering
from serving.throughput.registry_answers import Absent, Existing

TaskPlace = Literal["argument", "metadata"]

# "Provisioned throughput Foundation Model APIs", docs.databricks.com.
_OLDEST_MLFLOW = (2, 11)
_TASK_ARGUMENT_MLFLOW = (2, 12)


def task_place(mlflow_version: str) -> TaskPlace:
    """Where `log_model` takes the task: an argument from MLflow 2.12 on, a key of `metadata` before (S21)."""
    return "argument" if _release(mlflow_version) >= _TASK_ARGUMENT_MLFLOW else "metadata"


def registration_problems(entry: Entry, entity: Entity, source: Source) -> list[Problem]:
    """S2, S22 and S23 for an entity with `register`; nothing for others, those that follow its alias among them."""
    registration = entity.register
    if registration is None or entity.alias is not None:
        return []
    path = f"models/{entry.name}/{entity.path}register"
    found = []
    if registration.name.split(".")[0].lower() == "system":
        step = f"write a catalog of your own, such as `name: ml.{registration.name.split('.', 1)[1]}`"
        finding = f"{registration.name} is in the catalog system"
        found.append(rules.SYSTEM_CATALOG.problem(source, f"{path}/name", finding, step))
    version = registration.mlflow_version
    if version is not None and _release(version) < _OLDEST_MLFLOW:
        step = "log the model again with a newer MLflow, such as mlflow_version: 2.12.1"
        found.append(rules.MLFLOW_OLD.problem(source, f"{path}/mlflow_version", f"MLflow {version} is too old", step))
    if entry.task == "llm/v1/embeddings" and "model_type" not in registration.metadata:
        rule = rules.MODEL_TYPE if registration.is_logged_here else rules.MODEL_TYPE_UNSEEN
        step = "add `metadata: {model_type: gte-large}` with the model's own type"
        found.append(rule.problem(source, path, "metadata has no model_type", step))
    return found


def placing_problems(
    fleet: Fleet, models: Mapping[str, Existing | Absent | Unavailable], source: Source
) -> list[Problem]:
    """S2: an error where the catalog or schema to register in is not there, a warning where nobody can say.

    One for each model, at the first registration into it. `models` is by model name; those not in it are not judged.
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
                finding = f"whether {catalog}.{schema} exists cannot be told: {reason}"
                step = f"ask the owner of {catalog} for USE CATALOG, and of {catalog}.{schema} for USE SCHEMA"
                found[name] = rules.SCHEMA_UNSEEN.problem(source, path, finding, step)
    return list(found.values())


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
