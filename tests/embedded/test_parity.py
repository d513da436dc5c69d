"""The embedded engine against the Pulumi CLI: the same plans, and each carries on from the other's state."""

import json
import shutil
from collections.abc import Callable
from typing import Any

import pytest

from tests.embedded.conftest import ToyProject, box, plan_of, thing

pytestmark = [
    pytest.mark.pulumi_cli,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH"),
    pytest.mark.timeout(300),
]

Resources = list[dict[str, Any]]


def fleet() -> Resources:
    return [
        box("box", label="x"),
        {**thing("a", size=1, kind="wood"), "parent": "box", "options": {"custom_timeouts": {"create": "2h"}}},
        {**thing("b", of={"from": "a.made"}), "parent": "box"},
        {**thing("c", list=[1, {"x": None, "y": 0.5}], text="é"), "after": ["b"]},
        {"name": "outputs", "props": {"made": {"from": "a.made"}}},
    ]


def edited(change: Callable[[dict[str, Any]], None], name: str) -> Resources:
    resources = fleet()
    change(next(entry for entry in resources if entry["name"] == name))
    return resources


EDITS: dict[str, Resources] = {
    "nothing": fleet(),
    "update": edited(lambda entry: entry["props"].update(size=2), "a"),
    "replace": edited(lambda entry: entry["props"].update(kind="tin"), "a"),
    "replace deleting first": edited(lambda entry: entry["props"].update(name="a2"), "a"),
    "component inputs": edited(lambda entry: entry["props"].update(label="y"), "box"),
    "drop one": [entry for entry in fleet() if entry["name"] != "c"],
    "add one": [*fleet(), thing("d")],
    "property removed": edited(lambda entry: entry["props"].pop("text"), "c"),
}

WITHOUT = ("stackTrace", "sourcePosition", "created", "modified")
"""Of a step's states: where in the program, and when; neither is part of a plan."""


def comparable(value: Any) -> Any:
    if isinstance(value, dict):
        # The SDK sends the dependencies as a set, in another order each time.
        ordered = {"dependencies": sorted(value["dependencies"])} if "dependencies" in value else {}
        return {key: comparable(item) for key, item in {**value, **ordered}.items() if key not in WITHOUT}
    return [comparable(item) for item in value if not is_standing(item)] if isinstance(value, list) else value


def is_standing(item: Any) -> bool:
    """Whether it is an unchanged component, which Pulumi's own document leaves out and `bandplan preview` adds."""
    return isinstance(item, dict) and item.get("op") == "same" and "oldState" not in item


def test_state_made_by_the_embedded_engine_is_unchanged_to_the_cli(project: ToyProject) -> None:
    project.declare(*fleet())
    assert project.up().ok

    digest = project.pulumi_preview()

    assert plan_of(digest) == {}
    assert digest["changeSummary"] == {"same": 5}


def test_state_made_by_the_cli_is_unchanged_to_the_embedded_engine(project: ToyProject) -> None:
    project.declare(*fleet())
    project.pulumi("stack", "init", "local")
    project.pulumi("up", "--stack", "local", "--yes", "--skip-preview")

    outcome = project.preview()

    assert plan_of(outcome.digest) == {}
    assert outcome.changes == {"same": 5}


def test_both_engines_plan_the_same_for_every_edit(project: ToyProject) -> None:
    project.declare(*fleet())
    first_cli, first_ours = project.pulumi_preview_of_new_stack(), project.preview().digest
    assert comparable(first_ours["steps"]) == comparable(first_cli["steps"])
    assert project.up().ok
    for name, resources in EDITS.items():
        project.declare(*resources)
        theirs, ours = project.pulumi_preview(), project.preview().digest
        assert ours["changeSummary"] == theirs["changeSummary"], name
        by_urn = {step["urn"]: step for step in comparable(theirs["steps"])}
        assert {step["urn"]: step for step in comparable(ours["steps"])} == by_urn, name


def test_cli_destroys_what_the_embedded_engine_made(project: ToyProject) -> None:
    project.declare(*fleet())
    project.up()

    project.pulumi("destroy", "--stack", "local", "--yes", "--skip-preview")

    assert project.toys.things() == {}
    assert project.preview().changes == {"create": 5}


def test_embedded_engine_applies_an_edit_on_the_clis_state_and_back(project: ToyProject) -> None:
    project.declare(*fleet())
    project.pulumi("stack", "init", "local")
    project.pulumi("up", "--stack", "local", "--yes", "--skip-preview")
    project.declare(*EDITS["replace"])

    outcome = project.up()

    # b uses a's output, which the replacement creates again with the same value: b stays as it is.
    assert outcome.changes == {"replace": 1, "same": 4}
    assert plan_of(project.pulumi_preview()) == {}


def entangled(name: str = "fixed-1", kind: str = "wood", version: str = "1.0.0", **settings: Any) -> Resources:
    """A chain in which the replacement of `a` condemns `b` and `c`, and two toys that go with `w`."""
    options = {"version": version}
    bound = {"options": {"deleted_with": "w", "delete_before_replace": True, **options}}
    return [
        {"name": "a", "props": {"name": name}, "options": options},
        {"name": "b", "props": {"name": "fixed-b", "of": {"from": "a.id"}}, "options": options},
        {"name": "c", "props": {"name": "fixed-c", "of": {"from": "b.id"}}, "options": {**options, **settings}},
        {**thing("w", kind=kind), "options": options},
        {**thing("x", config={"p": 1, "q": [1]}), **bound},
    ]


