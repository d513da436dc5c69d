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
    wanted = {"access_control_list": [entry("a", "CAN_QUERY")]}
    for method, path, body in (("GET", "", None), ("PUT", "", wanted), ("GET", "/permissionLevels", None)):
        reply = client.send(method, f"{PERMISSIONS}/{name}{path}", body)
        assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
        assert reply.message == f"'{name}' is not a valid Inference Endpoint ID."
    assert client.send("GET", f"{PERMISSIONS}/{'0' * 32}").status == 404


def test_permissions_of_a_deleted_endpoint_stay_and_another_of_its_name_has_its_own(
    client: StubClient, name: str
) -> None:
    path = f"{PERMISSIONS}/{client.create(name)['id']}"
    client.ok("PUT", path, {"access_control_list": [entry("a", "CAN_QUERY")]})
    client.ok("DELETE", f"{ENDPOINTS}/{name}")
    assert direct(client.ok("GET", path)) == {"a": "CAN_QUERY"}
    assert direct(client.ok("PUT", path, {"access_control_list": [entry("b", "CAN_VIEW")]})) == {"b": "CAN_VIEW"}
    assert list(direct(client.ok("GET", f"{PERMISSIONS}/{client.create(name)['id']}")).values()) == ["CAN_MANAGE"]


def test_permissions_that_nobody_set_stay_too(client: StubClient, name: str) -> None:
    path = f"{PERMISSIONS}/{client.create(name)['id']}"
    before = client.ok("GET", path)
    client.ok("DELETE", f"{ENDPOINTS}/{name}")
    assert client.ok("GET", path) == before


def test_mail_addresses_are_kept_in_lower_case_and_groups_as_written(client: StubClient, name: str) -> None:
    path = f"{PERMISSIONS}/{client.create(name)['id']}"
    rows = [
        {"user_name": "Jane.Doe@Example.com", "permission_level": "CAN_VIEW"},
        {"user_name": "jane.doe@example.com", "permission_level": "CAN_QUERY"},
        entry("Data Team", "CAN_QUERY"),
    ]
    client.ok("PUT", path, {"access_control_list": rows})
    shown = client.ok("GET", path)
    assert direct(shown) == {"jane.doe@example.com": "CAN_QUERY", "Data Team": "CAN_QUERY"}
    assert [row.get("display_name") for row in shown["access_control_list"]] == ["jane.doe@example.com", None, None]


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


def test_privilege_added_and_removed_at_once_is_refused_and_nothing_changes(client: StubClient, name: str) -> None:
    path = f"{GRANTS}/{made_model(client, name)}"
    both = {"principal": "a", "add": ["EXECUTE", "MANAGE"], "remove": ["MANAGE"]}
    reply = client.send("PATCH", path, {"changes": [{"principal": "b", "add": ["EXECUTE"]}, both]})
    assert (reply.status, reply.error_code) == (400, "INVALID_PARAMETER_VALUE")
    assert reply.message == "Duplicate privileges to add and delete for principal a."
    assert client.ok("GET", path) == {"privilege_assignments": []}


def test_grants_keep_mail_addresses_in_lower_case(client: StubClient, name: str) -> None:
    path = f"{GRANTS}/{made_model(client, name)}"
    for who in ("User@Test.org", "Data Team"):
        client.ok("PATCH", path, {"changes": [{"principal": who, "add": ["EXECUTE", "APPLY_TAG"]}]})
    held = ["APPLY_TAG", "EXECUTE"]
    assert client.ok("GET", path)["privilege_assignments"] == [
        {"principal": "user@test.org", "privileges": held},
        {"principal": "Data Team", "privileges": held},
    ]
    assert client.ok("GET", f"{path}?principal=user@test.org")["privilege_assignments"] == [
        {"principal": "user@test.org", "privileges": held}
    ]


def test_schemas_and_catalogs_have_grants_that_a_model_inherits(client: StubClient, name: str) -> None:
    base = "/api/2.1/unity-catalog"
    client.ok("POST", f"{base}/catalogs", {"name": name})
    client.ok("POST", f"{base}/schemas", {"name": "s", "catalog_name": name})
    client.ok("POST", MODELS, {"name": "m", "catalog_name": name, "schema_name": "s"})
    client.ok("POST", "/stub/clock", {"advance_seconds": 1})
    places = {"FUNCTION": f"{name}.s.m", "SCHEMA": f"{name}.s", "CATALOG": name}
    for kind, full_name in places.items():
        change = {"changes": [{"principal": "a", "add": [f"MANAGE_{kind}"]}]}
        client.ok("PATCH", f"{base}/permissions/{kind}/{full_name}", change)
        assert client.ok("GET", f"{base}/permissions/{kind.lower()}/{full_name}")["privilege_assignments"] == [
            {"principal": "a", "privileges": [f"MANAGE_{kind}"]}
        ]
    (row,) = client.ok("GET", f"{base}/effective-permissions/function/{name}.s.m")["privilege_assignments"]
    changed = client.ok("GET", f"{base}/schemas/{name}.s")
    assert changed["updated_at"] > changed["created_at"]
    assert row["privileges"] == [
        {"privilege": "MANAGE_FUNCTION"},
        {"privilege": "MANAGE_SCHEMA", "inherited_from_type": "SCHEMA", "inherited_from_name": f"{name}.s"},
        {"privilege": "MANAGE_CATALOG", "inherited_from_type": "CATALOG", "inherited_from_name": name},
    ]
    client.ok("DELETE", f"{base}/catalogs/{name}?force=true")
    client.ok("POST", f"{base}/catalogs", {"name": name})
    assert client.ok("GET", f"{base}/permissions/catalog/{name}") == {"privilege_assignments": []}


def test_grants_of_what_is_not_there_and_of_other_securables_are_refused(client: StubClient, name: str) -> None:
    base = "/api/2.1/unity-catalog/permissions"
    for path, status in ((f"schema/main.{name}", 404), (f"catalog/{name}", 404), (f"recipe/{name}", 400)):
        assert client.send("GET", f"{base}/{path}").status == status


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
