"""The `databricks` CLI: its commands for serving and models, and `databricks bundle` with its direct engine."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.contract.commands import CATALOG, SCHEMA, Command, command, needs
from tests.contract.target import ENDPOINTS, Target

MODELS = "/api/2.1/unity-catalog/models"

pytestmark = needs("databricks")

MESSAGES = json.dumps({"messages": [{"role": "user", "content": "Say hello"}], "max_tokens": 12})


@pytest.fixture
def databricks(target: Target, tmp_path: Path) -> Command:
    return command("databricks", tmp_path, target)


@pytest.fixture
def bundle(databricks: Command, target: Target, name: str) -> Iterator[Callable[..., Command]]:
    """Writes a bundle of one endpoint in bands, with permissions; gives the command that deploys it."""

    def write(high: int = 1, endpoint_name: str = name, **resources: Any) -> Command:
        chat = {
            "name": endpoint_name,
            "config": {"served_entities": [target.bands(high=high)]},
            "tags": [{"key": "team", "value": "ml"}],
            "permissions": [{"level": "CAN_QUERY", "group_name": "users"}],
        }
        project = {
            "bundle": {"name": name, "engine": "direct"},
            "resources": {"model_serving_endpoints": {"chat": chat, **resources.pop("endpoints", {})}, **resources},
        }
        # JSON is YAML.
        (databricks.folder / "databricks.yml").write_text(json.dumps(project))
        return databricks

    yield write
    if (databricks.folder / "databricks.yml").exists():
        databricks.run("bundle", "destroy", "--auto-approve")


def planned(databricks: Command) -> dict[str, str]:
    """Resource -> action, of what `bundle plan` would change."""
    plan = databricks.json("bundle", "plan", "--output", "json")["plan"]
    return {key.removeprefix("resources."): entry["action"] for key, entry in plan.items() if entry["action"] != "skip"}


def registered_name(name: str) -> str:
    """Full name of the model that goes with an endpoint's name."""
    return f"{CATALOG}.{SCHEMA}.{name.replace('-', '_')}"


CHAT = "model_serving_endpoints.chat"


def test_a_bundle_is_deployed_then_plans_nothing_then_changes_a_band_in_place(
    bundle: Callable[..., Command], target: Target, name: str
) -> None:
    databricks = bundle()
    databricks.ok("bundle", "validate")
    assert planned(databricks) == {CHAT: "create", f"{CHAT}.permissions": "create"}
    databricks.ok("bundle", "deploy")
    assert planned(databricks) == {}
    first = target.ok("GET", f"{ENDPOINTS}/{name}")

    bundle(high=2)
    # The permissions depend on the endpoint's id, which the plan of an update does not know.
    assert planned(databricks)[CHAT] == "update"
    databricks.ok("bundle", "deploy")
    assert planned(databricks) == {}
    changed = target.ok("GET", f"{ENDPOINTS}/{name}")
    assert changed["id"] == first["id"]
    assert changed["config"]["served_entities"][0]["max_provisioned_throughput"] == 2 * target.model("chat").chunk
    assert name in databricks.ok("bundle", "summary")


def test_a_bundle_replaces_a_renamed_endpoint_and_destroy_leaves_nothing(
    bundle: Callable[..., Command], target: Target, name: str
) -> None:
    databricks = bundle()
    databricks.ok("bundle", "deploy")
    bundle(endpoint_name=f"{name}-2")
    assert planned(databricks)[CHAT] == "recreate"
    databricks.ok("bundle", "deploy", "--auto-approve")
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404
    # This CLI keeps the old endpoint's id for the permissions of a recreated one; one more deploy heals that.
    assert planned(databricks) in ({}, {f"{CHAT}.permissions": "create"})
    databricks.ok("bundle", "deploy")
    assert planned(databricks) == {}

    databricks.ok("bundle", "destroy", "--auto-approve")
    assert target.send("GET", f"{ENDPOINTS}/{name}-2").status == 404
    assert planned(databricks) == {CHAT: "create", f"{CHAT}.permissions": "create"}


