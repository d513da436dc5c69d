"""databricks-sdk (Python): what its waiters and its retries make of failures, slowness and throttling."""

from datetime import timedelta
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.target import ENDPOINTS, Target

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

pytestmark = pytest.mark.stub_only


def config(serving: ModuleType, target: Target, chunks: int = 1) -> Any:
    entity = serving.ServedEntityInput.from_dict(target.bands(high=chunks))
    return serving.EndpointCoreConfigInput(name="ignored", served_entities=[entity])


def test_s18_failed_create_raises_and_the_endpoint_says_why(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    from databricks.sdk.errors import OperationFailed

    reason = "Not enough GPU capacity in this region."
    target.ok("POST", "/stub/faults", {"endpoint": name, "reason": reason})
    with pytest.raises(OperationFailed, match="UPDATE_FAILED"):
        sdk.serving_endpoints.create_and_wait(name, config=config(serving, target))
    failed = sdk.serving_endpoints.get(name)
    assert (failed.state.ready.value, failed.state.config_update.value) == ("NOT_READY", "UPDATE_FAILED")
    (entity,) = failed.pending_config.served_entities
    assert (entity.state.deployment.value, entity.state.deployment_state_message) == ("DEPLOYMENT_FAILED", reason)
    assert sdk.serving_endpoints.build_logs(name, entity.name).logs.strip().endswith(reason)


def test_s18_failed_update_keeps_the_old_config_serving(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    target.create(name)
    target.ok("POST", "/stub/faults", {"endpoint": name, "operation": "update", "reason": "no GPU"})
    sdk.serving_endpoints.update_config(name, served_entities=config(serving, target, 2).served_entities)
    target.settle(name)
    failed = sdk.serving_endpoints.get(name)
    assert (failed.state.ready.value, failed.state.config_update.value) == ("READY", "UPDATE_FAILED")
    assert (failed.config.config_version, failed.pending_config.config_version) == (1, 2)
    message = serving.ChatMessage(role=serving.ChatMessageRole.USER, content="still there?")
    assert sdk.serving_endpoints.query(name, messages=[message]).choices


def test_s19_wait_that_runs_out_of_time_leaves_the_endpoint_to_become_ready(
    sdk: "WorkspaceClient", serving: ModuleType, target: Target, name: str
) -> None:
    target.ok("PUT", f"/stub/endpoints/{name}/settle", {"rule": "manual"})
    with pytest.raises(TimeoutError):
        sdk.serving_endpoints.create_and_wait(name, config=config(serving, target), timeout=timedelta(seconds=0.5))
    assert sdk.serving_endpoints.get(name).state.config_update.value == "IN_PROGRESS"
    target.ok("POST", f"/stub/endpoints/{name}/settle")
    ready = sdk.serving_endpoints.wait_get_serving_endpoint_not_updating(name)
    assert ready.state.ready.value == "READY"


@pytest.mark.parametrize(("status", "code"), [(429, "REQUEST_LIMIT_EXCEEDED"), (503, "TEMPORARILY_UNAVAILABLE")])
def test_throttled_request_is_repeated_after_the_time_that_the_workspace_names(
    sdk: "WorkspaceClient", target: Target, name: str, status: int, code: str
) -> None:
    target.create(name)
    fail(target, name, status=status, error_code=code, retry_after_seconds=1)
    assert sdk.serving_endpoints.get(name).name == name
    assert waiting_faults(target, name) == []


@pytest.mark.parametrize(
    ("status", "code", "error"),
    [
        (500, "INTERNAL_ERROR", "InternalError"),
        (504, "DEADLINE_EXCEEDED", "DeadlineExceeded"),
        (409, "RESOURCE_CONFLICT", "ResourceConflict"),
    ],
)
def test_other_failures_are_raised_at_once(
    sdk: "WorkspaceClient", target: Target, name: str, status: int, code: str, error: str
) -> None:
    from databricks.sdk import errors

    target.create(name)
    fail(target, name, status=status, error_code=code)
    with pytest.raises(getattr(errors, error)):
        sdk.serving_endpoints.get(name)
    assert sdk.serving_endpoints.get(name).name == name


def fail(target: Target, name: str, **fault: object) -> None:
    """Let the next read of the endpoint fail."""
    route = f"{ENDPOINTS}/{name}"
    target.ok("POST", "/stub/faults", {"route": route, "method": "GET", "action": "error", "times": 1, **fault})


def waiting_faults(target: Target, name: str) -> list[str]:
    waiting = target.ok("GET", "/stub/status")["route_faults"]
    return [fault["route"] for fault in waiting if fault["route"].endswith(name)]
