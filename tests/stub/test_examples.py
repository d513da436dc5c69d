"""Every fleet of examples/ finds its models in the stub workspace, deploys there and answers a query of its task."""

from pathlib import Path
from typing import Any

import pytest

from bandplan.components.request import endpoint_request
from bandplan.serving.spec.entry import Entry
from bandplan.serving.spec.loading import load
from bandplan.serving.throughput.model_versions import model_versions
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo
from bandplan.serving.throughput.sizing import EndpointSizing, size
from bandplan.stub.provider.fields import MODEL_SERVING
from bandplan.stub.provider.translation import to_request
from bandplan.stub.state.registry import catalogue
from tests.stub.stub_client import ENDPOINTS, MODELS, StubClient

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.yaml"))

QUERIES: dict[str, dict[str, Any]] = {
    "llm/v1/chat": {"messages": [{"role": "user", "content": "Hello"}]},
    "llm/v1/completions": {"prompt": "Hello"},
    "llm/v1/embeddings": {"input": ["Hello"]},
}
ANSWERS = {"llm/v1/chat": "choices", "llm/v1/completions": "choices", "llm/v1/embeddings": "data"}


def entries(example: Path) -> list[Entry]:
    """Those of an example whose models exist before the deploy."""
    loaded = load(example, "local")
    assert loaded.fleet is not None, loaded.problems
    return [entry for entry in loaded.fleet.models if all(entity.version is not None for entity in entry.entities)]


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_served_model_of_an_example_is_in_the_catalogue_with_its_task(example: Path) -> None:
    known = catalogue.load().models
    for entry in entries(example):
        for entity in entry.entities:
            assert entity.model is not None and entity.version is not None
            assert known[entity.model][entity.version].task == entry.task, entity.model


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_endpoint_of_an_example_deploys_and_answers(client: StubClient, example: Path, name: str) -> None:
    for index, sizing in enumerate(sizings(client, example)):
        inputs = {**endpoint_request(sizing).endpoint, "name": f"{name}-{index}"}
        client.ok("POST", ENDPOINTS, to_request(MODEL_SERVING.fields, inputs))
        live = client.settle(inputs["name"])
        assert (live["state"]["ready"], live["task"]) == ("READY", sizing.entry.task)
        invocations = f"/serving-endpoints/{inputs['name']}/invocations"
        task = sizing.entry.task
        assert ANSWERS[task] in client.ok("POST", invocations, QUERIES[task])
        if sizing.family == "workload":
            for body in ({"dataframe_records": [{"prompt": "Hello"}]}, {"inputs": {"prompt": ["Hello"]}}):
                (prediction,) = client.ok("POST", invocations, body)["predictions"]
                assert prediction["candidates"]


def sizings(client: StubClient, example: Path) -> list[EndpointSizing]:
    loaded = load(example, "local")
    assert loaded.fleet is not None
    wanted = {entry.name for entry in entries(example)}
    answers = {version: optimization_info(client, version) for version in model_versions(loaded.fleet)}
    sized = size(loaded.fleet, answers, loaded.source)
    return [endpoint for endpoint in sized.endpoints if endpoint.entry.name in wanted]


def optimization_info(client: StubClient, version: ModelVersion) -> OptimizationInfo:
    path = f"{ENDPOINTS}/get-model-optimization-info/{version.model}/{version.version}"
    return OptimizationInfo.from_response(client.ok("GET", path))


def test_example_model_of_a_user_catalog_is_the_users_and_cannot_be_changed(client: StubClient) -> None:
    path = f"{MODELS}/ml.legacy.mpt_7b_instruct"
    model = client.ok("GET", path)
    assert "@" in model["owner"]
    refused = client.send("PATCH", path, {"comment": "mine"})
    assert (refused.status, refused.error_code) == (403, "PERMISSION_DENIED")
    assert "example model" in refused.message
    again = client.send("POST", MODELS, {"catalog_name": "ml", "schema_name": "legacy", "name": "mpt_7b_instruct"})
    assert again.error_code == "RESOURCE_ALREADY_EXISTS"
