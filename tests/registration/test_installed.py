from collections.abc import Mapping

import pytest

from bandplan.serving.registration.checks.installed import installed_findings
from bandplan.serving.registration.mlflow_process.log_model import task_arguments

ALL = {"mlflow-skinny": "3.17.2", "transformers": "5.17.0", "pandas": "3.1.1"}


def places(there: Mapping[str, str], asked: str | None = None, *, logs: bool = True) -> list[str]:
    return [finding.place for finding in installed_findings(asked, logs=logs, look_up=there.get)]


def without(name: str) -> dict[str, str]:
    return {key: version for key, version in ALL.items() if key != name}


def test_what_is_installed_suffices() -> None:
    assert places(ALL) == []
    assert places({**without("mlflow-skinny"), "mlflow": "3.11.0"}) == []


def test_missing_packages_are_named() -> None:
    assert places({"mlflow": "3.17.2"}) == ["transformers", "pandas"]
    assert places({"mlflow": "3.17.2"}, logs=False) == ["pandas"]


@pytest.mark.parametrize("logs", [True, False])
def test_without_the_extra_one_finding_names_it(logs: bool) -> None:
    (found,) = installed_findings(None, logs=logs, look_up={}.get)
    assert (found.place, found.severity) == ("bandplan[register]", "error")
    assert "pip install 'bandplan[register]'" in found.next_step and "upgrade --register" in found.next_step


def test_transformers_is_needed_to_log_and_not_to_register() -> None:
    assert places(without("transformers")) == ["transformers"]
    assert places(without("transformers"), logs=False) == []


@pytest.mark.parametrize(("version", "is_refused"), [("2.10.2", True), ("2.11.0", False), ("2.9.1", True)])
def test_s22_installed_mlflow_is_new_enough_to_log(version: str, is_refused: bool) -> None:
    assert places({**ALL, "mlflow-skinny": version}) == (["MLflow"] if is_refused else [])


@pytest.mark.parametrize(
    ("asked", "is_refused"), [("3.17.2", False), ("3.17", False), ("3.17.1", True), ("3.1", True), ("2.12.1", True)]
)
def test_mlflow_that_is_asked_for_is_the_one_that_logs(asked: str, is_refused: bool) -> None:
    assert places(ALL, asked) == (["mlflow_version"] if is_refused else [])
    assert places(ALL, asked, logs=False) == []


@pytest.mark.parametrize(
    ("there", "asked", "step"),
    [
        ("3.17.2", "2.10.2", "leave mlflow_version out"),
        ("3.17.2", "2.12.1", "install mlflow-skinny==2.12.1, or leave mlflow_version out"),
        ("2.9.1", "2.12.1", "install mlflow-skinny==2.12.1, or leave mlflow_version out"),
        ("2.9.1", "2.9.1", "leave mlflow_version out"),
        ("2.9.1", None, "install the extra"),
    ],
)
def test_no_two_steps_contradict_each_other(there: str, asked: str | None, step: str) -> None:
    """What is asked for and what is installed never ask for two versions of MLflow at once."""
    found = installed_findings(asked, logs=True, look_up={**ALL, "mlflow-skinny": there}.get)
    assert found[0].next_step.startswith(step)
    assert sum("mlflow-skinny==" in one.next_step for one in found) <= 1


def test_s21_task_is_an_argument_from_mlflow_2_12_and_metadata_before() -> None:
    metadata = {"model_type": "gte-large"}
    task = "llm/v1/embeddings"
    assert task_arguments((2, 12), task, metadata) == {"task": task, "metadata": metadata}
    assert task_arguments((2, 11), task, metadata) == {
        "task": "feature-extraction",
        "metadata": {"model_type": "gte-large", "task": task},
    }
    assert task_arguments((3, 17), "llm/v1/chat", {}) == {"task": "llm/v1/chat", "metadata": None}
