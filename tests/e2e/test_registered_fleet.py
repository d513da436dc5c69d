"""From a checkpoint on disk to an endpoint that answers, with MLflow's own client: registered, edited, destroyed."""

import json
from pathlib import Path

import pytest

from tests.checkpoints import write_llama, write_logged
from tests.e2e.conftest import FleetProject, by_name
from tests.e2e.test_registered_versions import aliased, make_version, numbers, served
from tests.provider.version_bench import MLFLOW_MODEL
from tests.stub.registering import put
from tests.stub.stub_client import StubClient

MLFLOW = "/api/2.0/mlflow"

CHECKPOINT = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    register: {name: ml.own.assistant, source: checkpoint, alias: champion}
    throughput: {tokens_per_second: {min: 1000, max: 1960}}
"""


@pytest.mark.timeout(900)
def test_a_checkpoint_is_registered_once_though_the_first_up_fails_and_is_served(
    fleet: FleetProject, engine: str
) -> None:
    write_llama(fleet.root / "checkpoint")
    fleet.write_models(CHECKPOINT)

    # S8: the bounds turn out to be no whole chunks. The version stays, nothing else is made of it.
    failed = fleet.run("up", "--engine", engine)
    said = failed.stdout + failed.stderr
    assert failed.returncode == 1 and "Traceback" not in said
    assert "checked once this deployment has registered the version, before the endpoint is created" in said
    assert "1000 is not a multiple of 980" in said and "no endpoint was created or changed for it" in said
    assert (numbers(fleet), aliased(fleet), fleet.endpoint_names()) == ([1], None, set())

    # Mended in models.yaml, it goes on with that version.
    fleet.edit("min: 1000", "min: 980")
    said = fleet.bandplan("up", "--engine", engine)
    assert "ml.own.assistant v1" in said and "Simulated answer of assistant to" in said
    assert (numbers(fleet), aliased(fleet)) == ([1], 1)
    assert fleet.workspace.token not in fleet.bandplan("stack", "export", "--engine", engine)
    assert by_name(fleet.preview(engine)) == {}


@pytest.mark.timeout(900)
def test_an_edited_checkpoint_is_registered_once_and_its_versions_outlive_the_stack(
    fleet: FleetProject, engine: str
) -> None:
    """The first version is there already, as the test above makes it: MLflow runs once here too."""
    write_llama(fleet.root / "checkpoint")
    fleet.write_models(CHECKPOINT.replace("min: 1000", "min: 980"))
    fleet.bandplan("stub", "start")
    make_version(fleet, "checkpoint")
    fleet.bandplan("up", "--engine", engine, "--no-query")
    endpoint = fleet.endpoint("chat")
    assert (numbers(fleet), aliased(fleet), served(fleet)["entity_version"]) == ([1], 1, "1")

    # An edit makes exactly one version more, moves the alias, and changes the endpoint in place.
    write_llama(fleet.root / "checkpoint", seed=7)
    steps = by_name(fleet.preview(engine))
    assert steps["ModelVersion ml.own.assistant@champion"] == "replace"
    assert steps["ModelAlias ml.own.assistant@champion"] == steps["ModelServing chat"] == "update"
    fleet.bandplan("up", "--engine", engine, "--no-query")
    assert (numbers(fleet), aliased(fleet)) == ([1, 2], 2)
    assert (served(fleet)["entity_version"], served(fleet)["name"]) == ("2", "assistant")
    assert fleet.endpoint("chat")["id"] == endpoint["id"]
    assert by_name(fleet.preview(engine)) == {}

    # Back to the first: its version is there.
    write_llama(fleet.root / "checkpoint")
    fleet.bandplan("up", "--engine", engine, "--no-query")
    assert (numbers(fleet), aliased(fleet), served(fleet)["entity_version"]) == ([1, 2], 1, "1")

    fleet.bandplan("destroy", "--engine", engine)
    assert (numbers(fleet), aliased(fleet), fleet.endpoint_names()) == ([1, 2], None, set())


LOGGED = """\
version: 1
models:
  - name: from-run
    task: llm/v1/chat
    register: {name: ml.own.run_made, source: "runs:/RUN/model"}
    throughput: {bands: {min: 1, max: 2}}
  - name: from-folder
    task: llm/v1/chat
    register: {name: ml.own.folder_made, source: folder, alias: champion}
    throughput: {bands: {min: 1, max: 2}}
  - name: follower
    task: llm/v1/chat
    model: ml.own.folder_made
    version: {alias: champion}
    throughput: {bands: {min: 1, max: 1}}
"""


@pytest.mark.timeout(900)
def test_a_run_and_an_mlflow_folder_become_versions_and_are_served_by_one_up(fleet: FleetProject, engine: str) -> None:
    folder = logged_model(fleet.root / "folder")
    fleet.bandplan("stub", "start")
    stub = StubClient(fleet.workspace.host, fleet.workspace.token)
    fleet.write_models(LOGGED.replace("RUN", logged_run(stub, folder)))

    said = fleet.bandplan("up", "--engine", engine)

    for endpoint, model in (("from-run", "run_made"), ("from-folder", "folder_made"), ("follower", "folder_made")):
        (entity,) = fleet.endpoint(endpoint)["config"]["served_entities"]
        assert (entity["entity_name"], entity["entity_version"]) == (f"ml.own.{model}", "1")
        assert f"{endpoint}: Simulated answer" in said
    assert by_name(fleet.preview(engine)) == {}


def logged_model(folder: Path) -> Path:
    """A folder that MLflow takes for a whole transformers model."""
    column = [{"type": "string", "name": "text", "required": True}]
    signature = {"inputs": json.dumps(column), "outputs": json.dumps(column)}
    document = {**json.loads(MLFLOW_MODEL), "artifact_path": "model", "signature": signature}
    return write_logged(folder, document)


def logged_run(stub: StubClient, folder: Path) -> str:
    """A run that has the folder as its artifact `model`; the id of the run."""
    experiment = stub.ok("POST", f"{MLFLOW}/experiments/create", {"name": "/Shared/training"})["experiment_id"]
    run = stub.ok("POST", f"{MLFLOW}/runs/create", {"experiment_id": experiment, "start_time": 0})["run"]
    run_id = str(run["info"]["run_id"])
    root = f"/WorkspaceInternal/Mlflow/Artifacts/{experiment}/Runs/{run_id}/artifacts/model"
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        put(stub, f"{root}/{file.relative_to(folder).as_posix()}", file.read_bytes())
    return run_id
