"""A stub workspace for the registrations of this room, and models to register."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.registry import Registry
from bandplan.stub import process
from tests.checkpoints import write_logged
from tests.stub.stub_client import StubClient


@pytest.fixture(scope="session")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[process.Running]:
    """One workspace for all tests of this room, which use models of their own."""
    state_dir = tmp_path_factory.mktemp("registration-stub")
    yield process.start(state_dir)
    process.stop(state_dir)


@pytest.fixture(scope="session")
def stub(workspace: process.Running) -> StubClient:
    return StubClient(workspace.host, workspace.token)


@pytest.fixture(scope="session")
def registry(workspace: process.Running) -> Registry:
    return Registry(WorkspaceClient(workspace.host, workspace.token))


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A model name that no other test uses."""
    import hashlib

    return f"ml.search.m{hashlib.sha256(request.node.nodeid.encode()).hexdigest()[:16]}"


@pytest.fixture
def logged_folder(tmp_path: Path) -> Path:
    """A folder with what MLflow writes for a model of the task completions, as far as it matters."""
    column = json.dumps([{"type": "string", "name": "prompt", "required": True}])
    document = {
        "flavors": {
            "transformers": {
                "task": "text-generation",
                "inference_task": "llm/v1/completions",
                "pipeline_model_type": "LlamaForCausalLM",
                "model_binary": "model",
                "components": ["tokenizer"],
            },
            "python_function": {"loader_module": "mlflow.transformers"},
        },
        "mlflow_version": "3.17.2",
        "metadata": {"task": "llm/v1/completions"},
        "signature": {"inputs": column, "outputs": column, "params": None},
    }
    folder = write_logged(tmp_path / "logged", document)
    (folder / ".git").mkdir()
    (folder / ".git" / "HEAD").write_text("ref")
    return folder
