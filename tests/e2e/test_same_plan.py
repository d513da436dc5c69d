"""For every edit of the sample fleet and of each example, both engines plan the same steps."""

import shutil
from pathlib import Path

import pytest

from tests.e2e.conftest import ROOT, FleetProject, plan_of

pytestmark = [
    pytest.mark.pulumi_cli,
    pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH"),
    pytest.mark.timeout(1200),
]

EDITS = {
    "more of a band": ("bands: {min: 2, max: 4}", "bands: {min: 2, max: 5}"),
    "another version": ('version: "2"\n    throughput: {tokens', 'version: "1"\n    throughput: {tokens'),
    "a new name replaces": ("- name: drafting-chat", "- name: writing-chat"),
    "more model units": ("{model_units: 50}\n\n  - name: agent-chat", "{model_units: 100}\n\n  - name: agent-chat"),
    "another split": ("traffic_percent: 90", "traffic_percent: 80"),
    "a description": ("Answers customers in the help centre", "Answers customers"),
    "a tag": ("tags: {purpose: triage}", "tags: {purpose: routing}"),
    "other people": ("group_name: support-apps", "group_name: sales-apps"),
    "route optimised forces a new endpoint": (
        "- name: code-completions\n",
        "- name: code-completions\n    route_optimized: true\n",
    ),
}


def test_both_engines_plan_the_same_for_every_edit_of_the_sample(fleet: FleetProject) -> None:
    assert plan_of(fleet.preview("pulumi")) == plan_of(fleet.preview("embedded"))
    fleet.bandplan("up", "--engine", "embedded", "--no-query")
    sample = fleet.models
    for name, (old, new) in EDITS.items():
        text = sample.replace("traffic_percent: 10", "traffic_percent: 20") if name == "another split" else sample
        fleet.write_models(text)
        fleet.edit(old, new)
        theirs, ours = fleet.preview("pulumi"), fleet.preview("embedded")
        assert plan_of(ours), name
        assert plan_of(ours) == plan_of(theirs), name
        assert ours["changeSummary"] == theirs["changeSummary"], name


@pytest.mark.parametrize("example", sorted(path.name for path in (ROOT / "examples").glob("*.yaml")))
def test_both_engines_plan_the_same_for_each_example(fleet: FleetProject, example: str) -> None:
    fleet.write_models((Path(ROOT) / "examples" / example).read_text())

    theirs, ours = fleet.preview("pulumi"), fleet.preview("embedded")

    assert plan_of(ours)
    assert plan_of(ours) == plan_of(theirs)
    assert ours["changeSummary"] == theirs["changeSummary"]
