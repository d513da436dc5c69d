import json
from pathlib import Path
from threading import Barrier, Event

import pytest

from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.workspace.cache import Cache
from bandplan.serving.workspace.client import WorkspaceClient
from bandplan.serving.workspace.errors import NotAWorkspace, NotConfigured, Unauthorized
from bandplan.serving.workspace.optimization_info import MOST_AT_ONCE, fetch
from tests.workspace.fake_workspace import TOKEN, FakeWorkspace, Reply, Seen

LLAMA = ModelVersion("system.ai.llama_v3_3_70b_instruct", "1")
OPTIMIZABLE = {"optimizable": True, "model_type": "llama", "throughput_chunk_size": 980}
INFO = OptimizationInfo(optimizable=True, model_type="llama", throughput_chunk_size=980)
ROOT = "/api/2.0/serving-endpoints/get-model-optimization-info"


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path)


def test_s5_each_distinct_version_is_asked_for_once(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    workspace.in_turn(Reply(body=OPTIMIZABLE))
    other = ModelVersion(LLAMA.model, "2")
    assert fetch(client, [LLAMA, other, LLAMA], cache) == {LLAMA: INFO, other: INFO}
    assert sorted(seen.path for seen in workspace.seen) == [f"{ROOT}/{LLAMA.model}/1", f"{ROOT}/{LLAMA.model}/2"]


def test_a_model_sold_in_units_is_recorded_without_a_chunk(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    workspace.in_turn(Reply(body={"optimizable": True, "model_type": "llama4"}))
    units = OptimizationInfo(optimizable=True, model_type="llama4", throughput_chunk_size=None)
    assert fetch(client, [LLAMA], cache) == fetch(client, [LLAMA], cache) == {LLAMA: units}
    assert len(workspace.seen) == 1


def test_the_increment_of_units_is_recorded_and_asked_for_where_an_older_record_lacks_it(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache, tmp_path: Path
) -> None:
    answer = {"optimizable": True, "model_type": "gpt_oss", "model_unit_chunk_size": 50}
    workspace.in_turn(Reply(body=answer))
    units = OptimizationInfo(True, "gpt_oss", None, 50)
    assert fetch(client, [LLAMA], cache) == fetch(client, [LLAMA], cache) == {LLAMA: units}
    assert len(workspace.seen) == 1
    (record,) = tmp_path.rglob("*.json")
    older = json.loads(record.read_text())
    del older["answers"][0]["model_unit_chunk_size"]
    record.write_text(json.dumps(older))
    assert fetch(client, [LLAMA], cache, offline=True) == {LLAMA: OptimizationInfo(True, "gpt_oss", None, None)}
    assert fetch(client, [LLAMA], cache) == {LLAMA: units}
    assert len(workspace.seen) == 2


def test_names_are_quoted(workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache) -> None:
    workspace.in_turn(Reply(body=OPTIMIZABLE))
    fetch(client, [ModelVersion("ml.a b.c/d?é", "1#2")], cache)
    assert workspace.seen[0].path == f"{ROOT}/ml.a%20b.c%2Fd%3F%C3%A9/1%232"


def test_versions_are_asked_for_at_the_same_time(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    """No answer is given before MOST_AT_ONCE requests are there: one after the other would never end."""
    together = Barrier(MOST_AT_ONCE)

    def answer(_: Seen) -> Reply:
        together.wait(timeout=60)
        return Reply(body=OPTIMIZABLE)

    workspace.answer = answer
    versions = [ModelVersion(f"ml.x.m{number}", "1") for number in range(MOST_AT_ONCE)]
    assert len(fetch(client, versions, cache)) == MOST_AT_ONCE


def test_a_recorded_answer_is_not_asked_for_again_unless_refreshed(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    workspace.in_turn(Reply(body=OPTIMIZABLE), Reply(body={**OPTIMIZABLE, "throughput_chunk_size": 1580}))
    fetch(client, [LLAMA], cache)
    assert fetch(client, [LLAMA], cache) == {LLAMA: INFO}
    assert len(workspace.seen) == 1
    fresh = fetch(client, [LLAMA], cache, refresh=True)[LLAMA]
    assert isinstance(fresh, OptimizationInfo) and fresh.throughput_chunk_size == 1580
    assert fetch(client, [LLAMA], cache) == {LLAMA: fresh}


@pytest.mark.parametrize("body", [{}, {"optimizable": False}])
def test_s6_a_no_is_reported_and_not_recorded(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache, body: dict[str, object]
) -> None:
    workspace.in_turn(Reply(body=body), Reply(body=OPTIMIZABLE))
    first = fetch(client, [LLAMA], cache)[LLAMA]
    assert isinstance(first, OptimizationInfo) and not first.optimizable
    assert fetch(client, [LLAMA], cache) == {LLAMA: INFO}


def test_offline_uses_recorded_answers_and_says_what_is_not_recorded(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    workspace.in_turn(Reply(body=OPTIMIZABLE))
    fetch(client, [LLAMA], cache)
    unknown = ModelVersion("ml.x.unknown", "3")
    for asker in (client, None):
        answers = fetch(asker, [LLAMA, unknown], cache, offline=True)
        assert answers[LLAMA] == INFO
        missing = answers[unknown]
        assert isinstance(missing, Unavailable)
        assert "ml.x.unknown version 3" in missing.reason
    assert len(workspace.seen) == 1


def test_an_unknown_model_is_unavailable_with_the_reason(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    workspace.in_turn(Reply(404, {"error_code": "RESOURCE_DOES_NOT_EXIST", "message": "no"}))
    answer = fetch(client, [LLAMA], cache)[LLAMA]
    assert isinstance(answer, Unavailable)
    assert f"has no model {LLAMA.model} version 1" in answer.reason


@pytest.mark.parametrize(
    "reply",
    [
        Reply(400, {"error_code": "INVALID_PARAMETER_VALUE", "message": "odd"}),
        Reply(403, {"error_code": "PERMISSION_DENIED", "message": "odd"}),
        Reply(403, {"message": "odd"}),
        Reply(500, {"error_code": "INTERNAL_ERROR", "message": "odd"}),
        Reply(429, headers={"Retry-After": "3600 (odd)"}),
        Reply(503, headers={"Retry-After": "odd"}),
        Reply(cut=True, body={"odd": 1}),
        Reply(200, b"odd, not JSON"),
        Reply(200, b"<html>odd</html>"),
        Reply(302, b"", {"Location": "/odd"}),
        Reply(200, {"optimizable": True, "throughput_chunk_size": "odd"}),
        Reply(200, b'{"optimizable": true, "throughput_chunk_size": 1' + b"0" * 400 + b"}"),
        Reply(200, {"optimizable": True, "throughput_chunk_size": -980}),
        Reply(200, {"optimizable": True, "throughput_chunk_size": 979.5}),
        Reply(200, {"optimizable": True, "model_unit_chunk_size": "odd"}),
    ],
    ids=lambda reply: f"{reply.status}-{str(reply.body)[:30]}",
)
def test_a_refusal_for_one_version_leaves_the_others(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache, reply: Reply
) -> None:
    # It comes first, and last, in the order of asking.
    first, last = ModelVersion("a.x.refused", "1"), ModelVersion("z.x.refused", "1")
    workspace.answer = lambda seen: reply if "refused" in seen.path else Reply(body=OPTIMIZABLE)
    answers = fetch(client, [LLAMA, last, first], cache)
    assert answers[LLAMA] == INFO == cache.recorded(client.host)[LLAMA]
    for version in (first, last):
        refused = answers[version]
        assert isinstance(refused, Unavailable) and TOKEN not in refused.reason
        assert client.host in refused.reason or "DATABRICKS_HOST" in refused.reason


def test_when_no_version_is_answered_for_the_failure_is_said_once(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    workspace.in_turn(Reply(200, b"<html>log in</html>"))
    with pytest.raises(NotAWorkspace, match="login page"):
        fetch(client, [LLAMA, ModelVersion("ml.x.y", "1")], cache)
    workspace.in_turn(Reply(403, {"message": "no"}))
    with pytest.raises(Unauthorized):
        fetch(client, [LLAMA, ModelVersion("ml.x.y", "1")], cache)


def test_versions_still_to_be_asked_for_are_not_once_the_workspace_is_too_busy(
    workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache
) -> None:
    """Each would be tried for two minutes; one is answered before, and that answer is not lost."""
    first = ModelVersion("a.first.asked", "1")
    answered = Event()

    def answer(seen: Seen) -> Reply:
        if first.model in seen.path:
            answered.set()
            return Reply(body=OPTIMIZABLE)
        answered.wait(timeout=60)
        return Reply(429, headers={"Retry-After": "3600"})

    workspace.answer = answer
    versions = [ModelVersion(f"ml.x.m{number}", "1") for number in range(4 * MOST_AT_ONCE)]
    answers = fetch(client, [first, *versions], cache, refresh=True)
    assert answers[first] == INFO
    assert len(workspace.seen) < len(versions)
    reasons = [answer.reason for answer in answers.values() if isinstance(answer, Unavailable)]
    assert len(reasons) == len(versions) and all("Retry-After" in reason for reason in reasons)
    assert any("was not requested" in reason for reason in reasons)


def test_answers_that_cannot_be_recorded_count_all_the_same(
    workspace: FakeWorkspace, client: WorkspaceClient, tmp_path: Path
) -> None:
    workspace.in_turn(Reply(body=OPTIMIZABLE))
    (tmp_path / "taken").write_text("a file where the folder should be")
    told: list[OSError] = []
    assert fetch(client, [LLAMA], Cache(tmp_path / "taken"), unrecorded=told.append) == {LLAMA: INFO}
    assert len(told) == 1
    assert fetch(client, [LLAMA], Cache(tmp_path / "taken" / "deep")) == {LLAMA: INFO}


def test_throttled_requests_are_tried_again(workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache) -> None:
    workspace.in_turn(Reply(429, headers={"Retry-After": "1"}), Reply(503), Reply(body=OPTIMIZABLE))
    assert fetch(client, [LLAMA], cache) == {LLAMA: INFO}


def test_a_bad_token_ends_the_whole_fetch(workspace: FakeWorkspace, client: WorkspaceClient, cache: Cache) -> None:
    workspace.in_turn(Reply(401, {"error_code": "UNAUTHENTICATED", "message": "no"}))
    with pytest.raises(Unauthorized):
        fetch(client, [ModelVersion(f"ml.x.m{n}", "1") for n in range(100)], cache)
    assert len(workspace.seen) < 100


def test_without_a_workspace_what_is_missing_is_said(cache: Cache) -> None:
    with pytest.raises(NotConfigured, match=r"llama_v3_3_70b_instruct version 1.*DATABRICKS_HOST"):
        fetch(None, [LLAMA], cache)
    assert fetch(None, [], cache) == {}
