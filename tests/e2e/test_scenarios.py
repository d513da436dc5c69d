"""`bandplan` against a workspace that misbehaves: a scenario of the stub, from `stub start` to what serves in the end."""

from tests.e2e.conftest import SMALL, FleetProject, by_name

FIVE = "version: 1\nmodels:\n" + "".join(
    f"  - {{name: e{number}, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: '1',"
    f" throughput: {{bands: {{min: 1, max: 2}}}}, tags: {{number: '{number}'}},"
    " permissions: [{group_name: users, permission_level: CAN_QUERY}]}\n"
    for number in range(5)
)


def test_s18_capacity_that_runs_out_is_told_with_the_platforms_reason_and_loses_nothing(fleet: FleetProject) -> None:
    # Room for 4 chunks: support-chat asks for 4, passage-embeddings for 2.
    fleet.write_models(SMALL)
    fleet.bandplan("stub", "start", "--scenario", "capacity-runs-out")

    failed = fleet.run("up", "--engine", "embedded", "--no-query")

    said = failed.stdout + failed.stderr
    assert failed.returncode == 1
    assert "Not enough GPU capacity in this region" in said
    assert "Traceback" not in said
    assert fleet.endpoint_names() == {"support-chat", "maverick-chat", "passage-embeddings"}
    identities = {name: fleet.endpoint(name)["id"] for name in fleet.endpoint_names()}
    ready = {name for name in identities if fleet.endpoint(name)["state"]["ready"] == "READY"}
    assert "maverick-chat" in ready and len(ready) == 2  # one of the two that share the chunks

    fleet.edit("bands: {min: 2, max: 4}", "bands: {min: 1, max: 2}")
    fleet.run("up", "--engine", "embedded", "--no-query")  # may try the other before this one has made room
    fleet.bandplan("up", "--engine", "embedded", "--no-query")

    assert {name: fleet.endpoint(name)["id"] for name in fleet.endpoint_names()} == identities
    assert all(fleet.endpoint(name)["state"]["ready"] == "READY" for name in identities)
    assert by_name(fleet.preview("embedded")) == {}


def test_flaky_network_is_survived_by_up_update_and_destroy(fleet: FleetProject) -> None:
    fleet.write_models(FIVE)
    fleet.bandplan("stub", "start", "--scenario", "flaky-network")

    fleet.bandplan("up", "--engine", "embedded", "--no-query")

    faults = fleet.request("GET", "/stub/status")["route_faults"]
    assert all(fault["seen"] >= fault["every"] for fault in faults[:4])  # it was flaky
    fleet.write_models(fleet.models.replace("max: 2", "max: 3"))
    fleet.bandplan("up", "--engine", "embedded", "--no-query")
    assert by_name(fleet.preview("embedded")) == {}
    fleet.request("DELETE", "/stub/faults")
    for number in range(5):
        endpoint = fleet.endpoint(f"e{number}")
        assert endpoint["config"]["served_entities"][0]["max_provisioned_throughput"] == 2940  # 3 chunks of 980
        assert {"key": "number", "value": str(number)} in endpoint["tags"]
    assert len(fleet.endpoint_names()) == 5
    fleet.bandplan("destroy", "--engine", "embedded")
    assert fleet.endpoint_names() == set()
