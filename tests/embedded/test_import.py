"""Resources that exist in the world and come under the stack's management by their id, and ones that stay behind."""

import json
from typing import Any

from bandplan.embedded.lines import Lines
from tests.embedded.conftest import ToyProject, box, plan_of, thing


def there(project: ToyProject, name: str, **props: Any) -> str:
    """Put a toy into the world that no stack knows; returns its id."""
    thing_id = f"{name}.plain"
    (project.toys.world / f"{thing_id}.json").write_text(json.dumps({"name": name, **props, "made": 3}))
    return thing_id


def importing(name: str, thing_id: str, **props: Any) -> dict[str, Any]:
    return {**thing(name, **props), "options": {"import_": thing_id}}


def test_resource_that_is_as_declared_is_imported_and_nothing_is_done_to_it(project: ToyProject) -> None:
    made = {"name": "outputs", "props": {"made": {"from": "a.made"}}}
    project.declare(importing("a", there(project, "a", size=1), size=1), made)

    assert plan_of(project.preview().digest) == {"toys-local": "create", "a": "import"}
    outcome = project.up()

    assert outcome.changes == {"create": 1, "import": 1}
    assert outcome.outputs == {"made": 3}
    assert project.toys.effects() == []
    entry = project.resources()["a"]
    assert (entry["id"], entry["importID"], entry["outputs"]["made"]) == ("a.plain", "a.plain", 3)


def test_option_is_ignored_once_the_state_has_the_resource_under_that_id(project: ToyProject) -> None:
    project.declare(importing("a", there(project, "a", size=1), size=1))
    project.up()

    assert project.preview().changes == {"same": 2}
    project.declare(thing("a", size=1))
    assert project.up().changes == {"same": 2}
    assert "importID" not in project.resources()["a"]


def test_imported_resource_that_differs_is_updated_in_the_same_run(project: ToyProject) -> None:
    project.declare(importing("a", there(project, "a", size=1), size=2))

    outcome = project.up()

    assert outcome.changes == {"create": 1, "import": 1, "update": 1}
    assert project.toys.effects() == ["update a.plain"]
    assert [entry["urn"].rsplit("::", 1)[-1] for entry in latest(project)].count("a") == 1
    assert project.resources()["a"]["outputs"] == {"name": "a", "size": 2, "made": 4}


def test_ignored_property_keeps_the_value_that_was_found(project: ToyProject) -> None:
    entry = importing("a", there(project, "a", size=1), size=2)
    entry["options"]["ignore_changes"] = ["size"]
    project.declare(entry)

    assert project.up().changes == {"create": 1, "import": 1}
    assert project.resources()["a"]["inputs"]["size"] == 1


def test_import_of_what_does_not_exist_fails_and_says_so(project: ToyProject) -> None:
    project.declare(importing("a", "nobody.plain"))

    for run in (project.preview, project.up):
        assert not run().ok
        assert "resource 'nobody.plain' does not exist" in project.messages()
    assert "a" not in project.resources()


def test_import_that_would_need_a_replacement_is_foretold_and_refused(project: ToyProject) -> None:
    project.declare(importing("a", there(project, "a", kind="wood"), kind="tin"))

    assert project.preview().changes == {"create": 1, "import": 1, "replace": 1}
    assert 'kind: "wood" => "tin"' in project.messages()
    assert not project.up().ok
    assert "may not be replaced" in project.messages()
    assert project.toys.effects() == []
    assert project.resources()["a"]["inputs"]["kind"] == "wood"


def test_another_id_takes_the_place_of_the_old_resource(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.up()
    replacing = {**thing("b"), "name": "a", "options": {"import_": there(project, "b")}}
    project.declare(replacing)

    assert plan_of(project.preview().digest) == {"a": "replace"}
    assert project.up().changes == {"replace": 1, "same": 1}

    assert project.resources()["a"]["id"] == "b.plain"
    assert project.toys.effects() == ["create a.plain", "delete a.plain"]


def test_resource_found_sick_is_imported_with_its_reasons_and_updated(project: ToyProject) -> None:
    project.declare(importing("a", there(project, "a", trouble="sick"), trouble="sick"))

    assert project.up().changes == {"create": 1, "import": 1, "update": 1}
    assert "initErrors" not in project.resources()["a"]


def test_update_killed_after_an_import_keeps_the_imported_resource(project: ToyProject) -> None:
    project.declare(importing("a", there(project, "a"), trouble="update"))

    assert not project.up().ok

    assert project.resources()["a"]["inputs"] == {"name": "a"}
    project.declare(importing("a", "a.plain", size=5))
    assert project.up().changes == {"same": 1, "update": 1}


def test_retained_children_of_a_component_leave_the_state_and_stay_in_the_world(project: ToyProject) -> None:
    kept = {**box("box"), "options": {"retain_on_delete": True}}
    own = {**thing("own"), "parent": "box", "options": {"retain_on_delete": False}}
    project.declare(kept, {**thing("a"), "parent": "box"}, own)
    project.up()
    project.declare()
    said: list[str] = []

    assert project.engine(listen=Lines(said.append).take).up().changes == {"delete": 3, "same": 1}

    assert project.toys.effects()[2:] == ["delete own.plain"]
    assert any(line.startswith(" -  toy:index:Thing a deleted[retain]") for line in said)
    assert any(line.startswith(" -  toy:index:Thing own deleted (") for line in said)


def test_retained_resource_that_is_replaced_stays_in_the_world(project: ToyProject) -> None:
    project.declare({**thing("a", kind="wood"), "options": {"retain_on_delete": True}})
    project.up()
    project.declare({**thing("a", kind="tin"), "options": {"retain_on_delete": True}})

    assert project.up().changes == {"replace": 1, "same": 1}

    assert sorted(project.toys.things()) == ["a.tin", "a.wood"]
    assert len(latest(project)) == 3


def latest(project: ToyProject) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = project.checkpoint()["checkpoint"]["latest"]["resources"]
    return resources
