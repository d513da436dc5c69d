"""Which endpoints serve a version."""

from typing import Any

from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.registry_use import endpoints_serving
from tests.workspace.fake_workspace import FakeWorkspace, Reply, Seen

ROOT = "/api/2.0/serving-endpoints"


def config(model: str, version: str, key: str = "served_entities") -> dict[str, Any]:
    name, number = ("entity_name", "entity_version") if key == "served_entities" else ("model_name", "model_version")
    return {key: [{"name": "x", name: model, number: version}]}


def serving(workspace: FakeWorkspace, *endpoints: dict[str, Any]) -> None:
    """The list shows the configs that run; each endpoint by itself also what is under way."""
    whole = {endpoint["name"]: endpoint for endpoint in endpoints}

    def answer(request: Seen) -> Reply:
        name = request.path.removeprefix(ROOT).strip("/")
        if name:
            return (
                Reply(body=whole[name]) if whole[name].get("id") != "gone" else Reply(404, {"error_code": "NOT_FOUND"})
            )
        summaries = [{key: value for key, value in one.items() if key != "pending_config"} for one in endpoints]
        return Reply(body={"endpoints": summaries})

    workspace.answer = answer


def settled(name: str, **parts: Any) -> dict[str, Any]:
    return {"name": name, "state": {"ready": "READY", "config_update": "NOT_UPDATING"}, **parts}


def updating(name: str, **parts: Any) -> dict[str, Any]:
    return {"name": name, "state": {"ready": "READY", "config_update": "IN_PROGRESS"}, **parts}


def test_endpoints_that_run_the_version_are_found_in_either_form(
    client: WorkspaceClient, workspace: FakeWorkspace
) -> None:
    serving(
        workspace,
        settled("one", config=config("ml.own.chat", "3")),
        settled("two", config=config("ml.own.chat", "4")),
        settled("three", config=config("ML.own.Chat", "3", "served_models")),
        settled("four", config=config("ml.own.other", "3")),
    )
    assert endpoints_serving(client, "ml.own.chat", "3") == ("one", "three")
    assert len(workspace.seen) == 1


def test_an_update_under_way_to_the_version_counts(client: WorkspaceClient, workspace: FakeWorkspace) -> None:
    serving(
        workspace,
        updating("one", config=config("ml.own.chat", "2"), pending_config=config("ml.own.chat", "3")),
        updating("two", pending_config=config("ml.own.chat", "3")),
        updating("deleted-meanwhile", id="gone"),
    )
    assert endpoints_serving(client, "ml.own.chat", "3") == ("one", "two")


def test_nobody_serves_it_in_an_empty_workspace(client: WorkspaceClient, workspace: FakeWorkspace) -> None:
    workspace.in_turn(Reply(body={}))
    assert endpoints_serving(client, "ml.own.chat", "3") == ()


def test_pay_per_token_endpoints_of_the_platform_cost_no_request_of_their_own(
    workspace: FakeWorkspace, client: WorkspaceClient
) -> None:
    served = {"served_entities": [{"name": "gte", "foundation_model": {"name": "gte"}}]}
    serving(
        workspace,
        *(settled(f"databricks-{number}", config=served, endpoint_type="FOUNDATION_MODEL_API") for number in range(44)),
        settled("chat", config=config("ml.a.m", "1")),
    )
    assert endpoints_serving(client, "ml.a.m", "1") == ("chat",)
    assert len(workspace.seen) == 1
