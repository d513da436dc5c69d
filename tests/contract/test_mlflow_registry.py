"""MLflow's client against the registry in Unity Catalog (`databricks-uc`), the Files API and tracking (`databricks`)."""

import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.contract.target import ENDPOINTS, Target

if TYPE_CHECKING:
    from mlflow import MlflowClient

SCHEMA = "BANDPLAN_CONTRACT_SCHEMA"
"""Names the schema (`catalog.schema`) that models are registered in; on the stub one that is always there."""

MLMODEL = """\
flavors:
  python_function: {loader_module: mlflow.transformers}
  transformers: {task: text-generation, inference_task: llm/v1/chat, model_binary: model}
metadata: {task: llm/v1/chat}
mlflow_version: 3.17.2
signature:
  inputs: '[{"type": "string", "name": "prompt", "required": true}]'
  outputs: '[{"type": "string", "required": true}]'
"""

WEIGHTS_BYTES = 51 * 1024 * 1024
"""Above 50 MiB the Databricks SDK uploads a file in parts."""

WAYS = {
    "files api": {"MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "true"},
    "presigned urls": {"MLFLOW_USE_DATABRICKS_SDK_MODEL_ARTIFACTS_REPO_FOR_UC": "false"},
    "native registry": {"MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY": "true"},
    "as the workspace says": {},
}


@pytest.fixture
def client(databricks_environment: Target, monkeypatch: pytest.MonkeyPatch) -> "MlflowClient":
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "databricks")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "databricks-uc")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    from mlflow import MlflowClient

    return MlflowClient("databricks", "databricks-uc")


