"""Registers models in a stub workspace over plain HTTP, file by file."""

import json
from typing import Any

from tests.stub.stub_client import MODELS, Reply, StubClient

FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"
MLFLOW = "/api/2.0/mlflow/unity-catalog"


def mlmodel(**changes: Any) -> bytes:
    """The MLmodel file of a chat model that is eligible; JSON is YAML. A change to `...` takes a key away."""
    document = {
        "flavors": {
            "transformers": {"task": "text-generation", "pipeline_model_type": "LlamaForCausalLM"},
            "python_function": {"loader_module": "mlflow.transformers"},
        },
        "metadata": {"task": "llm/v1/chat"},
        "mlflow_version": "3.17.2",
        "signature": {"inputs": "[]", "outputs": "[]"},
        **changes,
    }
    return json.dumps({key: value for key, value in document.items() if value is not ...}).encode()


def place(full_name: str, version: int | str) -> str:
    """The folder of a version, as the Files API names it."""
    return f"/Models/{full_name.replace('.', '/')}/{version}"


def created(client: StubClient, full_name: str, **fields: Any) -> int:
    """A version that takes files, and its model where there was none; its number."""
    catalog, schema, name = full_name.split(".")
    names = {"catalog_name": catalog, "schema_name": schema}
    reply = client.send("POST", MODELS, {"name": name, **names})
    assert reply.status == 200 or reply.error_code == "RESOURCE_ALREADY_EXISTS", reply
    version = client.ok("POST", f"{MODELS}/versions", {"model_name": name, **names, "source": "here", **fields})
    return int(version["version"])


def put(client: StubClient, path: str, data: bytes) -> None:
    response = client.raw("PUT", f"{FILES}{path}", data)
    assert response.status == 204, (path, response.data)


def finalized(client: StubClient, full_name: str, version: int) -> Any:
    body = {"name": full_name, "version": str(version)}
    return client.ok("POST", f"{MLFLOW}/model-versions/finalize", body)["model_version"]


def registered(client: StubClient, full_name: str, files: dict[str, bytes] | None = None, **fields: Any) -> int:
    """A version made of files, by default of an MLmodel file alone, finalized; its number."""
    version = created(client, full_name, **fields)
    for name, data in ({"MLmodel": mlmodel()} if files is None else files).items():
        put(client, f"{place(full_name, version)}/{name}", data)
    finalized(client, full_name, version)
    return version


def assessment(client: StubClient, full_name: str, version: int) -> Any:
    """What the workspace makes of a version, with its reasons."""
    return client.ok("GET", f"/stub/models/{full_name}/versions/{version}")["assessment"]


def mlflow_version(client: StubClient, full_name: str, version: int) -> Any:
    """The version as MLflow's client reads it; counts as a read."""
    return client.ok("GET", f"{MLFLOW}/model-versions/get?name={full_name}&version={version}")["model_version"]


def error(reply: Reply) -> tuple[int, str]:
    return reply.status, reply.error_code
