"""Unity Catalog models and what provisioned throughput their versions take."""

from typing import Any

import pytest

from bandplan.stub.state.registry import catalogue
from tests.stub.registering import mlmodel, place, put, registered
from tests.stub.stub_client import BGE, ENDPOINTS, GTE, LLAMA, MAVERICK, MODELS, StubClient, bands

INFO = f"{ENDPOINTS}/get-model-optimization-info"


def made(client: StubClient, name: str, versions: int = 0, **fields: Any) -> str:
    parts = {"catalog_name": "ml", "schema_name": "own"}
    client.ok("POST", MODELS, {"name": name, **parts, **fields})
    for _ in range(versions):
        client.ok("POST", f"{MODELS}/versions", {"model_name": name, **parts, "source": "runs:/0/model"})
    return f"ml.own.{name}"


def test_model_is_created_and_read(client: StubClient, name: str) -> None:
    full_name = made(client, name, comment="ours", owner="team")
    model = client.ok("GET", f"{MODELS}/{full_name}?full_name={full_name}")
    # The owner of a create is ignored; the published providers send a PATCH with it.
    assert (model["full_name"], model["comment"], model["owner"]) == (full_name, "ours", model["created_by"])
    for computed in ("metastore_id", "storage_location", "created_at", "created_by", "updated_at", "updated_by", "id"):
        assert model[computed]


def test_names_compare_without_case(client: StubClient, name: str) -> None:
    full_name = made(client, name.upper())
    assert full_name == f"ml.own.{name.upper()}"
    assert client.ok("GET", f"{MODELS}/{full_name}")["full_name"] == full_name.lower()
    reply = client.send("POST", MODELS, {"name": name, "catalog_name": "ML", "schema_name": "own"})
    assert (reply.status, reply.error_code) == (400, "RESOURCE_ALREADY_EXISTS")


def test_model_is_updated_and_read_only_fields_are_ignored(client: StubClient, name: str) -> None:
    full_name = made(client, name)
    change = {"comment": "new", "owner": "o", "name": name, "created_at": 1, "metastore_id": "x"}
    client.ok("PATCH", f"{MODELS}/{full_name}", change)
    model = client.ok("PATCH", f"{MODELS}/{full_name}", change)
    assert (model["comment"], model["owner"]) == ("new", "o")
    assert model["created_at"] > 1


def test_a_model_with_versions_is_not_deleted(client: StubClient, name: str) -> None:
    full_name = made(client, name, versions=2)
    for method, path, body in (
        ("DELETE", f"{MODELS}/{full_name}", None),
        ("DELETE", "/api/2.0/mlflow/unity-catalog/registered-models/delete", {"name": full_name}),
    ):
        reply = client.send(method, path, body)
        assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
        assert reply.message == f"Function '{full_name}' is not empty. The function has 2 model versions(s)"
    for version in (1, 2):
        client.ok("DELETE", f"{MODELS}/{full_name}/versions/{version}")
    assert client.ok("DELETE", f"{MODELS}/{full_name}") == {}
    assert client.send("GET", f"{MODELS}/{full_name}").error_code == "RESOURCE_DOES_NOT_EXIST"
    assert client.send("GET", f"{MODELS}/{full_name}/versions/1").status == 404
    again = made(client, name, versions=1)
    assert client.ok("GET", f"{MODELS}/{again}/versions/1")["status"] == "PENDING_REGISTRATION"


def test_versions_count_up_and_never_come_again(client: StubClient, name: str) -> None:
    full_name = made(client, name, versions=2)
    assert client.ok("DELETE", f"{MODELS}/{full_name}/versions/2") == {}
    body = {"model_name": name, "catalog_name": "ml", "schema_name": "own", "source": "x", "run_id": "r"}
    version = client.ok("POST", f"{MODELS}/versions", body)
    assert (version["version"], version["status"], version["run_id"]) == (3, "PENDING_REGISTRATION", "r")
    put(client, f"{place(full_name, 3)}/MLmodel", mlmodel())
    assert client.ok("PATCH", f"{MODELS}/{full_name}/versions/3/finalize", {})["status"] == "READY"
    assert client.ok("PATCH", f"{MODELS}/{full_name}/versions/3", {"comment": "c"})["comment"] == "c"
    listed = client.ok("GET", f"{MODELS}/{full_name}/versions")["model_versions"]
    assert [row["version"] for row in listed] == [1, 3]
    assert client.send("GET", f"{MODELS}/{full_name}/versions/2").status == 404
    assert client.send("GET", f"{MODELS}/{full_name}/versions/²").status == 404


def test_aliases_are_set_moved_and_deleted(client: StubClient, name: str) -> None:
    full_name = made(client, name, versions=2)
    alias = f"{MODELS}/{full_name}/aliases/champion"
    client.ok("PUT", alias, {"version_num": 1})
    assert client.ok("PUT", alias, {"version_num": 2})["version_num"] == 2
    assert client.ok("GET", alias)["version"] == 2
    assert "aliases" not in client.ok("GET", f"{MODELS}/{full_name}")
    shown = client.ok("GET", f"{MODELS}/{full_name}?include_aliases=true")["aliases"]
    assert [(a["alias_name"], a["version_num"]) for a in shown] == [("champion", 2)]
    client.ok("DELETE", alias)
    assert client.send("GET", alias).status == 404
    assert client.send("PUT", alias, {"version_num": 9}).status == 404


def test_alias_ends_with_its_version(client: StubClient, name: str) -> None:
    full_name = made(client, name, versions=1)
    client.ok("PUT", f"{MODELS}/{full_name}/aliases/champion", {"version_num": 1})
    client.ok("DELETE", f"{MODELS}/{full_name}/versions/1")
    assert client.send("GET", f"{MODELS}/{full_name}/aliases/champion").status == 404


