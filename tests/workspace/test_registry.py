"""The registry's calls over HTTP, against a small stateful one."""

import pytest

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import Forbidden, Refused
from bandplan.serving.workspace.registry import SOURCE_DIGEST, Registry
from bandplan.serving.workspace.registry_entries import RegisteredModel, RegisteredVersion
from tests.workspace.fake_registry import UC, FakeRegistry
from tests.workspace.fake_workspace import FakeWorkspace, Reply

MODEL = "ml.own.chat"


@pytest.fixture
def fake(workspace: FakeWorkspace) -> FakeRegistry:
    registry = FakeRegistry()
    workspace.answer = registry.answer
    return registry


@pytest.fixture
def registry(fake: FakeRegistry, client: WorkspaceClient) -> Registry:
    return Registry(client)


def test_what_is_not_there_is_none(registry: Registry, fake: FakeRegistry) -> None:
    assert registry.model(MODEL) is None
    assert registry.version(MODEL, "1") is None
    assert registry.versions(MODEL) == ()
    assert registry.aliased(MODEL, "champion") is None
    assert (registry.has_catalog("ml"), registry.has_catalog("mi")) == (True, False)
    assert (registry.has_schema("ml", "own"), registry.has_schema("ml", "none")) == (True, False)


def test_a_model_and_a_version_are_read_with_their_parts(registry: Registry, fake: FakeRegistry) -> None:
    fake.add(MODEL, "1", "FAILED_REGISTRATION", run="7")
    fake.versions[MODEL]["1"] |= {
        "status_message": "no room",
        "description": "The first",
        "source": "runs:/1/model",
        "run_id": "1",
        "aliases": [{"alias": "champion", "version": "1"}, "prod"],
        "creation_timestamp": 5,
        "last_updated_timestamp": "6",
    }
    assert registry.model(MODEL) == RegisteredModel(MODEL, "ana", "ours")
    assert registry.version(MODEL, "1") == RegisteredVersion(
        MODEL,
        "1",
        "FAILED_REGISTRATION",
        "no room",
        "The first",
        "runs:/1/model",
        "1",
        {"run": "7"},
        ("champion", "prod"),
        5,
        6,
    )


def test_all_versions_come_with_their_tags_by_rising_number_over_several_pages(
    registry: Registry, fake: FakeRegistry
) -> None:
    fake.page = 4
    for number in (11, 2, 1, 10, 9, 3):
        fake.add(MODEL, str(number), run=str(number))
    found = registry.versions(MODEL)
    assert [version.version for version in found] == ["1", "2", "3", "9", "10", "11"]
    assert all(version.tags == {"run": version.version} for version in found)


def test_versions_of_a_digest_are_those_ready_or_pending_the_oldest_first(
    registry: Registry, fake: FakeRegistry
) -> None:
    tag = {SOURCE_DIGEST.replace(".", "__"): "sha256:1"}
    fake.add(MODEL, "5", "READY", **tag)
    fake.add(MODEL, "4", "FAILED_REGISTRATION", **tag)
    fake.add(MODEL, "3", "PENDING_REGISTRATION", **tag)
    fake.add(MODEL, "2", "READY", bandplan__source_digest="sha256:2")
    fake.add(MODEL, "1", "READY")
    assert [version.version for version in registry.versions_from(MODEL, "sha256:1")] == ["3", "5"]


def test_an_alias_is_set_moved_and_removed(registry: Registry, fake: FakeRegistry) -> None:
    fake.add(MODEL, "1")
    for number in ("1", "2"):
        registry.set_alias(MODEL, "champion", number)
        assert registry.aliased(MODEL, "champion") == number
    registry.delete_alias(MODEL, "champion")
    registry.delete_alias(MODEL, "champion")
    assert registry.aliased(MODEL, "champion") is None


def test_tags_and_description_of_a_version_are_changed(registry: Registry, fake: FakeRegistry) -> None:
    fake.add(MODEL, "1", a="1", b="1")
    registry.set_tags(MODEL, "1", {"a": "2", "c": "3"})
    registry.delete_tags(MODEL, "1", ["b", "never-there"])
    registry.set_description(MODEL, "1", "New")
    version = registry.version(MODEL, "1")
    assert version is not None
    assert (version.tags, version.description) == ({"a": "2", "c": "3"}, "New")


def test_deleting_a_version_that_is_gone_succeeds(registry: Registry, fake: FakeRegistry) -> None:
    fake.add(MODEL, "1")
    registry.delete_version(MODEL, "1")
    registry.delete_version(MODEL, "1")
    assert fake.versions[MODEL] == {}


def test_a_refusal_is_no_absence(registry: Registry, fake: FakeRegistry) -> None:
    fake.forbidden = True
    with pytest.raises(Forbidden, match="no USE CATALOG on ml"):
        registry.model(MODEL)
    with pytest.raises(Forbidden):
        registry.delete_version(MODEL, "1")


def test_another_404_is_absence_whatever_its_word_and_another_status_with_that_word_is_not(
    registry: Registry, workspace: FakeWorkspace
) -> None:
    workspace.in_turn(
        Reply(404, {"error_code": "CATALOG_DOES_NOT_EXIST", "message": "Catalog 'ml' does not exist."}),
        Reply(400, {"error_code": "CATALOG_DOES_NOT_EXIST", "message": "odd"}),
    )
    assert registry.has_catalog("ml") is False
    with pytest.raises(Refused, match="odd"):
        registry.has_catalog("ml")


def test_names_are_quoted_in_paths(registry: Registry, workspace: FakeWorkspace, fake: FakeRegistry) -> None:
    registry.aliased("ml.a b.c?d", "e")
    assert workspace.seen[-1].path == f"{UC}/models/ml.a%20b.c%3Fd/aliases/e"
