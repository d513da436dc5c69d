"""Rules for a version that this deploy registers."""

from __future__ import annotations

from typing import Literal

from serving.spec.entity import Entity
from serving.spec.entry import Entry
from serving.spec.problem import Problem
from serving.spec.source import Source
from serving.throughput import rules

TaskPlace = Literal["argument", "metadata"]

# "Provisioned throughput Foundation Model APIs", docs.databricks.com.
_OLDEST_MLFLOW = (2, 11)
_TASK_ARGUMENT_MLFLOW = (2, 12)


def task_place(mlflow_version: str) -> TaskPlace:
    """Where `log_model` takes the task: an argument from MLflow 2.12 on, a key of `metadata` before (S21)."""
    return "argument" if _release(mlflow_version) >= _TASK_ARGUMENT_MLFLOW else "metadata"


def registration_problems(entry: Entry, entity: Entity, source: Source) -> list[Problem]:
    """S2, S22 and S23 for an entity with `register`; nothing for others."""
    registration = entity.register
    if registration is None:
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


def _release(version: str) -> tuple[int, int]:
    major, minor = version.split(".")[:2]
    return int(major), int(minor)
