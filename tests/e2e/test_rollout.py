"""A version that gets its traffic in steps, goes back, and capacity of which less is accepted: from edit to endpoint."""

import shutil
from typing import Any

import pytest

from tests.checkpoints import write_logged
from tests.e2e.conftest import FleetProject, by_name, plan_of
from tests.e2e.test_registered_versions import REGISTERED, make_version
from tests.provider.version_bench import MLFLOW_MODEL

ONE = """\
version: 1
models:
  # the desk
  - name: support-chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"  # Ana's choice
    throughput: {bands: {min: 1, max: 1}}
    rollout: {steps: [10, 50, 100], hold_minutes: 0}
"""
WANTED = ONE.replace("max: 1", "want: 5, accept: 2").split("    rollout:")[0]
CHUNK = 980


def routes(config: dict[str, Any]) -> list[tuple[str, int]]:
    """(version, percent) of each route; names end with the version."""
    traffic = config.get("traffic_config") or config["trafficConfig"]
    return [
        (str(route.get("served_entity_name") or route["servedEntityName"])[-1], percent)
        for route in traffic["routes"]
        for percent in (route.get("traffic_percentage", route.get("trafficPercentage")),)
    ]


def traffic(fleet: FleetProject, name: str = "support-chat") -> list[tuple[str, int]]:
    return routes(fleet.endpoint(name)["config"])


def maximum(fleet: FleetProject) -> int:
    (entity,) = fleet.endpoint("support-chat")["config"]["served_entities"]
    return int(entity["max_provisioned_throughput"])


def planned(digest: dict[str, Any]) -> list[tuple[str, int]]:
    """The routes that a preview plans for the endpoint."""
    (step,) = [s for s in digest["steps"] if s["urn"].split("::")[2].endswith(":ModelServing")]
    return routes(step["newState"]["inputs"]["config"])


def told(digest: dict[str, Any]) -> str:
    return "".join(one["message"] for one in digest.get("diagnostics", []))


def up(fleet: FleetProject, engine: str = "embedded", **extra: str) -> str:
    return fleet.bandplan("up", "--engine", engine, "--no-query", **extra)


def test_version_goes_in_steps_past_a_failure_and_comes_back(fleet: FleetProject) -> None:
    fleet.write_models(ONE)
    up(fleet)
    assert traffic(fleet) == [("1", 100)]  # a first creation takes no steps

    # A version that does not come up gets no traffic, and the old one keeps serving.
    fleet.edit('version: "1"', 'version: "2"')
    fault = {"endpoint": "support-chat", "reason": "CUDA error", "operation": "update"}
    fleet.request("POST", "/stub/faults", {**fault, "entity": "llama_v3_3_70b_instruct-2"})
    assert fleet.run("up", "--engine", "embedded", "--no-query").returncode == 1
    assert traffic(fleet) == [("1", 100)]
    assert fleet.endpoint("support-chat")["state"]["ready"] == "READY"

    # What the preview plans is what `up` does: one step.
    preview = fleet.preview("embedded")
    assert "step 1 of 3: version 2 from 0 to 10 percent" in told(preview) and "CUDA error" in told(preview)
    up(fleet)
    assert traffic(fleet) == planned(preview) == [("1", 90), ("2", 10)]

    # On hold nothing changes, and the preview says until when.
    fleet.edit("hold_minutes: 0", "hold_minutes: 30")
    held = fleet.preview("embedded")
    assert by_name(held) == {}
    assert "stays at step 1 of 3" in told(held) and "UTC (hold_minutes: 30)" in told(held)

    fleet.edit("hold_minutes: 30", "hold_minutes: 0")
    up(fleet)
    assert traffic(fleet) == [("1", 50), ("2", 50)]

    # Back at once, where the old version still serves: the traffic now, the rest by the next `up`.
    shown = fleet.bandplan("rollback", "support-chat", "--engine", "embedded")
    assert "version 1: 50 -> 100 percent" in shown and "Nothing was changed" in shown
    assert traffic(fleet) == [("1", 50), ("2", 50)]
    fleet.bandplan("rollback", "support-chat", "--engine", "embedded", "--yes")
    assert traffic(fleet) == [("1", 100), ("2", 0)]
    assert fleet.models == ONE  # the comments too
    up(fleet)
    assert traffic(fleet) == [("1", 100)]
    assert by_name(fleet.preview("embedded")) == {}

    # Back at once, where it no longer serves: by an `up` without steps.
    fleet.edit('version: "1"', 'version: "2"')
    up(fleet, BANDPLAN_AT_ONCE="support-chat")
    assert traffic(fleet) == [("2", 100)]
    fleet.bandplan("rollback", "support-chat", "--engine", "embedded", "--to", "1", "--yes")
    assert traffic(fleet) == [("1", 100)]
    assert fleet.models == ONE


