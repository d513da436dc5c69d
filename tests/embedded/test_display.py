"""What a run looks like: plain lines in a log, a tree on a terminal."""

import io
import json
import re

import pytest
from rich.console import Console

from bandplan.embedded.display import shown
from bandplan.embedded.events import Diagnosed, Finished, PolicyViolated, Progressed, Started, StepBegan, StepFailed
from bandplan.embedded.lines import Lines
from bandplan.embedded.resource import ResourceState
from bandplan.embedded.steps import Op, PropertyDiff, Step
from bandplan.embedded.tree import Tree
from bandplan.embedded.wording import property_changes, short_label, summary
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


def test_finished_tree_cuts_nothing_on_a_narrow_terminal(project: ToyProject) -> None:
    name = "an-endpoint-with-a-name-of-some-length"
    project.declare({**thing(name, size=1)})
    file = io.StringIO()

    with Tree(Console(file=file, width=30, force_terminal=False)) as tree:
        project.engine(listen=tree.take).preview()

    assert f" +     toy:index:Thing {name} create" in [line.rstrip() for line in file.getvalue().splitlines()]


def named(name: str) -> ResourceState:
    return ResourceState(f"urn:pulumi:local::toys::toy:index/thing:Thing::{name}", "toy:index/thing:Thing", custom=True)


def test_running_tree_shortens_names_and_keeps_what_is_done_to_them() -> None:
    begun = named("an-endpoint-of-some-length-12")
    tree = Tree(Console(file=io.StringIO(), width=40, force_terminal=False))
    tree.take(StepBegan(Step(Op.CREATE, begun.urn, new=begun)))

    line = str(tree._tree(only_under_way=True)[0])

    assert line.startswith(" +  Thing an-") and "-12 creating (" in line
    assert len(line) <= 40


@pytest.mark.parametrize(
    ("width", "label"),
    [
        (80, "toy:index:Thing an-endpoint-of-some-length-12"),
        (44, "Thing an-endpoint-of-some-length-12"),
        (20, "Thing an-end…ngth-12"),
        (3, "Thing an-…h-12"),
    ],
)
def test_label_is_shortened_to_the_room_there_is(width: int, label: str) -> None:
    assert short_label(named("an-endpoint-of-some-length-12"), width) == label


def test_terminal_that_cannot_move_its_cursor_gets_plain_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setattr("bandplan.embedded.display._print_line", said.append)
    monkeypatch.setenv("TERM", "dumb")

    with shown(is_quiet=False, is_full=False) as listen:
        listen(Started("preview", "local", {}))

    assert said == ["Previewing update (local)"]


def test_refresh_tells_what_it_took_over(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    file = project.toys.world / "a.plain.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "size": 9}))
    said: list[str] = []

    project.engine(listen=Lines(said.append).take).refresh()

    assert "      ~ size: 1 => 9" in said


def test_tree_draws_with_escape_sequences_of_its_own_alone() -> None:
    """What resources, providers and policies say may hold others, and marks that turn the direction."""
    hostile = "\x1b[2J\x1b]0;owned\x07\u202egnp\x9b31m"
    resource = ResourceState(URN, "toy:index/thing:Thing", custom=True, inputs={"text": hostile, hostile: 1})
    step = Step(Op.CREATE, URN, new=resource)
    file = io.StringIO()

    with Tree(Console(file=file, width=100, force_terminal=True), is_full=True) as tree:
        for event in (
            Started("preview", hostile, {}, hostile),
            StepBegan(step),
            Progressed(URN, hostile),
            StepFailed(step, hostile),
            Diagnosed("warning", hostile, URN),
            PolicyViolated("pack", "1", hostile, URN, hostile, "advisory"),
            Finished(False, {"create": 1}),
        ):
            tree.take(event)

    drawn = re.sub(r"\x1b\[(\?25[lh]|[\d;]*[mAK])|\r", "", file.getvalue())
    assert r"\u001b[2J\u001b]0;owned\u0007\u202egnp\u009b31m" in drawn
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", drawn)


def test_lines_have_colours_if_asked_for_and_clean_texts(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    with shown(is_quiet=False, is_full=False) as listen:
        listen(Diagnosed("error", "of \x1b[2Jothers", ""))
        listen(Diagnosed("info", "plain", ""))
    assert capsys.readouterr().out == "\x1b[31m    error: of \\u001b[2Jothers\x1b[0m\n    plain\n"
