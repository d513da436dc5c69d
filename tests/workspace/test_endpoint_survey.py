import pytest

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.endpoint_access import Grant
from bandplan.serving.workspace.endpoint_survey import listed, survey_endpoints
from bandplan.serving.workspace.errors import Unauthorized
from tests.workspace.fake_workspace import FakeWorkspace, Reply, Seen

DIRECT = {"group_name": "apps", "all_permissions": [{"permission_level": "CAN_QUERY", "inherited": False}]}
INHERITED = {"group_name": "admins", "all_permissions": [{"permission_level": "CAN_MANAGE", "inherited": True}]}


def workspace_of(names: dict[str, Reply]) -> object:
    def answer(request: Seen) -> Reply:
        if "/permissions/" in request.path:
            return Reply(body={"access_control_list": [DIRECT, INHERITED]})
        name = request.path.rsplit("/", 1)[-1]
        return names.get(name, Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}))

    return answer


def test_endpoints_come_with_their_direct_permissions_and_nothing_but_get_is_sent(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    workspace.answer = workspace_of({"chat": Reply(body={"name": "chat", "id": "abc", "state": {}})})  # type: ignore[assignment]

    found = survey_endpoints(client, ["chat", "gone", "chat"])

    assert found["chat"].grants == (Grant("group_name", "apps", "CAN_QUERY"),)
    assert found["gone"].live is None and not found["gone"].refusal
    assert {request.method for request in workspace.seen} == {"GET"}
    assert len(workspace.seen) == 3  # two for the one that is there, one for the other


def test_refusal_of_one_endpoint_is_its_own_and_the_others_are_read(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    refused = Reply(403, {"error_code": "PERMISSION_DENIED", "message": "you lack CAN_VIEW"})
    workspace.answer = workspace_of({"chat": Reply(body={"name": "chat", "id": "abc"}), "secret": refused})  # type: ignore[assignment]

    found = survey_endpoints(client, ["chat", "secret"])

    assert found["chat"].live is not None
    assert found["secret"].live is None and "CAN_VIEW" in found["secret"].refusal


def test_token_that_is_not_accepted_ends_the_survey(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    workspace.answer = lambda request: Reply(401, {"error_code": "UNAUTHENTICATED", "message": "no"})
    with pytest.raises(Unauthorized):
        survey_endpoints(client, [f"endpoint-{number}" for number in range(50)])


def test_throttled_read_is_tried_again(workspace: FakeWorkspace, client: WorkspaceClient) -> None:
    busy = Reply(429, {"error_code": "REQUEST_LIMIT_EXCEEDED", "message": "slow down"})
    workspace.in_turn(busy, Reply(body={"endpoints": [{"name": "a", "id": "1"}, {"id": "nameless"}]}))
    assert [(one.name, one.id) for one in listed(client)] == [("a", "1")]


def test_pay_per_token_endpoints_of_the_platform_are_left_out(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    platforms = {
        "name": "databricks-gte-large-en",
        "endpoint_type": "FOUNDATION_MODEL_API",
        "task": "llm/v1/embeddings",
    }
    workspace.in_turn(Reply(body={"endpoints": [platforms, {"name": "a", "id": "1"}]}))
    assert [one.name for one in listed(client)] == ["a"]
