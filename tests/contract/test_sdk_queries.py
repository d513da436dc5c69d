"""databricks-sdk (Python): queries, through the workspace and through the data plane."""

from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.contract.target import Target

if TYPE_CHECKING:
    from databricks.sdk import WorkspaceClient

EndpointOf = Callable[[str], str]


def test_chat(sdk: "WorkspaceClient", serving: ModuleType, target: Target, endpoint_of: EndpointOf) -> None:
    message = serving.ChatMessage(role=serving.ChatMessageRole.USER, content="Say hello.")
    answer = sdk.serving_endpoints.query(
        endpoint_of("chat"),
        messages=[message],
        max_tokens=3,
        temperature=0.1,
        stop=["never"],
        n=1,
        client_request_id="request-1",
        usage_context={"team": "search"},
        extra_params={"top_p": "0.9"},
    )
    (choice,) = answer.choices
    assert (choice.message.role, answer.object) == (
        serving.ChatMessageRole.ASSISTANT,
        serving.QueryEndpointResponseObject.CHAT_COMPLETION,
    )
    assert choice.message.content
    assert answer.usage.completion_tokens == 3
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 3
    assert answer.served_model_name == target.model("chat").served_name


def test_completions(sdk: "WorkspaceClient", serving: ModuleType, endpoint_of: EndpointOf) -> None:
    answer = sdk.serving_endpoints.query(endpoint_of("completions"), prompt=["Hello", "World"], max_tokens=2)
    assert answer.object == serving.QueryEndpointResponseObject.TEXT_COMPLETION
    assert [choice.index for choice in answer.choices] == [0, 1]
    assert all(choice.text for choice in answer.choices)


def test_embeddings(sdk: "WorkspaceClient", serving: ModuleType, endpoint_of: EndpointOf) -> None:
    answer = sdk.serving_endpoints.query(endpoint_of("embeddings"), input=["one", "two"])
    assert answer.object == serving.QueryEndpointResponseObject.LIST
    assert [(row.index, len(row.embedding)) for row in answer.data] == [(0, 1024), (1, 1024)]


def test_s29_the_four_formats_give_predictions(
    sdk: "WorkspaceClient", serving: ModuleType, endpoint_of: EndpointOf
) -> None:
    query, name = sdk.serving_endpoints.query, endpoint_of("completions")
    split = serving.DataframeSplitInput(columns=["prompt"], data=[["Hello"]], index=[0])
    for answer in (
        query(name, dataframe_split=split),
        query(name, dataframe_records=[{"prompt": "Hello"}]),
        query(name, instances=[{"prompt": "Hello"}]),
        query(name, inputs={"prompt": ["Hello"]}),
    ):
        assert len(answer.predictions) == 1


@pytest.mark.stub_only
def test_route_optimized_endpoint_is_queried_with_a_token_of_its_own(
    serving: ModuleType, target: Target, name: str
) -> None:
    from databricks.sdk import WorkspaceClient
    from databricks.sdk.config import Config

    from bandplan.stub.api.identity.oauth import SERVICE_PRINCIPAL_ID

    target.create(name, route_optimized=True)
    config = Config(host=target.host, client_id=SERVICE_PRINCIPAL_ID, client_secret=target.token, auth_type="oauth-m2m")
    client = WorkspaceClient(config=config)
    shown = client.serving_endpoints.get(name)
    assert shown.endpoint_url == shown.data_plane_info.query_info.endpoint_url
    message = serving.ChatMessage(role=serving.ChatMessageRole.USER, content="Say hello.")
    assert client.serving_endpoints_data_plane.query(name, messages=[message]).choices
    assert target.token not in client.config.authenticate()["Authorization"]
