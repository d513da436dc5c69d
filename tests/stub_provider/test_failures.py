"""What goes wrong while an endpoint is written: it stays in the state, with the reason, and the next up corrects it."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pulumi.provider.experimental import provider as sdk

from bandplan.plugin.complete import complete
from bandplan.plugin.errors import InitFailed, ProviderError
from bandplan.plugin.values import property_values
from bandplan.stub.provider.databricks import DatabricksProvider

CLASSIC = "databricks:index/modelServing:ModelServing"
ENDPOINT = "/api/2.0/serving-endpoints/chat"


def fail_next(workspace_call: Any, operation: str) -> None:
    workspace_call("POST", "/stub/faults", {"endpoint": "chat", "reason": "no GPU left", "operation": operation})


def never_settles(proxy: Any) -> Callable[[Any], tuple[int, dict[str, Any], dict[str, str]] | None]:
    """Reads find the endpoint updating to what was posted last."""

    def answer(request: Any) -> tuple[int, dict[str, Any], dict[str, str]] | None:
        if request.method != "GET":
            return None
        posted = next(earlier.body for earlier in reversed(proxy.requests) if earlier.method == "POST")
        state = {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}
        return 200, {"name": "chat", "id": "f" * 32, "state": state, "pending_config": posted["config"]}, {}

    return answer


def test_failed_create_keeps_the_endpoint_and_tells_the_reason(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    fail_next(workspace_call, "create")
    _, resource = driver.up(CLASSIC, endpoint())
    assert resource.id == "chat"
    assert "UPDATE_FAILED" in resource.init_errors[0]
    assert "no GPU left" in " ".join(resource.init_errors)
    assert resource.init_errors[1].splitlines() == [
        "meta_llama_v3_1_8b_instruct-1: DEPLOYMENT_FAILED: no GPU left",
        "  last 3 lines of its build log:",
        "    [build] meta_llama_v3_1_8b_instruct-1: fetching model artifacts",
        "    [build] meta_llama_v3_1_8b_instruct-1: building the serving container",
        "    [build] meta_llama_v3_1_8b_instruct-1: ERROR no GPU left",
    ]
    assert not [line for line in proxy.trace() if line.startswith("DELETE")]


def test_failed_update_of_several_entities_tells_each_with_the_end_of_its_log(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    entities = [
        {"name": name, "entityName": "system.ai.meta_llama_v3_1_8b_instruct", "entityVersion": version}
        for name, version in (("old", "1"), ("new", "2"))
    ]

    def config(maximum: int) -> dict[str, Any]:
        served = [{**entity, "maxProvisionedThroughput": maximum} for entity in entities]
        routes = [{"servedEntityName": entity["name"], "trafficPercentage": 50} for entity in entities]
        return {"servedEntities": served, "trafficConfig": {"routes": routes}}

    driver.up(CLASSIC, endpoint(config=config(970)))
    workspace_call("POST", "/stub/faults", {"endpoint": "chat", "reason": "no GPU left", "entity": "new"})
    _, failed = driver.up(CLASSIC, endpoint(config=config(1940)))
    verdict, old, new = failed.init_errors
    assert "UPDATE_FAILED" in verdict
    assert old.startswith("old: DEPLOYMENT_ABORTED: ") and "lines of its build log" in old
    assert new.startswith("new: DEPLOYMENT_FAILED: no GPU left") and new.endswith("ERROR no GPU left")


def test_only_the_end_of_a_long_log_is_shown_and_no_log_is_passed_over(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    log = "".join(f"line {number} {'x' * 500}\n" for number in range(1, 31))
    proxy.before = lambda request: (200, {"logs": log}, {}) if request.path.endswith("/build-logs") else None
    fail_next(workspace_call, "create")
    _, resource = driver.up(CLASSIC, endpoint())
    _, heading, *lines = resource.init_errors[1].splitlines()
    assert heading == "  last 10 lines of its build log:"
    assert [line.split()[1] for line in lines] == [str(number) for number in range(21, 31)]
    assert max(map(len, lines)) <= 204

    missing: Any = (404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no log"}, {})
    proxy.before = lambda request: missing if request.path.endswith("/build-logs") else None
    fail_next(workspace_call, "update")
    _, resource = driver.up(CLASSIC, endpoint())
    assert resource.init_errors[1] == "meta_llama_v3_1_8b_instruct-1: DEPLOYMENT_FAILED: no GPU left"


def test_log_that_holds_the_token_is_shown_without_it(
    driver: Any, proxy: Any, running: Any, endpoint: Any, workspace_call: Any
) -> None:
    log = f"pulled with {running.token}\x1b[0m\n"
    proxy.before = lambda request: (200, {"logs": log}, {}) if request.path.endswith("/build-logs") else None
    fail_next(workspace_call, "create")
    _, resource = driver.up(CLASSIC, endpoint())
    assert resource.init_errors[1].endswith("    pulled with *** [0m")


def test_timeout_tells_how_far_each_entity_is_with_the_end_of_its_log(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    stuck: list[dict[str, Any]] = []

    def answer(request: Any) -> tuple[int, dict[str, Any], dict[str, str]] | None:
        if request.method != "GET" or request.path.endswith("/build-logs"):
            return None
        if not stuck:
            # The first look leaves the update under way; that picture is shown from then on.
            stuck.append(workspace_call("GET", ENDPOINT))
        return 200, stuck[0], {}

    proxy.before = answer
    _, resource = driver.up(CLASSIC, endpoint(), timeout_seconds=0.05)
    late, entity = resource.init_errors
    assert late == "serving endpoint chat: still updating after 0.05 s; run `up` again to keep waiting"
    assert entity.startswith("meta_llama_v3_1_8b_instruct-1: DEPLOYMENT_CREATING: ")
    assert "lines of its build log:\n    [build] meta_llama_v3_1_8b_instruct-1: fetching model artifacts\n" in entity


def test_up_after_a_failed_create_sends_the_config_again(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    fail_next(workspace_call, "create")
    driver.up(CLASSIC, endpoint())
    proxy.trace()
    operation, resource = driver.up(CLASSIC, endpoint())
    assert (operation, resource.init_errors) == ("update", [])
    assert proxy.trace()[0] == "PUT SE/chat/config"
    assert not driver.diff(CLASSIC, endpoint()).changes
    assert not driver.refresh()


def test_failed_update_keeps_the_old_config_in_the_state_and_the_next_up_sends_it_again(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    driver.up(CLASSIC, endpoint())
    fail_next(workspace_call, "update")
    wider = endpoint({"maxProvisionedThroughput": 2910})
    _, failed = driver.up(CLASSIC, wider)
    assert "no GPU left" in " ".join(failed.init_errors)
    assert failed.state["config"]["servedEntities"][0]["maxProvisionedThroughput"] == 1940
    proxy.trace()
    _, mended = driver.up(CLASSIC, wider)
    assert mended.init_errors == []
    assert proxy.trace()[0] == "PUT SE/chat/config"


def test_update_that_leaves_the_config_alone_is_not_blamed_for_one_of_somebody_else_that_failed(
    driver: Any, endpoint: Any, workspace_call: Any
) -> None:
    driver.up(CLASSIC, endpoint(tags=[{"key": "a", "value": "b"}]))
    (entity,) = workspace_call("GET", ENDPOINT)["config"]["served_entities"]
    named = {key: entity[key] for key in ("entity_name", "entity_version", "min_provisioned_throughput")}
    for chunks in (3, 4):
        if chunks == 4:
            fail_next(workspace_call, "update")
        served = [{**named, "max_provisioned_throughput": chunks * 970}]
        workspace_call("PUT", f"{ENDPOINT}/config", {"served_entities": served})
        while workspace_call("GET", ENDPOINT)["state"]["config_update"] == "IN_PROGRESS":
            pass
    _, resource = driver.up(CLASSIC, endpoint(tags=[{"key": "a", "value": "c"}]))
    assert resource.init_errors == []
    assert workspace_call("GET", ENDPOINT)["tags"] == [{"key": "a", "value": "c"}]


def test_timeout_of_a_create_keeps_the_endpoint_and_the_next_up_only_waits(
    driver: Any, proxy: Any, endpoint: Any
) -> None:
    proxy.before = never_settles(proxy)
    _, resource = driver.up(CLASSIC, endpoint(), timeout_seconds=0.05)
    assert resource.init_errors == [
        "serving endpoint chat: still updating after 0.05 s; run `up` again to keep waiting"
    ]
    proxy.before = lambda request: None
    proxy.trace()
    operation, resource = driver.up(CLASSIC, endpoint())
    assert (operation, resource.init_errors) == ("update", [])
    assert {line.split()[0] for line in proxy.trace()} == {"GET"}


def test_cancel_ends_the_wait_and_keeps_the_endpoint(driver: Any, proxy: Any, endpoint: Any) -> None:
    asked = threading.Event()
    answer = never_settles(proxy)

    def told(request: Any) -> Any:
        if request.method == "GET":
            asked.set()
        return answer(request)

    proxy.before = told
    created: list[Any] = []
    call = threading.Thread(target=lambda: created.append(driver.up(CLASSIC, endpoint())[1]))
    call.start()
    assert asked.wait(60)
    complete(driver.provider.cancel())
    call.join(60)
    assert created[0].id == "chat"
    assert "interrupted" in created[0].init_errors[0]


def test_workspace_that_dies_during_the_wait_leaves_the_endpoint_in_the_state(
    driver: Any, proxy: Any, endpoint: Any
) -> None:
    proxy.before = lambda request: (
        (500, {"error_code": "INTERNAL", "message": "died"}, {}) if request.method == "GET" else None
    )
    _, resource = driver.up(CLASSIC, endpoint())
    assert resource.id == "chat"
    assert "died" in resource.init_errors[0]


def test_lost_answer_to_a_create_finds_the_endpoint_that_was_made(driver: Any, proxy: Any, endpoint: Any) -> None:
    proxy.loses = lambda request: request.method == "POST"
    _, resource = driver.up(CLASSIC, endpoint())
    assert (resource.id, resource.init_errors) == ("chat", [])
    assert [line for line in proxy.trace() if line.startswith("POST")] == ["POST SE"]
    assert not driver.diff(CLASSIC, endpoint()).changes


def test_lost_answer_never_adopts_an_endpoint_that_differs(
    driver: Any, proxy: Any, endpoint: Any, workspace_call: Any
) -> None:
    driver.up(CLASSIC, endpoint(), name="first")
    proxy.loses = lambda request: request.method == "POST"
    with pytest.raises(ProviderError, match="differs from the one requested"):
        driver.up(CLASSIC, endpoint({"maxProvisionedThroughput": 2910}), name="second")


def test_throttled_requests_are_repeated(driver: Any, proxy: Any, endpoint: Any) -> None:
    answers = [(429, "REQUEST_LIMIT_EXCEEDED"), None, (503, "TEMPORARILY_UNAVAILABLE"), None]

    def throttle(request: Any) -> Any:
        due = answers.pop(0) if answers else None
        return None if due is None else (due[0], {"error_code": due[1], "message": "later"}, {})

    proxy.before = throttle
    _, resource = driver.up(CLASSIC, endpoint())
    assert resource.init_errors == []
    assert proxy.trace()[:4] == ["POST SE", "POST SE", "GET SE/chat", "GET SE/chat"]


def test_conflict_fails_at_once(driver: Any, proxy: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint())
    proxy.trace()
    conflict = (409, {"error_code": "RESOURCE_CONFLICT", "message": "is updating"}, {})
    proxy.before = lambda request: conflict if request.method == "PUT" else None
    with pytest.raises(ProviderError, match="409 RESOURCE_CONFLICT: is updating"):
        driver.up(CLASSIC, endpoint({"maxProvisionedThroughput": 2910}))
    assert proxy.trace() == ["PUT SE/chat/config"]


def test_refusal_of_a_create_is_told_and_nothing_is_kept(driver: Any, endpoint: Any) -> None:
    with pytest.raises(ProviderError, match="400 INVALID_PARAMETER_VALUE") as raised:
        driver.up(CLASSIC, endpoint({"maxProvisionedThroughput": 1}))
    assert not isinstance(raised.value, InitFailed)
    assert driver.resources == {}


def test_endpoint_that_exists_already_is_told_with_the_way_to_import_it(driver: Any, endpoint: Any) -> None:
    driver.up(CLASSIC, endpoint(), name="first")
    with pytest.raises(ProviderError, match="bandplan adopt chat --write"):
        driver.up(CLASSIC, endpoint(), name="second")


@pytest.mark.parametrize("host", ["https://example.cloud.databricks.com", "http://10.0.0.1:80", "ftp://127.0.0.1"])
def test_workspace_that_is_not_on_loopback_is_refused(host: str) -> None:
    with pytest.raises(ProviderError, match="not on a loopback address"):
        configure({"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": "dapi-secret"})


@pytest.mark.parametrize("host", ["http://127.0.0.1:9", "http://localhost:9"])
def test_workspace_that_is_not_there_is_named_by_host_and_port(host: str) -> None:
    with pytest.raises(ProviderError) as raised:
        configure({"DATABRICKS_HOST": host, "DATABRICKS_TOKEN": "dapi-secret"})
    assert host.removeprefix("http://") in str(raised.value)
    assert "dapi-secret" not in str(raised.value)


def test_missing_host_is_told_with_the_variable_to_set() -> None:
    with pytest.raises(ProviderError, match="set DATABRICKS_HOST"):
        configure({"DATABRICKS_TOKEN": "x"})


def test_host_of_the_provider_config_wins_over_the_environment() -> None:
    with pytest.raises(ProviderError, match=r"10\.9\.8\.7"):
        configure({"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "x"}, host="http://10.9.8.7")


def test_wrong_token_is_told_without_showing_it(proxy: Any, endpoint: Any) -> None:
    provider = configure({"DATABRICKS_HOST": proxy.url, "DATABRICKS_TOKEN": "dapi-wrong"})
    urn = f"urn:pulumi:local::bandplan::{CLASSIC}::chat"
    with pytest.raises(ProviderError, match="401 UNAUTHENTICATED") as raised:
        complete(provider.create(sdk.CreateRequest(urn, property_values(endpoint()), 0, False)))
    assert "dapi-wrong" not in str(raised.value)


def configure(environ: dict[str, str], **settings: str) -> DatabricksProvider:
    provider = DatabricksProvider(environ)
    complete(provider.configure(sdk.ConfigureRequest({}, property_values(settings), True, True)))
    return provider
