"""A preview that was reviewed is what is applied, or nothing is: with both engines, against the stub workspace."""

import json
from typing import Any

import pytest

from tests.e2e.conftest import SMALL, FleetProject

BAND = "bands: {min: 2, max: 4}"
RAISED = "bands: {min: 2, max: 6}"


def ceilings(fleet: FleetProject, name: str) -> list[int]:
    return [entity["max_provisioned_throughput"] for entity in fleet.endpoint(name)["config"]["served_entities"]]


def edit_by_hand(fleet: FleetProject, name: str, ceiling: int) -> None:
    """What someone does in the workspace's own pages."""
    config = fleet.endpoint(name)["config"]
    kept = ("name", "entity_name", "entity_version", "min_provisioned_throughput")
    entities = [
        {**{key: entity[key] for key in kept}, "max_provisioned_throughput": ceiling}
        for entity in config["served_entities"]
    ]
    body = {"served_entities": entities, "traffic_config": config["traffic_config"]}
    fleet.request("PUT", f"/api/2.0/serving-endpoints/{name}/config", body)
    while fleet.endpoint(name)["state"]["config_update"] != "NOT_UPDATING":
        pass  # each look is a step of the stub's clock


def resources(fleet: FleetProject) -> Any:
    checkpoint = fleet.root / ".bandplan" / "state" / ".pulumi" / "stacks" / "bandplan" / "local.json"
    return json.loads(checkpoint.read_bytes())["checkpoint"]["latest"]["resources"]


def refused(fleet: FleetProject, engine: str) -> str:
    """The message of `up --plan plan.json`, which has to refuse and to change nothing."""
    before = resources(fleet), fleet.request("GET", "/api/2.0/serving-endpoints")
    done = fleet.run("up", "--engine", engine, "--plan", "plan.json")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "plan.json: the plan was not applied" in done.stderr
    assert (resources(fleet), fleet.request("GET", "/api/2.0/serving-endpoints")) == before
    return done.stderr


@pytest.mark.timeout(900)
def test_what_was_reviewed_is_what_is_applied_and_nothing_when_the_world_has_moved(
    fleet: FleetProject, engine: str
) -> None:
    """A chunk of support-chat's model is 980 tokens/s: 6 chunks are 5,880, 8 are 7,840."""
    fleet.write_models(SMALL)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    fleet.edit(BAND, RAISED)
    fleet.bandplan("preview", "--engine", engine, "--save-plan", "plan.json")

    # models.yaml is another one; someone has edited the endpoint that changes, and one that does not
    fleet.edit(RAISED, "bands: {min: 2, max: 8}")
    edit_by_hand(fleet, "support-chat", 7840)
    edit_by_hand(fleet, "passage-embeddings", 4080)
    told = refused(fleet, engine)
    assert "models.yaml: differs from the file that was previewed" in told
    assert (
        "step: ModelServing support-chat: update with other values than reviewed: config.servedEntities[0].max" in told
    )
    assert "workspace: endpoint support-chat: was changed: config.entities.llama_v3_3_70b_instruct-1.max_prov" in told
    assert "step: EndpointReady passage-embeddings-ready: update, which was not reviewed" in told
    fleet.edit("bands: {min: 2, max: 8}", RAISED)
    edit_by_hand(fleet, "support-chat", 3920)
    edit_by_hand(fleet, "passage-embeddings", 2720)

    # as it was: applied, and the plan is then used up
    done = fleet.bandplan("up", "--engine", engine, "--plan", "plan.json", "--no-query", "--record", "done.json")
    assert "the plan made " in done
    assert ceilings(fleet, "support-chat") == [5880]
    assert fleet.bandplan("report", "done.json").startswith("**<code>local</code>** changes 1 of 3 endpoints")
    assert "state: ModelServing support-chat: was changed in the state by another update" in refused(fleet, engine)


def test_a_preview_that_fails_leaves_no_plan_behind_not_even_an_older_one(fleet: FleetProject) -> None:
    fleet.write_models(SMALL.replace(BAND, "bands: {min: 4, max: 2}"))
    (fleet.root / "plan.json").write_text("{}")
    assert fleet.run("preview", "--engine", "embedded", "--save-plan", "plan.json").returncode == 2
    assert not (fleet.root / "plan.json").exists()
    done = fleet.run("up", "--engine", "embedded", "--plan", "plan.json")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "plan.json: No such file or directory; write one with `bandplan preview --save-plan" in done.stderr
