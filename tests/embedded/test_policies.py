"""Policies in the embedded engine: who is judged when, what a violation stops, and how it is reported."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol
from rich.console import Console

from bandplan.embedded.events import Diagnosed
from bandplan.embedded.lines import Lines
from bandplan.embedded.run import Engine, Outcome
from bandplan.embedded.tree import Tree
from tests.embedded.conftest import ToyProject, box, plan_of, thing
from tests.embedded.toy import Toys

THING = "toy:index/thing:Thing"


@dataclass(frozen=True)
class Found:
    policy: str
    urn: str
    message: str
    level: Any


@dataclass
class Sizes:
    """Sizes over 5 must not be, sizes over 3 should not; all of them together must not be more than `together`."""

    together: int = 1000
    seen: list[Any] = field(default_factory=list)
    name = "toy-policies"
    version = "1.2.0"
    place = "local: policies"
    types = frozenset({THING})
    stack_types = frozenset({THING})

    def analyze(self, urn: str, type_token: str, name: str, properties: Mapping[str, Any]) -> Sequence[Found]:
        self.seen.append((name, dict(properties)))
        size = properties.get("size", 0)
        if size <= 3:
            return []
        level = "mandatory" if size > 5 else "advisory"
        return [Found("size", urn, f"Toys are small.\n{name}: {size} is over {5 if size > 5 else 3}", level)]

    def analyze_stack(self, resources: Sequence[tuple[str, str, Mapping[str, Any]]]) -> Sequence[Found]:
        total = sum(outputs.get("size", 0) for _, _, outputs in resources)
        first = resources[0][0]
        return [Found("total", first, f"All fit.\n{total} in all", "mandatory")] if total > self.together else []


def engine(project: ToyProject, sizes: Sizes) -> Engine:
    return project.engine(parallel=1, analyzer=sizes)


def policy_events(outcome: Outcome) -> list[tuple[str, str, str]]:
    events = outcome.digest.get("policyEvents", [])
    return [(one["enforcementLevel"], one["policyName"], one["message"]) for one in events]


def test_preview_fails_on_a_mandatory_violation_and_still_tells_everything(project: ToyProject) -> None:
    project.declare(thing("a", size=9), thing("b", size=4), thing("c", size=7))
    outcome = engine(project, Sizes()).preview()
    assert not outcome.ok
    assert outcome.digest["changeSummary"] == {"create": 4}
    assert policy_events(outcome) == [
        ("mandatory", "size", "Toys are small.\na: 9 is over 5\n"),
        ("mandatory", "size", "Toys are small.\nc: 7 is over 5\n"),
        ("advisory", "size", "Toys are small.\nb: 4 is over 3\n"),
    ]
    assert not (project.state_dir / ".pulumi").exists()


def test_preview_with_a_violation_still_shows_what_is_deleted(project: ToyProject) -> None:
    project.declare(thing("a", size=1), thing("b", size=1))
    project.up()
    project.declare(thing("a", size=9))
    assert plan_of(engine(project, Sizes()).preview().digest) == {"a": "update", "b": "delete"}


def test_advisory_violation_stops_nothing(project: ToyProject) -> None:
    project.declare(thing("a", size=4))
    outcome = engine(project, Sizes()).up()
    assert outcome.ok
    assert policy_events(outcome) == [("advisory", "size", "Toys are small.\na: 4 is over 3\n")]
    assert project.toys.effects() == ["create a.plain"]


def test_update_does_not_make_what_a_mandatory_policy_is_against_and_begins_nothing_more(project: ToyProject) -> None:
    project.declare(thing("a"), {**thing("b", size=9), "after": ["a"]}, {**thing("c"), "after": ["b"]})
    outcome = engine(project, Sizes()).up()
    assert not outcome.ok
    assert project.toys.effects() == ["create a.plain"]
    assert "a" in project.resources() and "b" not in project.resources()


def test_update_leaves_a_resource_alone_that_is_to_become_what_a_policy_is_against(project: ToyProject) -> None:
    project.declare(thing("a", size=1))
    project.up()
    project.declare(thing("a", size=9))
    assert not engine(project, Sizes()).up().ok
    assert project.toys.effects() == ["create a.plain"]
    assert project.resources()["a"]["inputs"]["size"] == 1


def test_resource_that_stays_as_it_is_is_judged_too(project: ToyProject) -> None:
    project.declare(thing("a", size=9))
    project.up()
    outcome = engine(project, Sizes()).preview()
    assert not outcome.ok
    assert plan_of(outcome.digest) == {}


def test_stack_is_judged_at_the_end_on_what_came_out_of_it(project: ToyProject) -> None:
    project.declare(thing("a", size=3), thing("b", size=3))
    outcome = engine(project, Sizes(together=5)).up()
    assert not outcome.ok
    assert policy_events(outcome) == [("mandatory", "total", "All fit.\n6 in all\n")]
    assert sorted(project.toys.effects()) == ["create a.plain", "create b.plain"]
    assert engine(project, Sizes(together=6)).preview().ok


def test_stack_is_not_judged_when_a_step_has_failed(project: ToyProject) -> None:
    project.declare(thing("a", size=3, trouble="create"))
    assert policy_events(engine(project, Sizes(together=0)).up()) == []


def test_value_that_only_the_update_can_tell_is_shown_as_pulumi_writes_it(project: ToyProject) -> None:
    project.declare(thing("a"), thing("b", of={"from": "a.made"}))
    sizes = Sizes()
    assert engine(project, sizes).preview().ok
    assert dict(sizes.seen)["b"]["of"] == "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
    sizes = Sizes()
    assert engine(project, sizes).up().ok
    assert dict(sizes.seen)["b"]["of"] == 1


def test_only_types_that_a_policy_is_about_are_shown_and_nothing_is_judged_without_a_program(
    project: ToyProject,
) -> None:
    project.declare(box("box", size=9), {**thing("a", size=1), "parent": "box"})
    sizes = Sizes(together=0)
    engine(project, Sizes()).up()
    assert engine(project, sizes).refresh().ok
    assert engine(project, sizes).destroy().ok
    assert sizes.seen == []


def test_violations_are_told_in_a_section_as_pulumi_does(project: ToyProject) -> None:
    project.declare(thing("a", size=9), thing("b", size=4))
    lines: list[str] = []
    project.engine(parallel=1, listen=Lines(lines.append).take, analyzer=Sizes()).preview()
    start = lines.index("Policies:")
    assert lines[start : start + 9] == [
        "Policies:",
        "    ❌ toy-policies@v1.2.0 (local: policies)",
        "        - [mandatory]  size  (toy:index:Thing: a)",
        "          Toys are small.",
        "          a: 9 is over 5",
        "        - [advisory]  size  (toy:index:Thing: b)",
        "          Toys are small.",
        "          b: 4 is over 3",
        "",
    ]
    assert "error: preview failed" in lines


def test_section_is_on_a_terminal_too(project: ToyProject) -> None:
    project.declare(thing("a", size=9))
    shown = io.StringIO()
    with Tree(Console(file=shown, width=100, force_terminal=False)) as tree:
        project.engine(listen=tree.take, analyzer=Sizes()).preview()
    assert "        - [mandatory]  size  (toy:index:Thing: a)\n" in shown.getvalue()


def test_pack_that_finds_nothing_is_told_in_one_line_and_no_pack_in_none(project: ToyProject) -> None:
    project.declare(thing("a"))
    lines: list[str] = []
    project.engine(listen=Lines(lines.append).take, analyzer=Sizes()).preview()
    assert "    ✅ toy-policies@v1.2.0 (local: policies)" in lines
    lines.clear()
    project.engine(listen=Lines(lines.append).take).preview()
    assert "Policies:" not in lines


@pytest.mark.parametrize(
    ("declared", "verdict"),
    [
        (
            [{"name": "x", "fail": "models.yaml:3:1: no such model"}],
            "❔ toy-policies@v1.2.0 (local: policies): nothing was checked: no rule covers any of the declared resources",
        ),
        (
            [thing("a"), {"name": "x", "fail": "models.yaml:3:1: no such model"}],
            "❔ toy-policies@v1.2.0 (local: policies): rules for the whole stack were not checked: the run failed first",
        ),
        ([thing("a")], "✅ toy-policies@v1.2.0 (local: policies)"),
    ],
    ids=["failed at once", "failed on the way", "all of it"],
)
def test_pack_that_saw_nothing_or_not_all_has_approved_of_nothing(
    project: ToyProject, declared: list[dict[str, Any]], verdict: str
) -> None:
    project.declare(*declared)
    lines: list[str] = []
    project.engine(listen=Lines(lines.append).take, analyzer=Sizes()).preview()
    assert lines[lines.index("Policies:") + 1] == f"    {verdict}"


class TalkingToys(Toys):
    """Says something on its own whenever it checks a toy."""

    engine: Engine

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        self.engine.tell(Diagnosed("warning", "the paint is wet", request.urn))
        return await super().check(request)


def test_what_a_provider_says_on_its_own_is_in_the_document_of_the_run(project: ToyProject) -> None:
    project.declare(thing("a"))
    project.toys = toys = TalkingToys(project.folder / "world")
    toys.engine = project.engine()
    (told,) = toys.engine.preview().digest["diagnostics"]
    assert told == {"urn": told["urn"], "message": "warning: the paint is wet\n", "severity": "warning"}
    assert told["urn"].endswith("::a")
    assert [event for event in project.events if isinstance(event, Diagnosed)] != []