def test_a_bundle_deploys_model_units_and_a_registered_model_with_grants(
    bundle: Callable[..., Command], target: Target, name: str
) -> None:
    units, full_name = target.model("units"), registered_name(name)
    entity = {"name": "units", "entity_name": units.name, "entity_version": units.version}
    model = {
        "catalog_name": CATALOG,
        "schema_name": SCHEMA,
        "name": full_name.rpartition(".")[2],
        "grants": [{"principal": "account users", "privileges": ["EXECUTE"]}],
    }

    def resources(provisioned: int, comment: str) -> dict[str, Any]:
        served = {**entity, "provisioned_model_units": provisioned, "burst_scaling_enabled": True}
        return {
            "endpoints": {"units": {"name": f"{name}-units", "config": {"served_entities": [served]}}},
            "registered_models": {"tuned": {**model, "comment": comment}},
        }

    databricks = bundle(**resources(50, "Tuned"))
    databricks.ok("bundle", "deploy")
    assert planned(databricks) == {}
    grants = databricks.json("grants", "get", "function", full_name)
    assert grants["privilege_assignments"] == [{"principal": "account users", "privileges": ["EXECUTE"]}]

    bundle(**resources(100, "Tuned again"))
    assert planned(databricks) == {"model_serving_endpoints.units": "update", "registered_models.tuned": "update"}
    databricks.ok("bundle", "deploy")
    assert planned(databricks) == {}
    served = target.ok("GET", f"{ENDPOINTS}/{name}-units")["config"]["served_entities"]
    assert served[0]["provisioned_model_units"] == 100
    assert target.ok("GET", f"{MODELS}/{full_name}")["comment"] == "Tuned again"

    databricks.ok("bundle", "destroy", "--auto-approve")
    assert target.send("GET", f"{ENDPOINTS}/{name}-units").status == 404
    assert target.send("GET", f"{MODELS}/{full_name}").status == 404


@pytest.mark.stub_only
def test_a_bundle_whose_endpoint_failed_goes_on_with_it(
    bundle: Callable[..., Command], target: Target, name: str
) -> None:
    databricks = bundle()
    target.ok("POST", "/stub/faults", {"endpoint": name, "reason": "no GPU left", "operation": "create"})
    assert "UPDATE_FAILED" in databricks.refused("bundle", "deploy")
    assert planned(databricks)[CHAT] == "update"
    databricks.ok("bundle", "deploy")
    assert planned(databricks) == {}
    assert target.ok("GET", f"{ENDPOINTS}/{name}")["state"]["ready"] == "READY"


def test_a_bundle_in_development_mode_shares_its_folder_and_endpoint_as_it_says(
    databricks: Command, target: Target, name: str
) -> None:
    user = databricks.json("current-user", "me", "--output", "json")["userName"]
    permissions = [{"level": "CAN_MANAGE", "user_name": user}, {"level": "CAN_VIEW", "group_name": "users"}]
    project = {
        "bundle": {"name": name},
        "permissions": permissions,
        "targets": {"dev": {"mode": "development"}},
        "resources": {
            "model_serving_endpoints": {"chat": {"name": name, "config": {"served_entities": [target.bands()]}}}
        },
    }
    (databricks.folder / "databricks.yml").write_text(json.dumps(project))
    try:
        databricks.ok("bundle", "deploy")
        assert planned(databricks) == {}
        # The mode puts the user's name in front of what the bundle says.
        [made] = [row["name"] for row in target.ok("GET", ENDPOINTS)["endpoints"] if row["name"].endswith(name)]
        root = databricks.json("bundle", "validate", "--output", "json")["workspace"]["root_path"]
        folder = databricks.json("workspace", "get-status", root, "--output", "json")["object_id"]
        shared = databricks.json("permissions", "get", "directories", str(folder), "--output", "json")
        assert {"group_name": "users", "level": "CAN_READ"} in [
            {"group_name": row.get("group_name"), "level": row["all_permissions"][0]["permission_level"]}
            for row in shared["access_control_list"]
        ]
    finally:
        databricks.ok("bundle", "destroy", "--auto-approve")
    assert target.send("GET", f"{ENDPOINTS}/{made}").status == 404


