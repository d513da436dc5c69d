"""What is logged, by MLflow in this process, to a folder: against what `mlflow.transformers` itself writes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bandplan.serving.registration.checks.checkpoint import read_checkpoint
from bandplan.serving.registration.checks.mlmodel import findings, read_mlmodel
from bandplan.serving.registration.mlflow_process.log_model import LoggedModel, log_model, requirements
from bandplan.serving.registration.sources.source import Source
from bandplan.serving.spec.tasks import TASKS
from tests.checkpoints import write_bert, write_llama

METADATA = {"llm/v1/embeddings": {"model_type": "gte-large"}}
OWN_OF_EACH = {
    "artifact_path",
    "model_id",
    "model_uuid",
    "run_id",
    "utc_time_created",
}
"""Parts of an MLmodel file that differ from one logging to the next."""


@pytest.fixture(scope="module", autouse=True)
def runs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runs go to a folder."""
    import mlflow

    with pytest.MonkeyPatch.context() as environ:
        environ.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        environ.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        uri = (tmp_path_factory.mktemp("runs") / "store").as_uri()
        # MLflow puts it into the environment by itself, and leaves it there.
        environ.setenv("MLFLOW_TRACKING_URI", uri)
        mlflow.set_tracking_uri(uri)
        yield
        mlflow.set_tracking_uri(None)


def checkpoint(folder: Path, task: str) -> Path:
    return write_bert(folder / "gte") if TASKS[task].embeds else write_llama(folder / "llama")


def logged(folder: Path, task: str, workplace: Path, **settings: Any) -> tuple[Path, LoggedModel]:
    """The folder of the model in its run, and the model."""
    import mlflow

    read = read_checkpoint(Source("checkpoint", folder.name, folder=folder), task)
    with mlflow.start_run():
        model = log_model(read, task, METADATA.get(task, {}), workplace=workplace, **settings)
    return Path(mlflow.artifacts.download_artifacts(model.uri)), model


def by_mlflow(folder: Path, task: str, path: Path) -> Path:
    """What MLflow's own function writes, which copies the weights."""
    import mlflow.transformers

    mlflow.transformers.save_model(
        transformers_model=str(folder),
        path=str(path),
        task=task,
        metadata=METADATA.get(task),
        input_example=dict(TASKS[task].input_example),
        torch_dtype="torch.bfloat16",
        pip_requirements=requirements(),
    )
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def document(folder: Path) -> dict[str, Any]:
    import yaml

    read = yaml.safe_load((folder / "MLmodel").read_text())
    return {key: value for key, value in read.items() if key not in OWN_OF_EACH}


@pytest.mark.parametrize("task", TASKS)
def test_what_is_logged_is_what_mlflow_writes_but_for_name_and_license(tmp_path: Path, task: str) -> None:
    """S20 to S24."""
    folder = checkpoint(tmp_path, task)
    ours, _ = logged(folder, task, tmp_path / "workplace")
    theirs = by_mlflow(folder, task, tmp_path / "theirs")
    mine, expected = tree(ours), tree(theirs)
    # MLflow adds the last when a model is logged, and not when it is saved.
    assert mine.keys() - {"registered_model_meta"} == expected.keys() - {"registered_model_meta"}
    differing = {name for name in expected if mine[name] != expected[name]}
    assert differing == {"MLmodel", "LICENSE.txt"}
    left, right = document(ours), document(theirs)
    assert left["flavors"]["transformers"].pop("source_model_name") == folder.name
    assert right["flavors"]["transformers"].pop("source_model_name") == str(folder)
    # The license texts have different lengths.
    sizes = left.pop("model_size_bytes"), right.pop("model_size_bytes")
    assert abs(sizes[0] - sizes[1]) < 1000
    assert left == right
    assert findings(read_mlmodel(ours / "MLmodel", "MLmodel"), task) == ()


@pytest.mark.parametrize("task", TASKS)
def test_s24_input_example_fits_the_signature_of_its_task(tmp_path: Path, task: str) -> None:
    from mlflow.models import Model, validate_schema

    path, _ = logged(checkpoint(tmp_path, task), task, tmp_path / "workplace")
    model = Model.load(str(path))
    example = json.loads((path / "input_example.json").read_text())
    assert example == TASKS[task].input_example
    validate_schema(example, model.signature.inputs)


def test_s24_weights_are_linked_and_not_copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What MLflow is given to store holds a link for each weight file."""
    import mlflow

    folder = checkpoint(tmp_path, "llm/v1/chat")
    stored: list[Path] = []
    real = mlflow.MlflowClient.log_model_artifacts

    def noting(self: Any, model_id: str, local_dir: str) -> None:
        stored.extend(path for path in Path(local_dir).rglob("*") if path.is_symlink())
        assert [path.resolve() for path in stored] == [(folder / "model.safetensors").resolve()]
        real(self, model_id, local_dir)

    monkeypatch.setattr(mlflow.MlflowClient, "log_model_artifacts", noting)
    logged(folder, "llm/v1/chat", tmp_path / "workplace")
    assert len(stored) == 1


def test_run_may_refer_to_the_weights_that_the_complete_folder_holds(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "llm/v1/chat")
    in_run, model = logged(folder, "llm/v1/chat", tmp_path / "workplace", without_weights=True)
    assert model.folder is not None
    assert not (in_run / "model" / "model.safetensors").exists()
    assert (model.folder / "model" / "model.safetensors").read_bytes() == (folder / "model.safetensors").read_bytes()
    assert tree(model.folder).keys() - tree(in_run).keys() == {"model/model.safetensors"}


def test_name_at_the_hub_is_kept_and_no_path(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path, "llm/v1/chat")
    config = json.loads((folder / "config.json").read_text())
    for said, expected in (("meta-llama/Llama-3.2-1B", "meta-llama/Llama-3.2-1B"), ("/home/me/llama", "llama")):
        (folder / "config.json").write_text(json.dumps({**config, "_name_or_path": said}))
        path, _ = logged(folder, "llm/v1/chat", tmp_path / f"workplace-{expected.split('/')[0]}")
        assert document(path)["flavors"]["transformers"]["source_model_name"] == expected
