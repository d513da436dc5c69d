"""Permissions on endpoints and grants on models."""

from typing import Any

import pytest

from tests.stub.stub_client import ENDPOINTS, MODELS, StubClient

PERMISSIONS = "/api/2.0/permissions/serving-endpoints"
GRANTS = "/api/2.1/unity-catalog/permissions/function"


def entry(group: str, level: str) -> dict[str, str]:
    return {"group_name": group, "permission_level": level}


def direct(reply: Any) -> dict[str, str]:
    """Principal to level, without what is inherited."""
    held = {}
    for row in reply["access_control_list"]:
        principal = next(row[key] for key in ("user_name", "group_name", "service_principal_name") if key in row)
        for permission in row["all_permissions"]:
            if not permission["inherited"]:
                held[principal] = permission["permission_level"]
    return held


def test_permissions_are_replaced_by_put_and_merged_by_patch(client: StubClient, name: str) -> None:
    path = f"{PERMISSIONS}/{client.create(name)['id']}"
    wanted = {
        "access_control_list": [
            entry("a", "CAN_QUERY"),
            {"service_principal_name": "sp", "permission_level": "CAN_VIEW"},
        ]
    }
    assert direct(client.ok("PUT", path, wanted)) == {"a": "CAN_QUERY", "sp": "CAN_VIEW"}
    client.ok("PATCH", path, {"access_control_list": [entry("a", "CAN_MANAGE"), entry("b", "CAN_VIEW")]})
    assert direct(client.ok("GET", f"{path}?")) == {"a": "CAN_MANAGE", "sp": "CAN_VIEW", "b": "CAN_VIEW"}
    client.ok("PUT", path, {"access_control_list": [entry("b", "CAN_QUERY")]})
    assert direct(client.ok("GET", path)) == {"b": "CAN_QUERY"}


def test_permissions_name_their_object_as_the_go_provider_needs(client: StubClient, name: str) -> None:
    endpoint_id = client.create(name)["id"]
    shown = client.ok("GET", f"{PERMISSIONS}/{endpoint_id}")
    assert (shown["object_id"], shown["object_type"]) == (f"/serving-endpoints/{endpoint_id}", "serving-endpoint")
    assert list(direct(shown).values()) == ["CAN_MANAGE"]
    inherited = [row for row in shown["access_control_list"] if row.get("group_name") == "admins"]
    assert inherited[0]["all_permissions"][0]["inherited"] is True


def test_permissions_are_keyed_by_id_not_by_name(client: StubClient, name: str) -> None:
    client.create(name)
    reply = client.send("GET", f"{PERMISSIONS}/{name}")
    assert (reply.status, reply.error_code) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_permissions_end_with_their_endpoint(client: StubClient, name: str) -> None:
    path = f"{PERMISSIONS}/{client.create(name)['id']}"
    client.ok("PUT", path, {"access_control_list": [entry("a", "CAN_QUERY")]})
    client.ok("DELETE", f"{ENDPOINTS}/{name}")
    assert client.send("GET", path).status == 404
    assert "a" not in direct(client.ok("GET", f"{PERMISSIONS}/{client.create(name)['id']}"))


def test_permission_levels_are_listed(client: StubClient, name: str) -> None:
    levels = client.ok("GET", f"{PERMISSIONS}/{client.create(name)['id']}/permissionLevels")["permission_levels"]
    assert [level["permission_level"] for level in levels] == ["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]


@pytest.mark.parametrize(
    "row",
    [
        entry("a", "CAN_FLY"),
        {"permission_level": "CAN_VIEW"},
        {"group_name": "a"},
        {"group_name": "a", "user_name": "b", "permission_level": "CAN_VIEW"},
    ],
)
def test_permission_that_cannot_be_is_refused(client: StubClient, name: str, row: dict[str, str]) -> None:
    path = f"{PERMISSIONS}/{client.create(name)['id']}"
    reply = client.send("PUT", path, {"access_control_list": [row]})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")


def made_model(client: StubClient, name: str) -> str:
    client.ok("POST", MODELS, {"name": name, "catalog_name": "ml", "schema_name": "own"})
    return f"ml.own.{name}"


def test_grants_are_removed_before_they_are_added(client: StubClient, name: str) -> None:
    path = f"{GRANTS}/{made_model(client, name)}"
    assert client.ok("GET", f"{path}?") == {"privilege_assignments": []}
    client.ok(
        "PATCH",
        path,
        {"changes": [{"principal": "a", "add": ["EXECUTE", "APPLY_TAG"]}, {"principal": "b", "add": ["EXECUTE"]}]},
    )
    client.ok(
        "PATCH",
        path,
        {
            "changes": [
                {"principal": "a", "add": ["MANAGE"], "remove": ["ALL_PRIVILEGES"]},
                {"principal": "b", "remove": ["EXECUTE"]},
            ]
        },
    )
    assert client.ok("GET", path) == {"privilege_assignments": [{"principal": "a", "privileges": ["MANAGE"]}]}


def test_grants_end_with_their_model(client: StubClient, name: str) -> None:
    model = made_model(client, name)
    client.ok("PATCH", f"{GRANTS}/{model}", {"changes": [{"principal": "a", "add": ["EXECUTE"]}]})
    client.ok("DELETE", f"{MODELS}/{model}")
    assert client.send("GET", f"{GRANTS}/{model}").status == 404
    made_model(client, name)
    assert client.ok("GET", f"{GRANTS}/{model}") == {"privilege_assignments": []}


def test_grants_follow_a_renamed_model(client: StubClient, name: str) -> None:
    model = made_model(client, name)
    client.ok("PATCH", f"{GRANTS}/{model}", {"changes": [{"principal": "a", "add": ["EXECUTE"]}]})
    client.ok("PATCH", f"{MODELS}/{model}", {"new_name": f"{name}-new"})
    assert client.send("GET", f"{MODELS}/{model}").status == 404
    assert client.ok("GET", f"{GRANTS}/{model}-new")["privilege_assignments"] == [
        {"principal": "a", "privileges": ["EXECUTE"]}
    ]