def test_version_that_the_deploy_registers_goes_in_steps_too(fleet: FleetProject) -> None:
    fleet.write_models(REGISTERED + "    rollout: {steps: [10, 100]}\n")
    write_logged(fleet.root / "model", MLFLOW_MODEL)
    fleet.bandplan("stub", "start")
    make_version(fleet)
    up(fleet)
    assert traffic(fleet, "chat") == [("1", 100)]

    (fleet.root / "model" / "more").write_text("x")
    assert "the version that this deployment registers starts at 10 percent" in told(fleet.preview("embedded"))
    make_version(fleet)
    assert "step 1 of 2: version 2 from 0 to 10 percent" in up(fleet)
    assert traffic(fleet, "chat") == [("1", 90), ("2", 10)]
    up(fleet)
    assert traffic(fleet, "chat") == [("2", 100)]
    assert by_name(fleet.preview("embedded")) == {}


def test_s18_accepted_capacity_serves_until_there_is_room_and_what_runs_is_never_lowered(fleet: FleetProject) -> None:
    """The region has room for 4 chunks: 5 are wanted, 2 will do."""
    fleet.write_models(WANTED)
    fleet.bandplan("stub", "start", "--scenario", "capacity-runs-out")

    said = up(fleet)

    assert maximum(fleet) == 2 * CHUNK
    assert "runs 1,960 of 4,900 tokens/s wanted (1,960 accepted)" in said
    assert "980 to 4,900, runs 1,960 (accepts 1,960)" in said  # in the table
    fleet.bandplan("refresh", "--engine", "embedded")
    again = fleet.preview("embedded")
    assert by_name(again) == {"EndpointReady support-chat-ready": "update"}
    assert "Not enough GPU capacity in this region" in told(again)

    fleet.edit("want: 5", "want: 4")
    up(fleet)
    assert maximum(fleet) == 4 * CHUNK
    fleet.bandplan("refresh", "--engine", "embedded")
    assert by_name(fleet.preview("embedded")) == {}
    assert maximum(fleet) == 4 * CHUNK

    fleet.bandplan("destroy", "--engine", "embedded")
    assert fleet.endpoint_names() == set()


@pytest.mark.pulumi_cli
@pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH")
@pytest.mark.timeout(600)
def test_both_engines_plan_every_step_alike_and_either_goes_on(fleet: FleetProject) -> None:
    fleet.write_models(ONE)
    up(fleet)
    fleet.edit('version: "1"', 'version: "2"')
    for deploying, shares in (
        ("pulumi", [("1", 90), ("2", 10)]),
        ("embedded", [("1", 50), ("2", 50)]),
        ("pulumi", [("2", 100)]),
    ):
        theirs, ours = fleet.preview("pulumi"), fleet.preview("embedded")
        assert plan_of(ours) == plan_of(theirs)
        assert planned(ours) == planned(theirs) == shares
        assert "rollout: step" in told(ours) and "rollout: step" in told(theirs)
        up(fleet, deploying)
        assert traffic(fleet) == shares
    assert plan_of(fleet.preview("pulumi")) == plan_of(fleet.preview("embedded")) == {}


@pytest.mark.pulumi_cli
@pytest.mark.skipif(shutil.which("pulumi") is None, reason="no `pulumi` on PATH")
@pytest.mark.timeout(600)
def test_s18_both_engines_keep_the_wanted_capacity_after_a_refresh(fleet: FleetProject) -> None:
    fleet.write_models(WANTED)
    fleet.bandplan("stub", "start", "--scenario", "capacity-runs-out")
    up(fleet, "pulumi")
    assert maximum(fleet) == 2 * CHUNK
    assert plan_of(fleet.preview("pulumi")) == plan_of(fleet.preview("embedded")) != {}
    fleet.edit("want: 5", "want: 4")
    up(fleet, "embedded")
    fleet.bandplan("refresh", "--engine", "pulumi")
    assert plan_of(fleet.preview("pulumi")) == plan_of(fleet.preview("embedded")) == {}
    up(fleet, "pulumi")
    assert maximum(fleet) == 4 * CHUNK
