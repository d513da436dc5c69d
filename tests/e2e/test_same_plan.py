"""For every edit of the sample fleet and of each example, both engines plan the same steps."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandplan.stub import process
from tests.e2e.conftest import ROOT, SAMPLE, FleetProject, plan_of, without_registrations

pytestmark = [
    pytest.mark.pulumi_cli,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH"),
    pytest.mark.timeout(1200),
]

EDITS = {
    "more of a band": ("bands: {min: 2, max: 4}", "bands: {min: 2, max: 5}"),
    "another version": ('version: "2"\n    throughput: {tokens', 'version: "1"\n    throughput: {tokens'),
    "a new name replaces": ("- name: drafting-chat", "- name: writing-chat"),
    "more model units": ("{model_units: 50, burst: false}", "{model_units: 100, burst: false}"),
    "another split": ("traffic_percent: 90", "traffic_percent: 80"),
    "a description": ("Answers customers in the help centre", "Answers customers"),
    "a tag": ("tags: {purpose: triage}", "tags: {purpose: routing}"),
    "other people": ("group_name: support-apps", "group_name: sales-apps"),
    "route optimised forces a new endpoint": (
        "- name: code-completions\n",
        "- name: code-completions\n    route_optimized: true\n",
    ),
}


@pytest.fixture(scope="module")
def deployed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FleetProject]:
    """The sample fleet, deployed once: no test here changes the stack."""
    project = FleetProject(tmp_path_factory.mktemp("same-plan") / "fleet")
    project.bandplan("up", "--engine", "embedded", "--no-query")
    yield project
    process.stop(project.stub_folder)


def test_both_engines_plan_the_same_for_a_new_stack(fleet: FleetProject) -> None:
    assert plan_of(fleet.preview("pulumi")) == plan_of(fleet.preview("embedded"))


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS.keys())
def test_both_engines_plan_the_same_for_every_edit_of_the_sample(deployed: FleetProject, edit: tuple[str, str]) -> None:
    old, new = edit
    sample = without_registrations(SAMPLE.read_text())
    is_split = old.startswith("traffic_percent")
    deployed.write_models(sample.replace("traffic_percent: 10", "traffic_percent: 20") if is_split else sample)
    deployed.edit(old, new)
    theirs, ours = deployed.preview("pulumi"), deployed.preview("embedded")
    assert plan_of(ours)
    assert plan_of(ours) == plan_of(theirs)
    assert ours["changeSummary"] == theirs["changeSummary"]


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.yaml")))
def test_both_engines_plan_the_same_for_each_example(fleet: FleetProject, example: str) -> None:
    fleet.write_models((Path(ROOT) / "examples" / example).read_text())

    theirs, ours = fleet.preview("pulumi"), fleet.preview("embedded")

    assert plan_of(ours)
    assert plan_of(ours) == plan_of(theirs)
    assert ours["changeSummary"] == theirs["changeSummary"]
