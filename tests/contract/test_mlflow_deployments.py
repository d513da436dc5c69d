"""MLflow's deployments client: `get_deploy_client("databricks")`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.target import ENDPOINTS, Target

if TYPE_CHECKING:
    from mlflow.deployments import DatabricksDeploymentClient

EndpointOf = Callable[[str], str]

CHAT = {"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 5}


@pytest.fixture
def deployments(databricks_environment: Target) -> "DatabricksDeploymentClient":
    from mlflow.deployments import get_deploy_client

    return get_deploy_client("databricks")


def test_endpoint_is_created_listed_read_changed_and_deleted(
    deployments: "DatabricksDeploymentClient", target: Target, name: str
) -> None:
    made = deployments.create_endpoint(config={"name": name, "config": {"served_entities": [target.bands()]}})
    assert (made.name, made.state.config_update) == (name, "IN_PROGRESS")
    target.settle(name)
    assert name in [endpoint["name"] for endpoint in deployments.list_endpoints()]
    shown = deployments.get_endpoint(name)
    assert (shown.id, shown.state.ready, shown.config.config_version) == (made.id, "READY", 1)
    wider = {"served_entities": [target.bands(high=2)]}
    assert deployments.update_endpoint_config(name, wider).pending_config.config_version == 2
    ceiling = target.settle(name)["config"]["served_entities"][0]["max_provisioned_throughput"]
    assert ceiling == 2 * target.model("chat").chunk
    tags = {"add_tags": [{"key": "project", "value": "test"}]}
    assert deployments.update_endpoint_tags(name, tags) == {"tags": tags["add_tags"]}
    limits = {"rate_limits": [{"calls": 1000, "key": "endpoint", "renewal_period": "minute"}]}
    assert deployments.update_endpoint_rate_limits(name, limits) == limits
    gateway = {"usage_tracking_config": {"enabled": True}}
    assert deployments.update_endpoint_ai_gateway(name, gateway) == gateway
    assert deployments.get_endpoint(name).ai_gateway == gateway
    assert deployments.delete_endpoint(name) == {}
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404


def test_predict_answers_in_the_form_of_the_task(
    deployments: "DatabricksDeploymentClient", endpoint_of: EndpointOf
) -> None:
    chat = deployments.predict(endpoint=endpoint_of("chat"), inputs=CHAT)
    assert (chat["object"], chat["usage"]["completion_tokens"]) == ("chat.completion", 5)
    completion = deployments.predict(endpoint=endpoint_of("completions"), inputs={"prompt": "Hello"})
    assert completion["choices"][0]["text"]
    vectors = deployments.predict(endpoint=endpoint_of("embeddings"), inputs={"input": ["one", "two"]})
    assert [len(row["embedding"]) for row in vectors["data"]] == [1024, 1024]


def test_predict_stream_gives_the_same_answer_in_chunks(
    deployments: "DatabricksDeploymentClient", target: Target, endpoint_of: EndpointOf
) -> None:
    chunks = list(deployments.predict_stream(endpoint=endpoint_of("chat"), inputs=CHAT))
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert chunks[-1]["choices"][0]["finish_reason"] == "length"
    assert chunks[-1]["usage"]["completion_tokens"] == 5
    if target.is_stub:  # a real model may word it differently
        whole = deployments.predict(endpoint=endpoint_of("chat"), inputs=CHAT)["choices"][0]["message"]["content"]
        assert "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks) == whole


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda client: client.get_endpoint("bandplan-no-such"), "RESOURCE_DOES_NOT_EXIST"),
        (lambda client: client.create_endpoint(config={"name": "pt", "config": {}}), "INVALID_PARAMETER_VALUE"),
    ],
)
def test_refusal_arrives_with_its_code(
    deployments: "DatabricksDeploymentClient", call: Callable[[Any], Any], code: str
) -> None:
    from mlflow.exceptions import MlflowException
    from requests import HTTPError

    with pytest.raises((MlflowException, HTTPError)) as refused:
        call(deployments)
    assert code in str(refused.value)