@pytest.fixture
def model_name(client: "MlflowClient", target: Target, name: str) -> Iterator[str]:
    """A name for a registered model; what has it at the end is deleted."""
    made = f"{os.environ.get(SCHEMA, 'ml.own')}.{name.replace('-', '_')}"
    yield made
    target.send("DELETE", f"/api/2.1/unity-catalog/models/{made}")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of MLflow: weights in a sparse file, a folder in a folder, an empty file, a name with a space."""
    made = tmp_path / "logged"
    (made / "model" / "deep er").mkdir(parents=True)
    (made / "MLmodel").write_text(MLMODEL)
    (made / "model" / "config.json").write_text('{"model_type": "llama"}')
    (made / "model" / "deep er" / "note.txt").write_bytes(random.Random(3).randbytes(1000))
    (made / "model" / "empty").touch()
    with (made / "model" / "model.safetensors").open("wb") as weights:
        weights.truncate(WEIGHTS_BYTES)
        for position in (0, 10 * 1024 * 1024 - 3, WEIGHTS_BYTES - 5):
            weights.seek(position)
            weights.write(b"ABCDE")
    return made


def files_of(folder: Path) -> dict[str, Path]:
    return {str(path.relative_to(folder)): path for path in folder.rglob("*") if path.is_file()}


def assert_same_files(actual: Path, expected: Path) -> None:
    found, wanted = files_of(actual), files_of(expected)
    found.pop("registered_model_meta", None)  # the client's own note, written beside what it downloads
    assert found.keys() == wanted.keys()
    for name, path in wanted.items():
        assert found[name].read_bytes() == path.read_bytes(), name


def test_model_is_created_found_described_tagged_and_deleted(client: "MlflowClient", model_name: str) -> None:
    from mlflow.exceptions import MlflowException

    made = client.create_registered_model(model_name, tags={"team": "search"}, description="first")
    assert (made.name, made.description, made.tags) == (model_name, "first", {"team": "search"})
    assert model_name in [found.name for found in client.search_registered_models(max_results=1000)]
    client.update_registered_model(model_name, description="second")
    client.set_registered_model_tag(model_name, "stage", "trial")
    client.delete_registered_model_tag(model_name, "team")
    read = client.get_registered_model(model_name)
    assert (read.description, read.tags) == ("second", {"stage": "trial"})
    with pytest.raises(MlflowException, match="already exists") as caught:
        client.create_registered_model(model_name)
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    client.delete_registered_model(model_name)
    with pytest.raises(MlflowException, match="does not exist") as caught:
        client.get_registered_model(model_name)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("way", WAYS)
def test_folder_is_registered_twice_and_downloaded_as_it_was(
    client: "MlflowClient",
    target: Target,
    model_name: str,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    way: str,
) -> None:
    import mlflow

    for variable, value in WAYS[way].items():
        monkeypatch.setenv(variable, value)
    made = mlflow.register_model(str(folder), model_name, tags={"bandplan.source_digest": "d1"})
    assert (made.name, str(made.version), made.status) == (model_name, "1", "READY")
    assert made.tags == {"bandplan.source_digest": "d1"}
    downloaded = mlflow.artifacts.download_artifacts(f"models:/{model_name}/1", dst_path=str(tmp_path / "down"))
    assert_same_files(Path(downloaded), folder)
    if target.is_stub:
        info = target.ok("GET", f"{ENDPOINTS}/get-model-optimization-info/{model_name}/1")
        assert info == {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980}
    (folder / "model" / "model.safetensors").unlink()
    again = mlflow.register_model(str(folder), model_name)  # the model is there already
    assert (str(again.version), again.status) == ("2", "READY")


@pytest.mark.parametrize("way", ["native registry", "as the workspace says"])
def test_versions_are_aliased_tagged_described_searched_and_deleted(
    client: "MlflowClient", model_name: str, folder: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    for variable, value in WAYS[way].items():
        monkeypatch.setenv(variable, value)
    client = mlflow.MlflowClient("databricks", "databricks-uc")
    (folder / "model" / "model.safetensors").unlink()
    for _ in range(2):
        mlflow.register_model(str(folder), model_name)
    client.set_registered_model_alias(model_name, "champion", "1")
    client.set_registered_model_alias(model_name, "champion", "2")
    assert client.get_registered_model(model_name).aliases == {"champion": "2"}
    assert str(client.get_model_version_by_alias(model_name, "champion").version) == "2"
    client.set_model_version_tag(model_name, "2", "checked", "yes")
    client.set_model_version_tag(model_name, "2", "gone", "soon")
    client.delete_model_version_tag(model_name, "2", "gone")
    client.update_model_version(model_name, "2", "the better one")
    read = client.get_model_version(model_name, "2")
    assert (read.tags, read.description, read.aliases) == ({"checked": "yes"}, "the better one", ["champion"])
    found = client.search_model_versions(f"name='{model_name}'")
    assert sorted(str(version.version) for version in found) == ["1", "2"]
    downloaded = mlflow.artifacts.download_artifacts(f"models:/{model_name}@champion")
    assert_same_files(Path(downloaded), folder)
    client.delete_registered_model_alias(model_name, "champion")
    client.delete_model_version(model_name, "2")
    for read_it in (
        lambda: client.get_model_version_by_alias(model_name, "champion"),
        lambda: client.get_model_version(model_name, "2"),
    ):
        with pytest.raises(MlflowException) as caught:
            read_it()
        assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"


def test_model_logged_in_a_run_is_registered_from_the_run_and_from_the_logged_model(
    client: "MlflowClient", target: Target, model_name: str, tmp_path: Path
) -> None:
    import mlflow
    from mlflow.models import infer_signature

    user = target.ok("GET", "/api/2.0/preview/scim/v2/Me")["userName"]
    experiment = client.create_experiment(f"/Users/{user}/{model_name}")
    (tmp_path / "weights.bin").write_bytes(b"weights")
    (tmp_path / "note.txt").write_text("seen")
    with mlflow.start_run(experiment_id=experiment) as run:
        mlflow.log_param("rank", 8)
        mlflow.log_metrics({"loss": 0.5}, step=1)
        mlflow.log_artifact(str(tmp_path / "note.txt"), "notes")
        logged = mlflow.pyfunc.log_model(
            name="model",
            loader_module="json",
            data_path=str(tmp_path / "weights.bin"),
            signature=infer_signature(["a"], ["b"]),
            pip_requirements=["mlflow"],
        )
    finished = client.get_run(run.info.run_id)
    assert (finished.info.status, finished.data.params, finished.data.metrics) == (
        "FINISHED",
        {"rank": "8"},
        {"loss": 0.5},
    )
    assert [found.path for found in client.list_artifacts(run.info.run_id, "notes")] == ["notes/note.txt"]
    note = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/notes/note.txt")
    assert Path(note).read_text() == "seen"

    from_run = mlflow.register_model(f"runs:/{run.info.run_id}/model", model_name)
    from_model = mlflow.register_model(logged.model_uri, model_name)
    for version in (from_run, from_model):
        assert version.status == "READY"
        assert client.get_model_version(model_name, version.version).run_id == run.info.run_id
        weights = mlflow.artifacts.download_artifacts(f"models:/{model_name}/{version.version}/data/weights.bin")
        assert Path(weights).read_bytes() == b"weights"
    assert client.get_logged_model(logged.model_id).source_run_id == run.info.run_id
    client.delete_experiment(experiment)


def test_missing_schema_is_named_before_anything_is_uploaded(client: "MlflowClient", folder: Path) -> None:
    import mlflow
    from mlflow.exceptions import MlflowException

    with pytest.raises(MlflowException, match=r"'?no_such_catalog'? does not exist"):
        mlflow.register_model(str(folder), "no_such_catalog.s.m")


@pytest.mark.stub_only
def test_registration_that_fails_gives_its_reason(
    client: "MlflowClient", target: Target, model_name: str, folder: Path
) -> None:
    import mlflow

    (folder / "model" / "model.safetensors").unlink()
    target.ok("POST", "/stub/faults", {"model": model_name, "reason": "The scanner found malware."})
    made = mlflow.register_model(str(folder), model_name)
    assert made.status == "FAILED_REGISTRATION"
    assert client.get_model_version(model_name, made.version).status_message == "The scanner found malware."
