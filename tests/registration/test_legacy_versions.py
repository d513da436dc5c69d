"""S22 of legacy serving: MLflow 2.4, or Databricks Runtime 13.2 ML, in the MLmodel file of the version that is served."""

from collections.abc import Iterator
from typing import Any, ClassVar

import pytest

from bandplan.serving.registration.checks.legacy_versions import legacy_version_problems
from bandplan.serving.spec.loading import load_text
from bandplan.serving.spec.problem import Problem
from bandplan.serving.workspace.client import WorkspaceClient
from tests.answering import JsonHandler, answering

FILES = "/api/2.0/fs/files/Models"
WORKLOAD = "workload: {size: Small, parameters_billion: 7}"


class _Catalog(JsonHandler):
    """Unity Catalog with the MLmodel files of `versions`, by path."""

    versions: ClassVar[dict[str, dict[str, Any]]] = {}
    asked: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        self.asked.append(self.path)
        document = self.versions.get(self.path)
        if document is None:
            self.reply(404, {"error_code": "NOT_FOUND", "message": "no such file"})
        else:
            self.reply(200, document)


@pytest.fixture
def client() -> Iterator[WorkspaceClient]:
    _Catalog.versions.clear()
    _Catalog.asked.clear()
    with answering(_Catalog) as url:
        yield WorkspaceClient(url, "token")


def registered(model: str) -> str:
    return f"/api/2.0/mlflow/unity-catalog/model-versions/get?name={model}&version=3"


def logged_by(**versions: str) -> dict[str, Any]:
    flavors = {"transformers": {"task": "text-generation"}, "python_function": {}}
    return {"flavors": flavors, "metadata": {"task": "llm/v1/completions"}, **versions}


def problems(client: WorkspaceClient, *models: str, capacity: str = WORKLOAD) -> list[Problem]:
    entries = [
        f'  - {{name: e{number}, task: llm/v1/completions, model: {model}, version: "3", allow_legacy: true, {capacity}}}\n'
        for number, model in enumerate(models)
    ]
    loaded = load_text("version: 1\nmodels:\n" + "".join(entries), "models.yaml", None)
    assert loaded.fleet is not None, loaded.problems
    return legacy_version_problems(client, loaded.fleet, loaded.source)


@pytest.mark.parametrize(
    ("versions", "said"),
    [
        ({"mlflow_version": "2.3.2"}, "logged with MLflow 2.3.2"),
        ({"mlflow_version": "1.30.0", "databricks_runtime": "13.1.x-gpu-ml-scala2.12"}, "logged with MLflow 1.30.0"),
        ({"databricks_runtime": "13.1.x-gpu-ml-scala2.12"}, "logged on Databricks Runtime 13.1.x"),
        ({"mlflow_version": "2.4.0"}, None),
        ({"mlflow_version": "2.10.2"}, None),
        ({"mlflow_version": "2.3.2", "databricks_runtime": "13.2.x-gpu-ml-scala2.12"}, None),
        ({"databricks_runtime": "14.3.x-gpu-ml-scala2.12"}, None),
    ],
)
def test_version_that_is_too_old_is_warned_of(
    client: WorkspaceClient, versions: dict[str, str], said: str | None
) -> None:
    _Catalog.versions[f"{FILES}/ml/legacy/mpt_7b/3/MLmodel"] = logged_by(**versions)
    found = problems(client, "ml.legacy.mpt_7b")
    assert len(found) == (0 if said is None else 1)
    for one in found:
        assert (one.id, one.severity, one.path) == ("legacy-mlflow", "warning", "models/e0/version")
        assert one.finding.startswith(f"ml.legacy.mpt_7b version 3: {said}")
        assert "MLflow 2.4" in one.next_step and "Databricks Runtime 13.2 ML" in one.next_step


def test_each_version_is_asked_for_once_and_one_that_cannot_be_read_is_not_judged(client: WorkspaceClient) -> None:
    _Catalog.versions[f"{FILES}/ml/legacy/odd/3/MLmodel"] = {"userName": "no MLmodel"}
    _Catalog.versions[f"{FILES}/ml/legacy/old/3/MLmodel"] = logged_by(mlflow_version="2.0.1")
    _Catalog.versions[registered("ml.legacy.nofile")] = {"model_version": {"name": "ml.legacy.nofile", "version": "3"}}
    found = problems(client, "ml.legacy.nofile", "ml.legacy.odd", "ml.legacy.old", "system.ai.mpt_7b_instruct")
    assert [one.path for one in found] == ["models/e2/version"]
    asked = [f"{FILES}/ml/legacy/{name}/3/MLmodel" for name in ("nofile", "odd", "old")]
    assert sorted(_Catalog.asked) == sorted([*asked, registered("ml.legacy.nofile")])


def test_version_that_is_not_there_is_refused(client: WorkspaceClient) -> None:
    (found,) = problems(client, "ml.legacy.absent")
    assert (found.id, found.path) == ("S25-legacy-register", "models/e0/version")
    assert "has no version 3 of ml.legacy.absent" in found.finding


def test_provisioned_throughput_is_judged_by_its_optimization_info_alone(client: WorkspaceClient) -> None:
    assert problems(client, "ml.own.model", capacity="throughput: {bands: {min: 1, max: 1}}") == []
    assert _Catalog.asked == []
