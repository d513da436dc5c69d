"""ModelAlias against the stand-in workspace, over HTTP."""

from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.values import UNKNOWN, plain
from bandplan.wire.types import MODEL_ALIAS
from tests.provider.version_bench import VersionBench


@pytest.fixture
def two(versions: VersionBench) -> VersionBench:
    """A model with the versions 1 and 2."""
    versions.up()
    (versions.root / "model" / "more").write_text("x")
    versions.up()
    return versions


def pointing(bench: VersionBench, version: Any, alias: str = "champion") -> dict[str, Any]:
    return {"name": bench.name, "alias": alias, "version": version}


def live(bench: VersionBench) -> str | None:
    return bench.registry.aliased(bench.name, "champion")


def test_an_alias_is_set_and_moved_and_has_no_diff_then(two: VersionBench) -> None:
    state = two.point("1")
    assert (state["id"], live(two)) == (f"{two.name}@champion", "1")
    found = two.diff(state, pointing(two, "2"), MODEL_ALIAS)
    assert set(found.detailed_diff) == {"version"} and not found.replaces
    state = two.update(state, pointing(two, "2"), kind=MODEL_ALIAS)
    assert live(two) == "2"
    unchanged = two.diff(state, pointing(two, "2"), MODEL_ALIAS)
    assert unchanged.changes is False and not unchanged.detailed_diff
    assert two.warnings == []


def test_a_version_that_is_not_made_yet_is_a_change_at_preview(two: VersionBench) -> None:
    state = two.point("1")
    found = two.diff(state, pointing(two, UNKNOWN), MODEL_ALIAS)
    assert found.detailed_diff["version"].kind is sdk.PropertyDiffKind.UPDATE
    assert two.create(pointing(two, UNKNOWN), preview=True, kind=MODEL_ALIAS)["version"] is UNKNOWN
    assert live(two) == "1"


def test_an_alias_moved_by_hand_shows_at_the_next_preview_and_is_set_again(two: VersionBench) -> None:
    state = two.point("1")
    two.registry.set_alias(two.name, "champion", "2")
    found = two.diff(state, pointing(two, "1"), MODEL_ALIAS)
    assert found.changes and set(found.detailed_diff) == {"version"}
    assert two.warnings == [f"{two.name}@champion points to version 2; the state has version 1: `up` sets it again"]
    two.update(state, pointing(two, "1"), kind=MODEL_ALIAS)
    assert live(two) == "1"


def test_an_alias_removed_by_hand_shows_and_is_set_again(two: VersionBench) -> None:
    state = two.point("1")
    two.registry.delete_alias(two.name, "champion")
    assert two.diff(state, pointing(two, "1"), MODEL_ALIAS).changes
    assert "is gone" in two.warnings[0]
    two.update(state, pointing(two, "1"), kind=MODEL_ALIAS)
    assert live(two) == "1"


def test_an_alias_that_was_moved_by_hand_to_where_it_is_wanted_now_is_told_of(two: VersionBench) -> None:
    state = two.point("1")
    two.registry.set_alias(two.name, "champion", "2")
    found = two.diff(state, pointing(two, "2"), MODEL_ALIAS)
    assert set(found.detailed_diff) == {"version"} and len(two.warnings) == 1


@pytest.mark.parametrize("name", ["name", "alias"])
def test_another_name_is_another_alias(two: VersionBench, name: str) -> None:
    found = two.diff(two.point("1"), {**pointing(two, "1"), name: "ml.own.other"}, MODEL_ALIAS)
    assert found.replaces == [name]


def test_delete_removes_the_alias_while_it_points_to_our_version(two: VersionBench) -> None:
    state = two.point("1")
    two.delete(state, MODEL_ALIAS)
    assert live(two) is None
    two.delete(state, MODEL_ALIAS)


def test_delete_leaves_an_alias_that_somebody_else_has_moved(two: VersionBench) -> None:
    state = two.point("1")
    two.registry.set_alias(two.name, "champion", "2")
    two.delete(state, MODEL_ALIAS)
    assert live(two) == "2"
    assert "points to version 2 now, so it is left unchanged" in two.warnings[0]


def test_read_shows_where_the_alias_points_to(two: VersionBench) -> None:
    state = two.point("1")
    two.registry.set_alias(two.name, "champion", "2")
    answer = two.read(state, MODEL_ALIAS)
    assert answer.properties is not None and answer.inputs is not None
    assert plain(answer.inputs) == plain(answer.properties) == pointing(two, "2")
    imported = two.read({"id": f"{two.name}@champion"}, MODEL_ALIAS)
    assert imported.inputs is not None and plain(imported.inputs)["version"] == "2"
    two.registry.delete_alias(two.name, "champion")
    assert two.read(state, MODEL_ALIAS).resource_id == ""


def test_check_refuses_a_version_that_is_no_number(two: VersionBench) -> None:
    assert two.check(pointing(two, "latest"), MODEL_ALIAS)[1] == ["version: is 'latest'; it must be a version number"]
    assert two.check(pointing(two, UNKNOWN), MODEL_ALIAS)[1] == []
