"""The states of an endpoint, in plain HTTP: while it is made, changed, deleted."""

from typing import Any

from tests.contract.target import ENDPOINTS, PERMISSIONS, Target, refused


def state_of(endpoint: dict[str, Any]) -> tuple[str, str]:
    return endpoint["state"]["ready"], endpoint["state"]["config_update"]


def test_endpoint_that_is_made_shows_pending_config_only_and_ends_ready(target: Target, name: str) -> None:
    made = target.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [target.bands()]}})
    assert state_of(made) == ("NOT_READY", "IN_PROGRESS")
    assert not made.get("config", {}).get("served_entities")
    assert made["pending_config"]["config_version"] == 1
    (entity,) = made["pending_config"]["served_entities"]
    assert entity["state"]["deployment"] == "DEPLOYMENT_CREATING"
    ready = target.settle(name)
    assert state_of(ready) == ("READY", "NOT_UPDATING")
    assert "pending_config" not in ready
    assert ready["id"] == made["id"]


def test_endpoint_without_config_settles_at_once_and_is_not_ready(target: Target, name: str) -> None:
    target.ok("POST", ENDPOINTS, {"name": name})
    assert state_of(target.ok("GET", f"{ENDPOINTS}/{name}")) == ("NOT_READY", "NOT_UPDATING")


def test_update_while_updating_is_a_conflict(target: Target, name: str) -> None:
    target.create(name)
    config = {"served_entities": [target.bands(high=2)]}
    target.ok("PUT", f"{ENDPOINTS}/{name}/config", config)
    assert refused(target.send("PUT", f"{ENDPOINTS}/{name}/config", config)) == (409, "RESOURCE_CONFLICT")


def test_deleted_name_is_free_at_once_and_its_next_endpoint_has_another_id(target: Target, name: str) -> None:
    first = target.ok("POST", ENDPOINTS, {"name": name})
    assert target.ok("DELETE", f"{ENDPOINTS}/{name}") == {}
    assert refused(target.send("DELETE", f"{ENDPOINTS}/{name}")) == (404, "RESOURCE_DOES_NOT_EXIST")
    second = target.ok("POST", ENDPOINTS, {"name": name})
    assert second["id"] != first["id"]
    # The permissions of the deleted one stay readable, by its id alone.
    assert target.ok("GET", f"{PERMISSIONS}/{first['id']}")["object_id"] == f"/serving-endpoints/{first['id']}"
    assert refused(target.send("GET", f"{PERMISSIONS}/{name}")) == (400, "INVALID_PARAMETER_VALUE")


def test_query_before_the_endpoint_is_ready_is_503_with_a_time_to_come_again(target: Target, name: str) -> None:
    target.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": [target.bands()]}})
    answer = target.send("POST", f"/serving-endpoints/{name}/invocations", {"messages": []})
    assert refused(answer) == (503, "TEMPORARILY_UNAVAILABLE")
    assert int(answer.headers["retry-after"]) >= 1
