"""Replacements that pull others along, by Pulumi's rules."""

import json
from typing import Any

from bandplan.embedded.run import Outcome
from tests.embedded.conftest import ToyProject, plan_of, thing


def named(name: str, physical: str, **props: Any) -> dict[str, Any]:
    """A toy whose id begins with `physical`: one that begins with `fixed` condemns what takes its id as `of`."""
    return {"name": name, "props": {"name": physical, **props}}


def chain(of_a: str) -> list[dict[str, Any]]:
    return [
        named("a", of_a),
        named("b", "fixed-b", of={"from": "a.id"}),
        named("c", "fixed-c", of={"from": "b.id"}),
        named("d", "d", of={"from": "c.made"}),
    ]


def test_chain_is_deleted_from_its_end_and_made_from_its_start(project: ToyProject) -> None:
    project.declare(*chain("fixed-1"))
    project.up()
    project.declare(*chain("fixed-2"))

    outcome = project.up()

    assert outcome.changes == {"replace": 3, "same": 2}
    assert project.toys.effects()[4:] == [
        "delete fixed-c.plain",
        "delete fixed-b.plain",
        "delete fixed-1.plain",
        "create fixed-2.plain",
        "create fixed-b.plain",
        "create fixed-c.plain",
    ]


def test_plan_shows_a_condemned_dependent_as_pending_replacement(project: ToyProject) -> None:
    project.declare(*chain("fixed-1"))
    project.up()
    project.declare(*chain("fixed-2"))

    steps = {step["urn"].rsplit("::", 1)[-1]: step for step in project.preview().digest["steps"]}

    assert steps["b"]["oldState"]["pendingReplacement"] is True
    assert "pendingReplacement" not in project.resources()["b"], "a preview changes no state"


def test_condemned_dependent_that_the_same_edit_drops_is_deleted_once(project: ToyProject) -> None:
    project.declare(*chain("fixed-1"))
    project.up()
    project.declare(*chain("fixed-2")[:1])

    planned = project.preview()
    outcome = project.up()

    # As in Pulumi, b and c go with the replacement of a and do not count as deletions; d does.
    assert planned.changes == outcome.changes == {"replace": 1, "delete": 1, "same": 1}
    assert sorted(project.toys.things()) == ["fixed-2.plain"]
    assert "b" not in project.resources() and "c" not in project.resources()


def test_protected_dependent_stops_the_chain_before_anything_is_deleted(project: ToyProject) -> None:
    fleet = chain("fixed-1")
    fleet[1]["options"] = {"protect": True}
    project.declare(*fleet)
    project.up()
    fleet[0]["props"]["name"] = "fixed-2"
    project.declare(*fleet)

    assert not project.up().ok
    assert "b: must be deleted to replace a but is protected" in project.messages()
    assert not [line for line in project.toys.effects() if line.startswith("delete")]


def test_dependent_that_cannot_be_deleted_keeps_what_it_needs(project: ToyProject) -> None:
    fleet = chain("fixed-1")
    fleet[1]["props"]["trouble"] = "delete"
    project.declare(*fleet)
    project.up()
    fleet[0]["props"]["name"] = "fixed-2"
    project.declare(*fleet)

    assert not project.up().ok
    assert sorted(project.toys.things()) == ["d.plain", "fixed-1.plain", "fixed-b.plain"]
    pending = {name: entry.get("pendingReplacement", False) for name, entry in project.resources().items()}
    assert [name for name in "abc" if pending[name]] == ["c"]


def test_leftover_of_an_older_replacement_goes_before_what_it_needs(project: ToyProject) -> None:
    project.declare(*chain("fixed-1")[:2])
    project.up()
    leftover = {**project.resources()["b"], "id": "fixed-b.old", "delete": True}
    path = project.state_dir / ".pulumi/stacks/toys/local.json"
    document = json.loads(path.read_text())
    document["checkpoint"]["latest"]["resources"].append(leftover)
    path.write_text(json.dumps(document))
    project.declare(*chain("fixed-2")[:2])

    assert project.up().ok
    assert project.toys.effects()[2:] == [
        "delete fixed-b.old",
        "delete fixed-b.plain",
        "delete fixed-1.plain",
        "create fixed-2.plain",
        "create fixed-b.plain",
    ]


def test_resource_deleted_with_one_that_is_deleted_first_goes_without_a_call(project: ToyProject) -> None:
    bound = {**thing("b"), "options": {"deleted_with": "a"}}
    project.declare(named("a", "one"), bound)
    project.up()
    (project.toys.world / "b.plain.json").unlink()  # gone with a, as the option says
    project.declare(named("a", "two"), bound)

    assert project.up().changes == {"replace": 2, "same": 1}
    assert project.toys.effects()[2:] == ["delete one.plain", "create two.plain", "create b.plain"]