def assert_same_plan(project: ToyProject, case: str, *arguments: str, **options: bool) -> dict[str, Any]:
    theirs, ours = project.pulumi_preview(*arguments), project.engine().preview(**options).digest
    assert ours.get("changeSummary") == theirs.get("changeSummary"), case
    assert steps_by_urn(ours) == steps_by_urn(theirs), case
    return ours


def steps_by_urn(digest: dict[str, Any]) -> dict[str, list[Any]]:
    by_urn: dict[str, list[Any]] = {}
    for step in comparable(digest["steps"]):
        by_urn.setdefault(step["urn"], []).append(step)
    return by_urn


def test_both_engines_plan_the_same_for_entangled_replacements(project: ToyProject) -> None:
    project.declare(*entangled())
    assert project.up().ok
    project.declare(*entangled(name="fixed-2"))
    assert_same_plan(project, "chain")
    project.declare(*entangled(name="fixed-2", kind="tin")[:2], *entangled(kind="tin")[3:])
    assert_same_plan(project, "chain with a dependent dropped, and deleted_with")
    project.declare(*entangled(version="1.1.0", protect=True))
    assert_same_plan(project, "another version of the provider, and a protection")


def test_both_engines_tell_the_same_of_a_world_changed_by_hand(project: ToyProject) -> None:
    project.declare(*fleet(), thing("gone"))
    assert project.up().ok
    (project.toys.world / "gone.plain.json").unlink()
    file = project.toys.world / "a.wood.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9, "extra": [1]}))

    assert_same_plan(project, "preview with refresh", "--refresh", refresh=True)
    theirs = json.loads(project.pulumi("refresh", "--stack", "local", "--preview-only", "--json"))
    ours = project.engine().refresh(is_preview=True).digest

    assert ours["changeSummary"] == theirs["changeSummary"]
    assert steps_by_urn(ours) == steps_by_urn(theirs)


def test_both_engines_import_the_same(project: ToyProject) -> None:
    for name in ("as", "other", "next"):
        (project.toys.world / f"{name}.plain.json").write_text(json.dumps({"name": name, "size": 1, "made": 3}))
    declared = [
        {**thing("as", size=1), "options": {"import_": "as.plain"}},
        {**thing("other", size=2), "options": {"import_": "other.plain"}},
        {"name": "outputs", "props": {"made": {"from": "as.made"}, "made of other": {"from": "other.made"}}},
    ]
    project.declare(*declared)
    theirs, ours = project.pulumi_preview_of_new_stack(), project.preview().digest
    assert ours["changeSummary"] == theirs["changeSummary"] == {"create": 1, "import": 2, "update": 1}
    assert steps_by_urn(ours) == steps_by_urn(theirs)
    project.pulumi("up", "--stack", "local", "--yes", "--skip-preview")
    theirs = project.resources()
    (project.state_dir / ".pulumi/stacks/toys/local.json").unlink()
    (project.toys.world / "other.plain.json").write_text(json.dumps({"name": "other", "size": 1, "made": 3}))
    assert project.up().ok
    for name in ("as", "other"):
        assert unbound(project.resources()[name]) == unbound(theirs[name])
    assert plan_of(project.pulumi_preview()) == {}

    declared[0]["props"]["name"], declared[0]["options"] = "next", {"import_": "next.plain"}
    declared[1]["props"]["kind"] = "tin"
    project.declare(*declared)
    assert_same_plan(project, "another id, and a replacement of what still names one")


def unbound(entry: dict[str, Any]) -> Any:
    """A checkpoint's entry without its provider, whose id is random."""
    return comparable({key: value for key, value in entry.items() if key != "provider"})


def test_both_engines_tell_the_same_of_an_import_of_nothing(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"import_": "nobody.plain"}})
    project.pulumi("stack", "init", "local")

    with pytest.raises(AssertionError, match=r"resource 'nobody\.plain' does not exist"):
        project.pulumi_preview()
    assert not project.preview().ok
    assert "resource 'nobody.plain' does not exist" in project.messages()


def test_both_engines_retain_the_same(project: ToyProject) -> None:
    kept = {**box("box"), "options": {"retain_on_delete": True}}
    project.declare(kept, {**thing("a", kind="wood"), "parent": "box"}, {**thing("b"), "parent": "box"})
    assert project.up().ok
    assert plan_of(project.pulumi_preview()) == {}
    project.declare(kept, {**thing("a", kind="tin"), "parent": "box"})
    assert_same_plan(project, "a replacement and a deletion that retain")

    project.pulumi("up", "--stack", "local", "--yes", "--skip-preview")

    assert sorted(project.toys.things()) == ["a.tin", "a.wood", "b.plain"]
    assert project.preview().changes == {"same": 3}


def test_cli_carries_on_what_failed_in_the_embedded_engine(project: ToyProject) -> None:
    first = [
        {"name": "a", "props": {"name": "fixed-1"}},
        {"name": "b", "props": {"name": "fixed-b", "of": {"from": "a.id"}}},
        thing("old", kind="wood", trouble="delete"),
        thing("wet", size=1),
    ]
    project.declare(*first)
    assert project.up().ok
    first[0]["props"]["name"], first[1]["props"]["trouble"] = "fixed-2", "create"
    project.declare(*first)
    assert not project.up().ok
    project.declare(*first[:1], thing("old", kind="tin"), thing("wet", size=2, trouble="unready"))
    assert not project.up().ok
    second = [*first[:1], thing("old", kind="tin"), thing("wet", size=2), thing("new")]
    project.declare(*second)

    assert_same_plan(project, "pending replacement and errors of initialisation left over")