def test_a_bundle_does_not_deploy_while_somebody_else_holds_its_lock(
    bundle: Callable[..., Command], target: Target, name: str
) -> None:
    databricks = bundle()
    state = databricks.json("bundle", "validate", "--output", "json")["workspace"]["state_path"]
    lock = databricks.folder / "deploy.lock"
    holder = {
        "ID": "6b5b8a04-0a38-4f1c-b0a3-0c2c8d9b7f11",
        "AcquisitionTime": "2026-01-01T00:00:00Z",
        "IsForced": False,
        "User": "somebody@example.com",
    }
    lock.write_text(json.dumps(holder))
    databricks.ok("workspace", "mkdirs", state)
    databricks.ok("workspace", "import", f"{state}/deploy.lock", "--file", str(lock), "--format", "RAW")
    assert "somebody@example.com" in databricks.refused("bundle", "deploy")
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404

    databricks.ok("bundle", "deploy", "--force-lock")
    assert planned(databricks) == {}


def test_commands_create_read_change_query_and_delete_an_endpoint(
    databricks: Command, target: Target, name: str
) -> None:
    def serving(*arguments: str, body: Any = None) -> Any:
        return databricks.json(
            "serving-endpoints", *arguments, *(() if body is None else ("--json", json.dumps(body))), "--output", "json"
        )

    created = serving("create", body={"name": name, "config": {"served_entities": [target.bands()]}})
    assert created["state"] == {"config_update": "NOT_UPDATING", "ready": "READY"}
    served = created["config"]["served_entities"][0]["name"]
    assert served == target.model("chat").served_name
    assert serving("get", name) == created
    assert name in [endpoint["name"] for endpoint in serving("list")]

    updated = serving("update-config", name, body={"served_entities": [target.bands(high=2)]})
    assert updated["config"]["config_version"] == 2
    tags = [{"key": "team", "value": "ml"}]
    assert serving("patch", name, body={"add_tags": tags})["tags"] == tags
    gateway = {"usage_tracking_config": {"enabled": True}}
    assert serving("put-ai-gateway", name, body=gateway) == gateway
    mails = {"email_notifications": {"on_update_failure": ["ml@example.com"]}}
    assert serving("update-notifications", name, body=mails)["email_notifications"] == mails["email_notifications"]

    answer = databricks.json("serving-endpoints", "query", name, "--json", MESSAGES, "--output", "json")
    assert answer["choices"][0]["message"]["role"] == "assistant"
    assert answer["usage"]["completion_tokens"] <= 12
    assert serving("build-logs", name, served)["logs"]
    assert "request_count_total" in databricks.ok("serving-endpoints", "export-metrics", name)

    databricks.ok("serving-endpoints", "delete", name)
    assert "does not exist" in databricks.refused("serving-endpoints", "get", name)


def test_commands_create_and_resize_an_endpoint_in_model_units(databricks: Command, target: Target, name: str) -> None:
    model = target.model("units")

    def config(units: int) -> dict[str, Any]:
        entity = {"entity_name": model.name, "entity_version": model.version, "provisioned_model_units": units}
        return {"served_entities": [entity]}

    body = json.dumps({"name": name, "config": config(50)})
    databricks.ok("serving-endpoints", "create-provisioned-throughput-endpoint", "--json", body)
    body = json.dumps({"config": config(100)})
    databricks.ok("serving-endpoints", "update-provisioned-throughput-endpoint-config", name, "--json", body)
    shown = databricks.json("serving-endpoints", "get", name, "--output", "json")
    assert shown["config"]["served_entities"][0]["provisioned_model_units"] == 100