def test_resource_deleted_with_one_that_is_replaced_is_replaced_too(project: ToyProject) -> None:
    bound = {**named("b", "b"), "options": {"deleted_with": "a", "delete_before_replace": True}}
    project.declare(thing("a", kind="wood"), bound)
    project.up()
    project.declare(thing("a", kind="tin"), bound)

    steps = {step["urn"].rsplit("::", 1)[-1]: step for step in project.preview().digest["steps"]}

    assert steps["b"]["op"] == "replace"
    assert steps["b"]["replaceReasons"] == ["deletedWith"]


def test_protected_replacement_is_planned_but_fails(project: ToyProject) -> None:
    project.declare({**thing("a", kind="wood"), "options": {"protect": True}})
    project.up()
    project.declare({**thing("a", kind="tin"), "options": {"protect": True}})

    planned = project.preview()

    assert not planned.ok and plan_of(planned.digest) == {"a": "replace"}
    assert not project.up().ok
    assert project.toys.effects() == ["create a.wood"]


def test_protection_lifted_is_told_in_the_plan_and_allows_the_replacement(project: ToyProject) -> None:
    project.declare({**thing("a", kind="wood"), "options": {"protect": True}})
    project.up()
    project.declare(thing("a", kind="wood"))
    told = [step["urn"].rsplit("::", 1)[-1] for step in project.preview().digest["steps"]]
    project.declare(thing("a", kind="tin"))

    assert told == ["toys-local", "a"]
    assert project.up().changes == {"replace": 1, "same": 1}


def test_deletion_of_a_protected_resource_fails_in_the_preview_already(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"protect": True}})
    project.up()
    project.declare()

    planned = project.preview()

    assert not planned.ok
    assert plan_of(planned.digest) == {"a": "delete"}
    assert "a: is protected" in project.messages()


def test_tainted_resource_is_replaced_because_of_its_id(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"delete_before_replace": True}}, thing("b"))
    project.up()
    path = project.state_dir / ".pulumi/stacks/toys/local.json"
    project.edit_state(lambda entries: entries["a"].update(taint=True))
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 4, "features": ["taint"]}))
    exported = project.engine().export()

    steps = {step["urn"].rsplit("::", 1)[-1]: step for step in project.preview().digest["steps"]}

    assert (exported["version"], exported["features"]) == (4, ["taint"])
    assert steps["a"]["op"] == "replace" and steps["a"]["replaceReasons"] == ["id"]
    assert project.up().changes == {"replace": 1, "same": 2}
    assert project.checkpoint()["version"] == 3 and "taint" not in project.resources()["a"]


def test_state_with_a_feature_that_is_not_known_is_refused_by_name(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    path = project.state_dir / ".pulumi/stacks/toys/local.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "version": 4, "features": ["hooks"]}))

    assert not project.up().ok
    assert "state with hooks is not supported" in project.messages()


def test_new_version_of_a_provider_takes_its_resources_over_and_the_old_one_goes(project: ToyProject) -> None:
    def fleet(version: str) -> list[dict[str, Any]]:
        return [
            {**thing("a"), "options": {"version": version}},
            {**thing("b", of={"from": "a.made"}), "options": {"version": version}},
        ]

    project.declare(*fleet("1.0.0"))
    project.up()
    project.declare(*fleet("1.1.0"))

    assert project.up().changes == {"same": 3}
    assert set(project.resources()) == {"toys-local", "default_1_1_0", "a", "b"}
    assert project.resources()["a"]["provider"].startswith(project.resources()["default_1_1_0"]["urn"])


def test_dependent_freed_by_the_edit_is_either_kept_or_made_again_but_never_lost(project: ToyProject) -> None:
    free = [named(f"b{number}", f"fixed-b{number}") for number in range(12)]
    bound = [{**entry, "props": {**entry["props"], "of": {"from": "a.id"}}} for entry in free]
    project.declare(named("a", "fixed-0"), *bound)
    project.up()
    project.declare(named("a", "fixed-1"), *free)

    assert project.up().ok

    ids = {
        entry["id"] for entry in project.checkpoint()["checkpoint"]["latest"]["resources"] if "Thing" in entry["urn"]
    }
    assert ids == set(project.toys.things())
    assert len(ids) == 13


def test_provider_of_a_dependent_that_goes_first_stays_in_the_state(project: ToyProject) -> None:
    """It is needed for the deletion before the program has registered any resource of its own."""

    def declared(name: str) -> list[dict[str, Any]]:
        bound = {"name": "b", "package": "gadget", "props": {"name": "b", "of": {"from": "a.id"}}}
        return [{"name": "a", "props": {"name": name}}, bound]

    def up() -> Outcome:
        engine = project.engine()
        engine._providers = {"toy": project.toys, "gadget": project.toys}
        return engine.up()

    project.declare(*declared("fixed-1"))

    def urns() -> set[str]:
        return {entry["urn"] for entry in project.checkpoint()["checkpoint"]["latest"]["resources"]}

    assert up().ok
    before = urns()
    project.declare(*declared("fixed-2"))

    assert up().changes == {"replace": 2, "same": 1}

    assert urns() == before
    assert any("pulumi:providers:gadget" in urn for urn in before)
