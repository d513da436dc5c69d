from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoints import Endpoints
from tests.workspace.fake_workspace import FakeWorkspace, Reply

# As a GET answers while version 2 is being deployed (docs.databricks.com REST reference, "Serving endpoints").
UPDATING = {
    "name": "chat",
    "id": "0123456789abcdef0123456789abcdef",
    "state": {"ready": "READY", "config_update": "IN_PROGRESS"},
    "config": {
        "config_version": 1,
        "served_entities": [
            {
                "name": "llama-1",
                "entity_name": "system.ai.llama",
                "entity_version": "1",
                "max_provisioned_throughput": 1960,
                "state": {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""},
                "creator": "me",
            }
        ],
        "traffic_config": {"routes": [{"served_model_name": "llama-1", "traffic_percentage": 100}]},
    },
    "pending_config": {
        "config_version": 2,
        "served_entities": [
            {"name": "llama-2", "state": {"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": "pulling"}}
        ],
    },
    "tags": [{"key": "team", "value": "ml"}, {"key": "flag"}],
    "email_notifications": {"on_update_failure": ["a@example.com"]},
}


def test_a_live_endpoint_has_both_configs_typed() -> None:
    live = LiveEndpoint.from_response(UPDATING)
    assert live.is_updating and not live.has_failed_update
    assert live.config is not None and live.pending_config is not None
    assert (live.config.version, live.pending_config.version) == (1, 2)
    assert live.config.traffic_percent == {"llama-1": 100}
    (entity,) = live.pending_config.entities
    assert (entity.name, entity.deployment, entity.message) == ("llama-2", "DEPLOYMENT_CREATING", "pulling")
    assert "creator" not in live.config.entities[0].settings
    assert live.tags == {"team": "ml", "flag": ""}
    assert live.email_notifications == {"on_update_failure": ("a@example.com",)}
    assert live.rate_limits is None


def test_a_bare_endpoint_is_readable() -> None:
    live = LiveEndpoint.from_response({"name": "x", "state": {"ready": "NOT_READY", "config_update": "NOT_UPDATING"}})
    assert live.config is None and live.pending_config is None and live.tags == {}


def test_a_config_update_is_top_level_in_one_family_and_wrapped_in_the_other(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    endpoints = Endpoints(client)
    endpoints.update_config("a b", "classic", {"served_entities": []})
    endpoints.update_config("p", "pt", {"served_entities": []})
    assert [(s.method, s.path, s.body) for s in workspace.seen] == [
        ("PUT", "/api/2.0/serving-endpoints/a%20b/config", {"served_entities": []}),
        ("PUT", "/api/2.0/serving-endpoints/pt/p/config", {"config": {"served_entities": []}}),
    ]


def test_the_other_changes_go_to_their_own_paths(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    endpoints = Endpoints(client)
    endpoints.patch_notifications("x", {"on_update_failure": ["a@example.com"], "on_update_success": []})
    endpoints.patch_tags("x", [{"key": "k", "value": "v"}], ["old"])
    endpoints.put_rate_limits("x", [{"calls": 5, "key": "user", "renewal_period": "minute"}])
    endpoints.put_ai_gateway("x", {"usage_tracking_config": {"enabled": True}})
    root = "/api/2.0/serving-endpoints/x"
    assert [(s.method, s.path, s.body) for s in workspace.seen] == [
        (
            "PATCH",
            f"{root}/notifications",
            {"email_notifications": {"on_update_failure": ["a@example.com"], "on_update_success": []}},
        ),
        ("PATCH", f"{root}/tags", {"add_tags": [{"key": "k", "value": "v"}], "delete_tags": ["old"]}),
        ("PUT", f"{root}/rate-limits", {"rate_limits": [{"calls": 5, "key": "user", "renewal_period": "minute"}]}),
        ("PUT", f"{root}/ai-gateway", {"usage_tracking_config": {"enabled": True}}),
    ]


def test_the_end_of_the_build_log_is_read_and_the_service_log_where_there_is_none(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    logs = {"build-logs": "\n".join(f"line {n}" for n in range(100)), "logs": "serving"}
    workspace.answer = lambda seen: Reply(body={"logs": logs[seen.path.rsplit("/", 1)[1]]})
    lines = Endpoints(client).last_log_lines("x", "llama-1")
    assert len(lines) == 20 and lines[-1] == "line 99"
    logs["build-logs"] = ""
    assert Endpoints(client).last_log_lines("x", "llama-1") == ("serving",)


def test_a_log_that_is_not_there_is_no_failure(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    workspace.in_turn(Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}))
    assert Endpoints(client).last_log_lines("x", "y") == ()
