"""Entries with `register` or a followed alias, on versions that are there already: nothing here waits for MLflow."""

import json
from typing import Any

import pytest

from bandplan.serving.registration.sources.digest import digest
from bandplan.serving.registration.sources.source import parse
from bandplan.serving.workspace.registry import SOURCE_DIGEST
from tests.checkpoints import write_logged
from tests.e2e.conftest import FleetProject, by_name
from tests.provider.version_bench import MLFLOW_MODEL
from tests.stub.registering import created, finalized, place, put
from tests.stub.stub_client import MODELS, StubClient

MODEL = "ml.own.assistant"
REGISTERED = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    register: {name: ml.own.assistant, source: model, alias: champion}
    throughput: {bands: {min: 1, max: 2}}
"""
FOLLOWING = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: ml.own.assistant
    version: {alias: champion}
    throughput: {bands: {min: 1, max: 2}}
"""


@pytest.fixture
def registered(fleet: FleetProject) -> FleetProject:
    """A project with an MLflow model, and a workspace with a version that was made from it: number 1 of MODEL."""
    fleet.write_models(REGISTERED)
    write_logged(fleet.root / "model", MLFLOW_MODEL)
    fleet.bandplan("stub", "start")
    make_version(fleet)
    return fleet


def make_version(fleet: FleetProject, folder: str = "model") -> int:
    """As somebody else's deploy makes it, from the project's folder as it is now; its number."""
    stub = StubClient(fleet.workspace.host, fleet.workspace.token)
    source = digest(parse(folder, fleet.root), None, fleet.root / "digests", task="llm/v1/chat", metadata={})
    number = created(stub, MODEL, tags=[{"key": SOURCE_DIGEST, "value": source}])
    put(stub, f"{place(MODEL, number)}/MLmodel", MLFLOW_MODEL)
    finalized(stub, MODEL, number)
    return number


def aliased(fleet: FleetProject) -> int | None:
    """The version that champion points to."""
    stub = StubClient(fleet.workspace.host, fleet.workspace.token)
    reply = stub.send("GET", f"{MODELS}/{MODEL}/aliases/champion")
    return int(reply.body["version"]) if reply.status == 200 else None


def numbers(fleet: FleetProject) -> list[int]:
    listed = fleet.request("GET", f"{MODELS}/{MODEL}/versions")
    return sorted(version["version"] for version in listed["model_versions"])


def served(fleet: FleetProject) -> dict[str, Any]:
    """The one entity of the endpoint chat."""
    (entity,) = fleet.endpoint("chat")["config"]["served_entities"]
    found: dict[str, Any] = entity
    return found


def new_version(digest: dict[str, Any], name: str) -> Any:
    """What a plan says of the entity's version in the new inputs of the endpoint."""
    (step,) = [step for step in digest["steps"] if step["urn"].endswith(f"ModelServing::{name}")]
    return step["newState"]["inputs"]["config"]["servedEntities"][0]["entityVersion"]


def test_a_version_of_the_same_source_is_taken_over_served_and_kept_by_destroy(
    registered: FleetProject, engine: str
) -> None:
    plan = registered.preview(engine)
    assert by_name(plan)["RegisteredModel ml.own.assistant"] == "import"
    assert new_version(plan, "chat") == "1"

    said = registered.bandplan("up", "--engine", engine)
    assert "ml.own.assistant v1" in said and "980 to 1,960" in said
    assert (numbers(registered), aliased(registered)) == ([1], 1)
    entity = served(registered)
    assert (entity["entity_version"], entity["name"]) == ("1", "assistant")
    assert (entity["min_provisioned_throughput"], entity["max_provisioned_throughput"]) == (980, 1960)
    assert by_name(registered.preview(engine)) == {}
    registered.bandplan("refresh", "--engine", engine)
    assert by_name(registered.preview(engine)) == {}

    registered.bandplan("destroy", "--engine", engine)
    assert (numbers(registered), aliased(registered), registered.endpoint_names()) == ([1], None, set())
    assert by_name(registered.preview(engine))["RegisteredModel ml.own.assistant"] == "import"


