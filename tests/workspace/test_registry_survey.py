"""What a program asks of the registry before it declares anything."""

import pytest

from bandplan.serving.throughput.optimization_info import Unavailable
from bandplan.serving.throughput.registry_answers import Absent, Existing, ModelAlias
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import Unauthorized
from bandplan.serving.workspace.registry_survey import survey
from tests.workspace.fake_registry import FakeRegistry
from tests.workspace.fake_workspace import FakeWorkspace, Reply


@pytest.fixture
def fake(workspace: FakeWorkspace) -> FakeRegistry:
    registry = FakeRegistry()
    workspace.answer = registry.answer
    return registry


@pytest.mark.parametrize(
    ("model", "answer"),
    [
        ("ml.own.there", Existing("ml.own.there", "ana", "ours")),
        ("ml.own.new", Absent()),
        ("ml.none.new", Absent("schema")),
        ("mi.none.new", Absent("catalog")),
    ],
)
def test_a_model_is_there_or_what_is_missing_above_it_is_named(
    client: WorkspaceClient, fake: FakeRegistry, model: str, answer: object
) -> None:
    fake.add("ml.own.there", "1")
    assert survey(client, [model], []).models == {model: answer}


def test_every_model_and_alias_is_asked_for_once(
    client: WorkspaceClient, fake: FakeRegistry, workspace: FakeWorkspace
) -> None:
    fake.add("ml.own.there", "1")
    fake.aliases["ml.own.there", "champion"] = "7"
    known, unknown = ModelAlias("ml.own.there", "champion"), ModelAlias("ml.own.there", "none")
    found = survey(client, ["ml.own.there"] * 3, [known, unknown, known])
    assert found.aliases[known] == "7"
    answer = found.aliases[unknown]
    assert isinstance(answer, Unavailable) and "has no alias none of a model ml.own.there" in answer.reason
    assert len(workspace.seen) == 3


def test_a_refusal_is_an_answer_for_that_model_alone(client: WorkspaceClient, fake: FakeRegistry) -> None:
    fake.forbidden = True
    found = survey(client, ["ml.own.there"], [ModelAlias("ml.own.there", "champion")])
    answers = [*found.models.values(), *found.aliases.values()]
    assert all(isinstance(answer, Unavailable) and "no USE CATALOG on ml" in answer.reason for answer in answers)


def test_what_concerns_the_whole_workspace_is_an_error(client: WorkspaceClient, workspace: FakeWorkspace) -> None:
    workspace.in_turn(Reply(401, {"error_code": "UNAUTHENTICATED", "message": "no"}))
    with pytest.raises(Unauthorized):
        survey(client, ["ml.own.there"], [])


def test_nothing_is_asked_for_nothing(client: WorkspaceClient, workspace: FakeWorkspace) -> None:
    assert survey(client, [], []).models == {}
    assert workspace.seen == []
