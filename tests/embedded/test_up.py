"""What an update does to the world and to the state, by Pulumi's rules."""

import threading

from pulumi.provider.experimental import provider as protocol

from tests.embedded.conftest import ToyProject, box, plan_of, thing
from tests.embedded.toy import Toys


def test_preview_creates_nothing_and_tells_the_plan(project: ToyProject) -> None:
    project.declare(thing("a"), {**thing("b", of={"from": "a.made"}), "after": ["a"]})

    outcome = project.preview()

    assert outcome.ok
    assert plan_of(outcome.digest) == {"toys-local": "create", "a": "create", "b": "create"}
    assert project.toys.effects() == []
    assert not project.state_dir.exists()


def test_unknown_output_is_unknown_to_dependents_in_preview(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b", of={"from": "a.made"}))

    steps = {step["urn"].rsplit("::", 1)[-1]: step for step in project.preview().digest["steps"]}

    assert steps["b"]["newState"]["inputs"]["of"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    assert steps["b"]["newState"]["propertyDependencies"]["of"] == [steps["a"]["urn"]]


def test_up_twice_changes_nothing_the_second_time(project: ToyProject) -> None:
    project.declare(box("box", label="x"), {**thing("a"), "parent": "box"})
    project.up()
    before = project.checkpoint()

    outcome = project.up()

    assert not outcome.has_changes
    assert project.toys.effects() == ["create a.plain"]
    assert project.checkpoint() == before


def test_the_document_has_unchanged_components_with_their_inputs(project: ToyProject) -> None:
    project.declare(box("box", label="x"), {**thing("a"), "parent": "box"})
    project.up()

    told = [(step["op"], step["urn"].rsplit("::", 1)[-1]) for step in project.preview().digest["steps"]]
    (standing,) = [step for step in project.preview().digest["steps"] if step["urn"].endswith("::box")]

    assert told == [("same", "toys-local"), ("same", "box")]
    assert "oldState" not in standing
    assert standing["newState"]["inputs"] == {"label": "x"}


def test_dependents_are_made_after_what_they_need(project: ToyProject) -> None:
    project.declare(thing("a", seconds=0.1), thing("b", of={"from": "a.made"}), {**thing("c"), "after": ["b"]})

    project.up()

    assert project.toys.effects() == ["create a.plain", "create b.plain", "create c.plain"]
    assert project.resources()["b"]["inputs"]["of"] == 1


def test_update_in_place_keeps_the_id(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare(thing("a", size=2))

    outcome = project.up()

    assert outcome.changes == {"update": 1, "same": 1}
    assert project.toys.effects() == ["create a.plain", "update a.plain"]
    assert project.resources()["a"]["outputs"]["size"] == 2


def test_replacement_is_made_before_the_old_one_is_deleted(project: ToyProject) -> None:
    project.declare(thing("a", kind="wood"))
    project.up()
    project.declare(thing("a", kind="tin"))

    outcome = project.up()

    assert outcome.changes == {"replace": 1, "same": 1}
    assert project.toys.effects() == ["create a.wood", "create a.tin", "delete a.wood"]
    assert project.resources()["a"]["id"] == "a.tin"


def test_old_one_is_deleted_first_when_the_provider_asks_for_it(project: ToyProject) -> None:
    project.declare({"name": "a", "props": {"name": "one"}})
    project.up()
    project.declare({"name": "a", "props": {"name": "two"}})

    project.up()

    assert project.toys.effects() == ["create one.plain", "delete one.plain", "create two.plain"]


def test_program_can_ask_for_delete_before_replace(project: ToyProject) -> None:
    project.declare(thing("a", kind="wood"))
    project.up()
    project.declare({**thing("a", kind="tin"), "options": {"delete_before_replace": True}})

    project.up()

    assert project.toys.effects() == ["create a.wood", "delete a.wood", "create a.tin"]


def test_dependent_that_would_be_replaced_is_deleted_before_what_it_needs(project: ToyProject) -> None:
    first = {"name": "a", "props": {"name": "one", "size": 7}}
    dependent = thing("b", of={"from": "a.id"})
    dependent["props"]["of"] = {"from": "a.id"}
    project.declare(first, dependent)
    project.up()
    # `of` of b is "one.plain": an update in place is enough, so b stays while a is replaced.
    project.declare({**first, "props": {"name": "two", "size": 7}}, dependent)
    project.up()
    assert project.toys.effects()[2:] == ["delete one.plain", "create two.plain", "update b.plain"]


def test_dependent_bound_to_its_parent_goes_first_and_comes_back(project: ToyProject) -> None:
    first = {"name": "a", "props": {"name": "fixed1"}}
    dependent = thing("b", of={"from": "a.id"})
    project.declare(first, dependent)
    project.up()
    project.declare({"name": "a", "props": {"name": "fixed2"}}, dependent)

    preview = project.preview()
    outcome = project.up()

    assert plan_of(preview.digest) == {"a": "replace", "b": "replace"}
    assert outcome.changes == {"replace": 2, "same": 1}
    assert project.toys.effects()[2:] == [
        "delete b.plain",
        "delete fixed1.plain",
        "create fixed2.plain",
        "create b.plain",
    ]


def test_what_the_program_drops_is_deleted_dependents_first(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b", of={"from": "a.made"}), thing("keep"))
    project.up()
    project.declare(thing("keep"))

    outcome = project.up()

    assert outcome.changes == {"delete": 2, "same": 2}
    assert project.toys.effects()[3:] == ["delete b.plain", "delete a.plain"]
    assert set(project.resources()) == {"toys-local", "keep", "default_1_0_0"}


def test_ignored_change_is_not_made(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare({**thing("a", size=2), "options": {"ignore_changes": ["size"]}})

    assert not project.up().changes.get("update")
    assert project.toys.things()["a.plain"]["size"] == 1


def test_replace_on_changes_forces_a_replacement(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare({**thing("a", size=2), "options": {"replace_on_changes": ["size"], "delete_before_replace": True}})

    assert project.up().changes == {"replace": 1, "same": 1}


def test_protected_resource_is_not_deleted(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"protect": True}})
    project.up()
    project.declare()

    outcome = project.up()

    assert not outcome.ok
    assert "protected" in project.messages()
    assert "a.plain" in project.toys.things()


def test_retained_resource_leaves_the_state_and_stays_in_the_world(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"retain_on_delete": True}})
    project.up()
    project.declare()

    assert project.up().ok
    assert "a" not in project.resources()
    assert "a.plain" in project.toys.things()


def test_stack_outputs_and_component_outputs_are_recorded(project: ToyProject) -> None:
    project.declare(box("box"), thing("a"), {"name": "outputs", "props": {"made": {"from": "a.made"}, "n": 3}})

    outcome = project.up()

    assert outcome.outputs == {"made": 1, "n": 3}
    assert project.resources()["toys-local"]["outputs"] == {"made": 1, "n": 3}
    assert project.resources()["box"]["outputs"] == {"label": "box"}
    assert project.engine().outputs() == {"made": 1, "n": 3}


def test_custom_timeouts_are_kept_in_seconds(project: ToyProject) -> None:
    project.declare({**thing("a"), "options": {"custom_timeouts": {"create": "1h30m", "update": "45s"}}})
    project.up()

    assert project.resources()["a"]["customTimeouts"] == {"create": 5400, "update": 45}


def test_destroy_deletes_everything_dependents_first(project: ToyProject) -> None:
    project.declare(box("box"), {**thing("a"), "parent": "box"}, thing("b", of={"from": "a.made"}))
    project.up()

    outcome = project.engine().destroy()

    assert outcome.ok
    assert outcome.changes == {"delete": 4}
    assert project.toys.effects()[2:] == ["delete b.plain", "delete a.plain"]
    assert project.resources() == {}


def test_forty_slow_resources_are_made_side_by_side(project: ToyProject) -> None:
    """None is made before all forty are begun: one after the other would never end."""
    together = threading.Barrier(40, timeout=60)

    class Meeting(Toys):
        async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
            together.wait()
            return await super().create(request)

    project.toys = Meeting(project.toys.world)
    project.declare(*[thing(f"t{number}") for number in range(40)])

    outcome = project.engine(parallel=40).up()

    assert outcome.ok and outcome.changes["create"] == 41


def test_component_input_that_turns_from_true_to_one_is_a_change(project: ToyProject) -> None:
    project.declare(box("box", flag=True))
    project.up()
    project.declare(box("box", flag=1))

    assert project.up().changes == {"update": 1, "same": 1}
    assert project.resources()["box"]["outputs"] == {"label": "box"}


def test_update_of_a_component_is_no_modification(project: ToyProject) -> None:
    project.declare(box("box", label="x"))
    project.up()
    before = project.resources()["box"]
    project.declare(box("box", label="y"))
    project.up()
    after = project.resources()["box"]

    assert (after["created"], after["modified"]) == (before["created"], before["modified"])


def test_values_of_every_kind_come_back_without_a_difference(project: ToyProject) -> None:
    values = {
        "text": 'ünï ✓ 𝄞 "\\ \n',
        "large": 12345678901234567890,
        "larger": 1e21,
        "exact": 2**53 + 2,
        "small": 0.1,
        "minus": -5,
        "nothing": {"a": None, "b": [None, {"c": None}]},
        "empty": [[], {}, ""],
        "flags": [True, False, 0, 1],
    }
    fleet = [thing("a", **values), box("we ird/näme:$&%::x", **values), {"name": "outputs", "props": values}]
    project.declare(*fleet)
    project.up()
    before = project.checkpoint()

    assert not project.up().has_changes
    assert project.checkpoint() == before, "nothing is rewritten"


def test_changed_stack_output_alone_is_recorded(project: ToyProject) -> None:
    project.declare(thing("a"), {"name": "outputs", "props": {"n": 1, "old": 1}})
    project.up()
    project.declare(thing("a"), {"name": "outputs", "props": {"n": 2}})

    outcome = project.up()

    assert not outcome.has_changes
    assert project.resources()["toys-local"]["outputs"] == {"n": 2}


def test_export_has_the_shape_of_pulumi_stack_export(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()

    exported = project.engine().export()

    assert set(exported) == {"version", "deployment"}
    assert [entry["id"] for entry in exported["deployment"]["resources"] if entry.get("id") == "a.plain"] == ["a.plain"]