def test_commands_read_and_change_the_permissions_of_an_endpoint(
    databricks: Command, target: Target, name: str
) -> None:
    endpoint_id = target.create(name)["id"]

    def levels(*arguments: str) -> dict[str, list[str]]:
        shown = databricks.json("serving-endpoints", *arguments, "--output", "json")
        return {
            next(value for key, value in row.items() if key.endswith("_name")): [
                permission["permission_level"] for permission in row["all_permissions"]
            ]
            for row in shown["access_control_list"]
        }

    def body(level: str) -> str:
        return json.dumps({"access_control_list": [{"group_name": "users", "permission_level": level}]})

    assert levels("set-permissions", endpoint_id, "--json", body("CAN_QUERY"))["users"] == ["CAN_QUERY"]
    assert levels("update-permissions", endpoint_id, "--json", body("CAN_VIEW"))["users"] == ["CAN_VIEW"]
    assert levels("get-permissions", endpoint_id)["users"] == ["CAN_VIEW"]
    known = databricks.json("serving-endpoints", "get-permission-levels", endpoint_id, "--output", "json")
    assert {row["permission_level"] for row in known["permission_levels"]} >= {"CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"}


def test_commands_keep_a_registered_model_and_its_grants(databricks: Command, name: str) -> None:
    full_name = registered_name(name)
    body = {"catalog_name": CATALOG, "schema_name": SCHEMA, "name": full_name.rpartition(".")[2], "comment": "first"}
    databricks.ok("registered-models", "create", "--json", json.dumps(body))
    databricks.ok("registered-models", "update", full_name, "--comment", "second")
    assert databricks.json("registered-models", "get", full_name, "--output", "json")["comment"] == "second"
    listed = databricks.json(
        *("registered-models", "list", "--catalog-name", CATALOG, "--schema-name", SCHEMA, "--output", "json")
    )
    assert full_name in [model["full_name"] for model in listed]
    changes = {"changes": [{"principal": "account users", "add": ["EXECUTE"]}]}
    databricks.ok("grants", "update", "function", full_name, "--json", json.dumps(changes))
    effective = databricks.json("grants", "get-effective", "function", full_name, "--output", "json")
    assert [row["principal"] for row in effective["privilege_assignments"]] == ["account users"]
    databricks.ok("registered-models", "delete", full_name)
    assert "does not exist" in databricks.refused("registered-models", "get", full_name)


def test_commands_read_the_versions_of_a_system_model(databricks: Command, target: Target) -> None:
    model = target.model("chat")
    versions = databricks.json("model-versions", "list", model.name, "--output", "json")
    assert int(model.version) in [version["version"] for version in versions]
    shown = databricks.json("model-versions", "get", model.name, model.version, "--output", "json")
    assert shown["status"] == "READY"


def test_commands_keep_files_of_the_workspace(databricks: Command, name: str) -> None:
    home = f"/Workspace/Users/{databricks.json('current-user', 'me', '--output', 'json')['userName']}"
    folder, content = f"{home}/{name}/deep", "a line\n"
    file = databricks.folder / "notes.txt"
    file.write_text(content)
    databricks.ok("workspace", "mkdirs", folder)
    upload = ("workspace", "import", f"{folder}/notes.txt", "--file", str(file), "--format", "RAW")
    databricks.ok(*upload)
    assert "already exists" in databricks.refused(*upload)
    databricks.ok(*upload, "--overwrite")
    assert databricks.ok("workspace", "export", f"{folder}/notes.txt") == content
    listed = databricks.json("workspace", "list", folder, "--output", "json")
    assert [(entry["path"], entry["object_type"]) for entry in listed] == [(f"{folder}/notes.txt", "FILE")]
    assert "not empty" in databricks.refused("workspace", "delete", f"{home}/{name}")
    databricks.ok("workspace", "delete", f"{home}/{name}", "--recursive")
    assert "doesn't exist" in databricks.refused("workspace", "get-status", f"{folder}/notes.txt")