def test_what_was_changed_by_hand_shows_in_the_preview(registered: FleetProject, engine: str) -> None:
    registered.bandplan("up", "--engine", engine, "--no-query")
    (registered.root / "model" / "more").write_text("x")
    make_version(registered)
    (registered.root / "model" / "more").unlink()

    in_step = json.loads(registered.bandplan("drift", "--json"))
    assert (in_step["summary"]["pending"], in_step["models"]) == (0, [])
    registered.request("PUT", f"{MODELS}/{MODEL}/aliases/champion", {"version_num": 2})
    drift = registered.run("drift", "--json")
    assert drift.returncode == 3
    (moved,) = json.loads(drift.stdout)["models"]
    assert (moved["name"], moved["fields"][0]["deployed"], moved["fields"][0]["live"]) == (
        f"{MODEL}@champion",
        "1",
        "2",
    )
    assert by_name(registered.preview(engine)) == {"ModelAlias ml.own.assistant@champion": "update"}
    assert "points to version 2; the state has version 1" in registered.bandplan("preview", "--engine", engine)
    registered.bandplan("up", "--engine", engine, "--no-query")
    assert aliased(registered) == 1

    registered.request("DELETE", f"{MODELS}/{MODEL}/versions/1")
    steps = by_name(registered.preview(engine))
    assert steps["ModelVersion ml.own.assistant@champion"] == "replace"
    assert steps["ModelServing chat"] == steps["ModelAlias ml.own.assistant@champion"] == "update"


def test_s8_bounds_that_the_version_cannot_have_are_refused_at_preview(registered: FleetProject) -> None:
    registered.edit("bands: {min: 1, max: 2}", "tokens_per_second: {min: 1000, max: 1960}")
    refused = registered.run("up", "--engine", "embedded")
    said = refused.stdout + refused.stderr
    assert refused.returncode == 1 and "Traceback" not in said
    assert "models/chat/throughput/tokens_per_second/min: 1000 is not a multiple of 980" in said
    assert (aliased(registered), registered.endpoint_names()) == (None, set())


def test_s4_an_endpoint_follows_an_alias_and_shows_when_it_has_moved(registered: FleetProject, engine: str) -> None:
    registered.write_models(FOLLOWING)
    registered.request("PUT", f"{MODELS}/{MODEL}/aliases/champion", {"version_num": 1})
    said = registered.bandplan("up", "--engine", engine)
    assert "models/chat: ml.own.assistant@champion is version 1" in said
    assert served(registered)["entity_version"] == "1"
    assert by_name(registered.preview(engine)) == {}

    registered.request("PUT", f"{MODELS}/{MODEL}/aliases/champion", {"version_num": make_version(registered)})
    plan = registered.preview(engine)
    assert by_name(plan)["ModelServing chat"] == "update"
    assert new_version(plan, "chat") == "2"
    registered.bandplan("up", "--engine", engine, "--no-query")
    entity = served(registered)
    assert (entity["entity_version"], entity["name"]) == ("2", "assistant-champion")


def test_what_cannot_be_registered_is_told_at_once_by_validate_and_by_up_and_nothing_is_made(
    fleet: FleetProject,
) -> None:
    fleet.write_models(REGISTERED.replace("ml.own.", "ml.nowhere."))
    validated = fleet.run("validate")
    refused = fleet.run("up", "--engine", "embedded")
    assert (validated.returncode, refused.returncode) == (2, 2)
    for said in (validated.stdout, refused.stdout + refused.stderr):
        assert "the schema ml.nowhere does not exist" in said and "ask the owner of the catalog ml" in said
        assert "register-source models/chat/register/source: model: no such folder" in said
    assert fleet.endpoint_names() == set()


def test_validate_looks_a_followed_alias_up(registered: FleetProject) -> None:
    registered.write_models(FOLLOWING.replace("bands: {min: 1, max: 2}", "tokens_per_second: {min: 1000, max: 1960}"))
    unset = registered.run("validate")
    assert unset.returncode == 2 and "S4-alias models/chat/version/alias" in unset.stdout
    registered.request("PUT", f"{MODELS}/{MODEL}/aliases/champion", {"version_num": 1})
    found = registered.run("validate")
    assert found.returncode == 2 and "1000 is not a multiple of 980" in found.stdout