def test_models_of_a_schema_are_listed_in_pages(client: StubClient) -> None:
    client.ok("POST", "/api/2.1/unity-catalog/schemas", {"name": "pages", "catalog_name": "ml"})
    for number in range(5):
        client.ok("POST", MODELS, {"name": f"m{number}", "catalog_name": "ml", "schema_name": "pages"})
    query = "catalog_name=ml&schema_name=pages&max_results=2"
    seen, token = [], ""
    for _ in range(3):
        page = client.ok("GET", f"{MODELS}?{query}{token}")
        seen += [model["name"] for model in page["registered_models"]]
        token = f"&page_token={page.get('next_page_token')}"
    assert seen == ["m0", "m1", "m2", "m3", "m4"]
    assert "next_page_token" not in page


def test_preinstalled_models_are_read_and_never_changed(client: StubClient) -> None:
    assert client.ok("GET", f"{MODELS}/{LLAMA}/versions/1")["status"] == "READY"
    system = client.ok("GET", f"{MODELS}?catalog_name=system&schema_name=ai")["registered_models"]
    assert LLAMA in [model["full_name"] for model in system]
    for method, path in (
        ("DELETE", f"{MODELS}/{LLAMA}"),
        ("PATCH", f"{MODELS}/{LLAMA}"),
        ("DELETE", f"{MODELS}/{LLAMA}/versions/1"),
    ):
        reply = client.send(method, path, {})
        assert (reply.status, reply.error_code) == (403, "PERMISSION_DENIED")
    assert client.send("POST", MODELS, {"name": "x", "catalog_name": "system", "schema_name": "ai"}).status == 403


@pytest.mark.parametrize(
    ("model", "version", "expected"),
    [
        (LLAMA, 1, {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980}),
        (GTE, 1, {"optimizable": True, "model_type": "gte", "throughput_chunk_size": 980}),
        (
            "system.ai.meta_llama_v3_1_8b_instruct",
            2,
            {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 970},
        ),
        (
            "system.ai.meta_llama_v3_1_405b_instruct",
            1,
            {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 850},
        ),
        (
            "system.ai.meta_llama_v3_1_70b_instruct",
            1,
            {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 1580},
        ),
        (
            "system.ai.gpt-oss-120b",
            1,
            {"optimizable": True, "model_type": "gpt_oss", "model_unit_chunk_size": 50},
        ),
        (
            "system.ai.qwen3-embedding-0-6b",
            1,
            {"optimizable": True, "model_type": "qwen3", "model_unit_chunk_size": 50},
        ),
        ("system.ai.llama-4-maverick", 1, {"optimizable": True, "model_type": "llama4"}),
        ("system.ai.whisper_large_v3", 1, {"optimizable": False}),
        ("system.ai.meta_llama_v3_1_8b", 1, {"optimizable": False}),
    ],
)
def test_s5_optimization_info_of_a_preinstalled_model(
    client: StubClient, model: str, version: int, expected: dict[str, Any]
) -> None:
    assert client.ok("GET", f"{INFO}/{model}/{version}") == expected


def test_s1_model_unit_model_has_no_chunk_size(client: StubClient) -> None:
    info = client.ok("GET", f"{INFO}/{MAVERICK}/1")
    assert info["optimizable"] is True
    assert "throughput_chunk_size" not in info


@pytest.mark.parametrize("path", ["ml.no.such/1", f"{LLAMA}/99", f"{LLAMA}/latest", "not-a-name/1"])
def test_optimization_info_of_an_unknown_version_does_not_exist(client: StubClient, path: str) -> None:
    reply = client.send("GET", f"{INFO}/{path}")
    assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_user_model_is_sized_by_its_files_and_served(client: StubClient, name: str) -> None:
    full_name = f"ml.own.{name}"
    version = registered(client, full_name)
    assert client.ok("GET", f"{INFO}/{full_name}/{version}") == {
        "optimizable": True,
        "model_type": "llama",
        "throughput_chunk_size": 980,
    }
    assert client.create(name, bands(entity_name=full_name))["task"] == "llm/v1/chat"


def test_version_that_is_still_being_registered_is_neither_eligible_nor_served(client: StubClient, name: str) -> None:
    full_name = made(client, name, versions=1)
    assert client.ok("GET", f"{INFO}/{full_name}/1") == {"optimizable": False}
    reply = client.send(
        "POST", ENDPOINTS, {"name": name, "config": {"served_entities": [bands(entity_name=full_name)]}}
    )
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert "PENDING_REGISTRATION, not READY" in reply.message


def test_endpoint_serves_on_when_its_version_is_deleted_from_the_registry(client: StubClient, name: str) -> None:
    full_name = f"ml.own.{name}"
    registered(client, full_name)
    client.create(name, bands(entity_name=full_name))
    client.ok("DELETE", f"{MODELS}/{full_name}/versions/1")
    body = {"messages": [{"role": "user", "content": "hi"}]}
    assert client.ok("POST", f"/serving-endpoints/{name}/invocations", body)["choices"]


def test_every_chunk_of_the_catalogue_says_where_it_is_from() -> None:
    loaded = catalogue.load()
    for name, versions in loaded.models.items():
        for facts in versions.values():
            assert (facts.chunk_tokens_per_second is not None) == (facts.capacity == "bands"), name
            assert facts.chunk_source in ({"stated", "example"} if facts.capacity == "bands" else {None}), name
            if facts.chunk_source == "stated":
                assert facts.chunk_tokens_per_second in {980, 1580, 970, 850}, name
    for facts in loaded.families.values():
        assert (facts.chunk_tokens_per_second is not None) == (facts.capacity == "bands"), facts
    assert loaded.models[BGE]["1"].normalised
    assert not loaded.models[GTE]["1"].normalised
