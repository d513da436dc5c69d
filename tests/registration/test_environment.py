from pathlib import Path

import pytest

from bandplan.serving.registration.mlflow_process.environment import process_environment
from bandplan.serving.registration.mlflow_process.tracking import experiment_name, tracking_uri
from bandplan.serving.registration.request import LogRequest, RegistrationRequest
from bandplan.serving.registration.sources.source import Source

TOKEN = "dapi-secret-0123456789"
LOCAL, REMOTE = "http://127.0.0.1:8080", "https://my-workspace.cloud.databricks.com"


def test_one_workspace_is_all_that_the_process_can_reach() -> None:
    environ = {
        "DATABRICKS_CONFIG_PROFILE": "prod",
        "DATABRICKS_CLIENT_SECRET": "s",
        "MLFLOW_RUN_ID": "r",
        "PATH": "/bin",
    }
    made = process_environment(environ, REMOTE, TOKEN, Path("/tmp/x"), Path("/code"))
    names = {"DATABRICKS_HOST": REMOTE, "DATABRICKS_TOKEN": TOKEN, "DATABRICKS_AUTH_TYPE": "pat"}
    assert {name: value for name, value in made.items() if name.startswith("DATABRICKS_")} == names
    assert "MLFLOW_RUN_ID" not in made
    assert made["PYTHONPATH"] == "/code"
    assert (made["PATH"], made["MLFLOW_REGISTRY_URI"], made["MLFLOW_TRACKING_URI"]) == (
        "/bin",
        "databricks-uc",
        "databricks",
    )


def test_nothing_is_told_to_anyone_else() -> None:
    made = process_environment({"MLFLOW_DISABLE_TELEMETRY": "false"}, REMOTE, TOKEN, Path("/tmp/x"), Path("/code"))
    assert (made["MLFLOW_DISABLE_TELEMETRY"], made["HF_HUB_OFFLINE"]) == ("true", "1")


def test_loopback_is_kept_from_proxies() -> None:
    assert (
        process_environment({"NO_PROXY": "a.example"}, LOCAL, TOKEN, Path("/tmp/x"), Path("/code"))["NO_PROXY"]
        == "a.example,127.0.0.1,localhost"
    )
    assert "NO_PROXY" not in process_environment({}, REMOTE, TOKEN, Path("/tmp/x"), Path("/code"))


@pytest.mark.parametrize(
    ("given", "is_loopback", "expected"),
    [
        ("", True, "databricks"),
        ("", False, "databricks"),
        ("https://mlflow.example", False, "https://mlflow.example"),
        ("https://mlflow.example", True, "databricks"),
        ("databricks://prod", False, "databricks://prod"),
        ("databricks://prod", True, "databricks"),
        ("http://127.0.0.1:5000", True, "http://127.0.0.1:5000"),
        ("sqlite:////tmp/runs.db", True, "sqlite:////tmp/runs.db"),
        ("/tmp/runs", True, "/tmp/runs"),
        ("http://[::1", True, "databricks"),
    ],
)
def test_runs_of_a_local_deploy_stay_on_this_machine(given: str, is_loopback: bool, expected: str) -> None:
    assert tracking_uri(given, is_loopback=is_loopback) == expected


def test_experiment_is_the_one_asked_for_then_mlflows_own_then_the_users() -> None:
    workspace = {"MLFLOW_TRACKING_URI": "databricks"}
    me = lambda: "me@example.com"  # noqa: E731
    assert experiment_name({**workspace, "MLFLOW_EXPERIMENT_NAME": "/Shared/x"}, "/Shared/mine", me) == "/Shared/mine"
    assert experiment_name({**workspace, "MLFLOW_EXPERIMENT_NAME": "/Shared/x"}, None, me) is None
    assert experiment_name({**workspace, "MLFLOW_EXPERIMENT_ID": "12"}, None, me) is None
    assert experiment_name(workspace, None, me) == "/Users/me@example.com/bandplan"
    assert experiment_name({"MLFLOW_TRACKING_URI": "/tmp/runs"}, None, me) == "bandplan"


def test_token_is_in_no_representation_of_a_request() -> None:
    source = Source("run", "runs:/a/b")
    assert TOKEN not in repr(LogRequest(source, "llm/v1/chat", LOCAL, TOKEN))
    assert TOKEN not in repr(RegistrationRequest("a.b.c", source, "sha256:0", None, LOCAL, TOKEN))
