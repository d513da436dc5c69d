"""What a run looks like: plain lines in a log, a tree on a terminal."""

import io
import json

from rich.console import Console

from embedded.lines import Lines
from embedded.resource import ResourceState
from embedded.steps import Op, PropertyDiff, Step
from embedded.tree import Tree
from embedded.wording import property_changes, summary
from tests.embedded.conftest import ToyProject, box, thing

URN = "urn:pulumi:local::toys::toy:index/thing:Thing::a"


def state(inputs: dict[str, object], **fields: object) -> ResourceState:
    return ResourceState(URN, "toy:index/thing:Thing", custom=True, inputs=dict(inputs), **fields)  # type: ignore[arg-type]


def test_changed_property_is_told_at_the_depth_where_it_changes() -> None:
    old = state({"config": {"entities": [{"max": 980, "name": "e"}]}, "gone": 1})
    new = state({"config": {"entities": [{"max": 1960, "name": "e"}]}, "come": True})

    assert list(property_changes(Step(Op.UPDATE, URN, old, new))) == [
        "+ come: true",
        "~ config.entities[0].max: 980 => 1960",
        "- gone: 1",
    ]


def test_list_that_grows_or_shrinks_tells_its_records_one_by_one() -> None:
    one = state({"entities": [{"name": "a", "share": 100}], "tags": ["x"]})
    two = state({"entities": [{"name": "a", "share": 90}, {"name": "b", "share": 10}], "tags": ["x", "y"]})
    assert list(property_changes(Step(Op.UPDATE, URN, one, two))) == [
        "~ entities[0].share: 100 => 90",
        '+ entities[1]: {"name": "b", "share": 10}',
        '~ tags: ["x"] => ["x", "y"]',
    ]
    assert list(property_changes(Step(Op.UPDATE, URN, two, one))) == [
        "~ entities[0].share: 90 => 100",
        '- entities[1]: {"name": "b", "share": 10}',
        '~ tags: ["x", "y"] => ["x"]',
    ]


def test_difference_that_only_the_provider_sees_is_told_by_its_path_and_not_as_a_deletion() -> None:
    old = state({"declared": {"max": 980}}, outputs={"declared": {"max": 980}, "ready": True})
    diff = {"declared.max": PropertyDiff("update", False)}

    assert list(property_changes(Step(Op.UPDATE, URN, old, state(old.inputs), detailed_diff=diff))) == [
        "~ declared.max"
    ]


def test_resource_that_was_not_ready_says_why_it_is_updated() -> None:
    old = state({"size": 1}, init_errors=["the paint is wet"])

    assert list(property_changes(Step(Op.UPDATE, URN, old, state(old.inputs)))) == [
        "! not ready since the last update: the paint is wet"
    ]


def test_full_display_tells_new_inputs_and_cuts_nothing() -> None:
    step = Step(Op.CREATE, URN, new=state({"text": "x" * 500}))

    assert list(property_changes(step)) == []
    assert list(property_changes(step, is_full=True)) == [f'+ text: "{"x" * 500}"']


def test_summary_counts_what_failed_and_does_not_say_that_nothing_changes() -> None:
    assert summary({"same": 28}, is_preview=False, failed=12) == ["    12 failed", "    28 unchanged"]
    assert summary({"same": 3}, is_preview=True) == ["    no changes", "    3 unchanged"]


def test_log_of_a_failed_update_names_the_resource_and_the_reason(project: ToyProject) -> None:
    project.declare(thing("good"), {**thing("bad", trouble="create"), "after": ["good"]})
    said: list[str] = []

    project.engine(listen=Lines(said.append).take).up()

    assert " +  toy:index:Thing good creating" in said
    assert "    error: the factory is closed" in said
    assert "    1 failed" in said


def test_tree_shows_children_under_their_parents_and_hides_what_stays(project: ToyProject) -> None:
    project.declare(box("box", label="x"), {**thing("a", size=1), "parent": "box"}, thing("b"))
    project.up()
    project.declare(box("box", label="x"), {**thing("a", size=2), "parent": "box"}, thing("b"))
    file = io.StringIO()
    console = Console(file=file, width=100, force_terminal=False)

    with Tree(console) as tree:
        project.engine(listen=tree.take).preview()

    lines = [line.rstrip() for line in file.getvalue().splitlines()]
    shown = lines.index("    pulumi:pulumi:Stack toys-local")
    assert lines[shown : shown + 4] == [
        "    pulumi:pulumi:Stack toys-local",
        "       toys:index:Box box",
        " ~        toy:index:Thing a update",
        "            ~ size: 1 => 2",
    ]
    assert not any("Thing b" in line for line in lines)


def test_refresh_tells_what_it_took_over(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9}))
    said: list[str] = []

    project.engine(listen=Lines(said.append).take).refresh()

    assert "      ~ size: 1 => 9" in said
