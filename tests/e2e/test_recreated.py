"""An endpoint that somebody deleted or recreated: the permissions of its old id can still be read, and mislead nobody."""

from typing import Any

import pytest

from tests.e2e.conftest import FleetProject, by_name

ROOT = "/api/2.0/serving-endpoints"
MODELS = """\
version: 1
models:
  - name: chat
    task: llm/v1/chat
    model: system.ai.llama_v3_3_70b_instruct
    version: "1"
    throughput: {bands: {min: 1, max: 2}}
    permissions: [{user_name: Ana@Example.com, permission_level: CAN_QUERY}]
"""


def grants(fleet: FleetProject) -> dict[str, str]:
    acl: Any = fleet.request("GET", f"/api/2.0/permissions/serving-endpoints/{fleet.endpoint('chat')['id']}")
    return {
        row["user_name"]: row["all_permissions"][0]["permission_level"]
        for row in acl["access_control_list"]
        if "user_name" in row
    }


@pytest.mark.parametrize("is_made_anew", [False, True])
def test_permissions_are_given_to_the_endpoint_that_is_there_now(
    fleet: FleetProject, engine: str, is_made_anew: bool
) -> None:
    fleet.write_models(MODELS)
    fleet.bandplan("up", "--engine", engine, "--no-query")
    before = fleet.endpoint("chat")
    assert grants(fleet)["ana@example.com"] == "CAN_QUERY"
    fleet.request("DELETE", f"{ROOT}/chat")
    if is_made_anew:
        (entity,) = before["config"]["served_entities"]
        served = {key: entity[key] for key in ("name", "entity_name", "entity_version", "max_provisioned_throughput")}
        fleet.request("POST", ROOT, {"name": "chat", "config": {"served_entities": [served]}})
        fleet.request("POST", "/stub/endpoints/chat/settle")

    fleet.bandplan("up", "--refresh", "--engine", engine, "--no-query")

    assert fleet.endpoint("chat")["id"] != before["id"]
    assert grants(fleet)["ana@example.com"] == "CAN_QUERY"
    assert by_name(fleet.preview(engine)) == {}
    assert "no drift" in fleet.bandplan("drift", "--engine", engine)
