"""What a saved plan holds, what it never holds, what counts as another plan, and what a hostile file can do."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bandplan.cli.engines.permission import agrees
from bandplan.cli.saved_plan.circumstances import endpoint_names, parts, state_fingerprints
from bandplan.cli.saved_plan.comparison import differences
from bandplan.cli.saved_plan.file import BadPlan, read_plan, write_plan
from bandplan.cli.saved_plan.fingerprint import SECRET, fingerprints
from bandplan.cli.saved_plan.plan import SavedPlan, to_json
from bandplan.cli.saved_plan.steps import planned_steps
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.wire.redaction import SECRET as SECRET_MARK
from bandplan.wire.redaction import SIGNATURE

URN = "urn:pulumi:prod::bandplan::bandplan:index:Fleet$databricks:index/modelServing:ModelServing::chat"
TOKEN = "dapi" + "0123456789abcdef" * 2


def step(op: str = "update", most: int = 6, **more: Any) -> dict[str, Any]:
    inputs = {"name": "chat", "config": {"servedEntities": [{"max": most}]}}
    return {
        "op": op,
        "urn": URN,
        "newState": {"inputs": inputs},
        "detailedDiff": {"config": {"kind": "update"}},
        **more,
    }


def plan(*steps: dict[str, Any], **changed: Any) -> SavedPlan:
    document = {"steps": list(steps or [step()])}
    given: dict[str, Any] = {
        "project": "bandplan",
        "stack": "prod",
        "engine": "embedded",
        "made_at": "2026-11-22T03:00:00.000Z",
        "commit": "0123456789abcdef",
        "models": {"models.yaml": "a" * 64},
        "config": fingerprints({"bandplan:models": "models.yaml"}),
        "state": {URN: "b" * 24},
        "live": {"chat": fingerprints({"config": {"entities": {"chat-1": {"max": 4}}}})},
        "steps": planned_steps(document),
    }
    return SavedPlan(**{**given, **changed})


def told(now: SavedPlan, reviewed: SavedPlan | None = None) -> list[str]:
    return [str(difference) for difference in differences(reviewed or plan(), now)]


# ------------------------------------------------------------------ fingerprints


def test_every_leaf_has_a_fingerprint_that_tells_values_apart_and_not_the_order_of_keys() -> None:
    one = fingerprints({"a": [{"b": 1, "c": "x"}], "d": {}, "e": None, "f": True})
    assert set(one) == {"a[0].b", "a[0].c", "d", "e", "f"}
    assert one == fingerprints({"f": True, "e": None, "d": {}, "a": [{"c": "x", "b": 1.0}]})
    assert len(set(one.values())) == 5
    assert fingerprints({"f": 1}) != fingerprints({"f": True})
    assert fingerprints({"f": "1"}) != fingerprints({"f": 1})


@pytest.mark.parametrize(
    "value",
    [
        {"api_key": "hunter2"},
        {"environmentVars": {"HF_TOKEN": "hunter2"}},
        {"password": {"nested": ["hunter2"]}},
        {"value": {SIGNATURE: SECRET_MARK, "ciphertext": "v1:abc"}},
        {"value": "[secret]"},
    ],
)
def test_secrets_have_no_fingerprint(value: dict[str, Any]) -> None:
    assert set(fingerprints(value).values()) == {SECRET}


def test_a_token_in_a_text_is_not_in_its_fingerprint_and_a_reference_to_a_secret_is() -> None:
    assert fingerprints({"note": f"use {TOKEN}"}) == fingerprints({"note": "use dapi" + "f" * 32})
    assert fingerprints({"api_key": "{{secrets/a/b}}"}) != fingerprints({"api_key": "{{secrets/a/c}}"})


def test_what_the_platform_does_by_itself_is_no_circumstance_and_what_people_do_is() -> None:
    body = {
        "name": "chat",
        "id": "1",
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "last_updated_timestamp": 1,
        "config": {
            "config_version": 3,
            "served_entities": [{"name": "e", "state": {"deployment": "DEPLOYMENT_READY"}, "creator": "a"}],
        },
    }
    settled = fingerprints(parts(LiveEndpoint.from_response(body)))
    busy = deepcopy(body) | {"state": {"ready": "NOT_READY", "config_update": "IN_PROGRESS"}}
    busy["config"]["config_version"] = 4  # type: ignore[index]
    assert fingerprints(parts(LiveEndpoint.from_response(busy))) == settled
    secret = {"environment_vars": {"MODE": "a"}}
    body["config"]["served_entities"][0].update(secret)  # type: ignore[index]
    named = fingerprints(parts(LiveEndpoint.from_response(body)))
    assert named["config.entities.e.environment_vars.MODE"] == fingerprints({"x": SECRET})["x"]
    assert named != settled


def test_times_and_places_of_a_state_do_not_count_but_outputs_and_what_is_under_way_do() -> None:
    resource = {"urn": URN, "type": "t", "inputs": {"a": 1}, "outputs": {"b": 1}, "created": "1", "modified": "2"}
    one = state_fingerprints({"resources": [resource]})
    assert one == state_fingerprints({"resources": [{**resource, "modified": "3", "sourcePosition": "x"}]})
    assert one != state_fingerprints({"resources": [{**resource, "outputs": {"b": 2}}]})
    under_way = {"pending_operations": [{"resource": resource, "type": "creating"}]}
    assert one != state_fingerprints({"resources": [resource], **under_way})
    assert state_fingerprints({}) == {}


def test_only_endpoints_that_change_are_read() -> None:
    same = step("same") | {"urn": URN + "-other"}
    renamed = step("replace", oldState={"inputs": {"name": "old-chat"}})
    assert endpoint_names({"steps": [same, renamed]}) == ("chat", "old-chat")
    assert endpoint_names({}) == ()


# ------------------------------------------------------------------ comparison


def test_the_same_plan_of_another_commit_time_and_engine_is_the_same() -> None:
    assert told(plan(made_at="2026-12-01T00:00:00.000Z", commit="", engine="pulumi")) == []


def test_every_difference_is_told_at_once_with_its_place() -> None:
    other = URN.replace("::chat", "::other")
    now = plan(
        step("update", 8),
        step("create") | {"urn": other},
        models={"models.yaml": "c" * 64},
        config=fingerprints({"bandplan:models": "other.yaml", "bandplan:more": 1}),
        state={URN: "d" * 24, other: "e" * 24},
        live={"chat": fingerprints({"config": {"entities": {"chat-1": {"max": 5}}}})},
    )
    assert told(now) == [
        "models.yaml: differs from the file that was previewed",
        "configuration bandplan:models: has another value",
        "configuration bandplan:more: was set since",
        "state: ModelServing chat: was changed in the state by another update",
        "state: ModelServing other: was added to the state since",
        "workspace: endpoint chat: was changed: config.entities.chat-1.max",
        "step: ModelServing chat: update with other values than reviewed: config.servedEntities[0].max",
        "step: ModelServing other: create, which was not reviewed",
    ]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (plan(step("replace")), "step: ModelServing chat: update was reviewed, but now it is replace"),
        (plan(step("same")), "step: ModelServing chat: update was reviewed, but now there is nothing to do"),
        (plan(live={"chat": {"": "absent"}}), "workspace: endpoint chat: no longer exists"),
        (plan(state={}), "state: ModelServing chat: is no longer in the state"),
        (plan(stack="dev", models={}), "stack: the plan is for prod, not for dev"),
        (plan(step(detailedDiff={})), "step: ModelServing chat: update with other values than reviewed: config"),
    ],
)
def test_a_difference_is_worded_for_what_it_is(now: SavedPlan, expected: str) -> None:
    assert told(now) == [expected]


def test_many_changed_values_of_one_resource_are_one_line() -> None:
    def many(value: int) -> dict[str, Any]:
        return step(newState={"inputs": {f"key{number}": value for number in range(9)}})

    (line,) = told(plan(many(1)), plan(many(2)))
    assert line.endswith("key0, key1, key2, key3, key4, key5 and 3 more")


# ------------------------------------------------------------------ the file


def test_a_plan_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    write_plan(tmp_path / "plan.json", plan())
    assert read_plan(tmp_path / "plan.json") == plan()
    assert [path.name for path in tmp_path.iterdir()] == ["plan.json"]


def changed(edit: Callable[[dict[str, Any]], object]) -> bytes:
    document = to_json(plan())
    edit(document)
    return json.dumps(document).encode()


HOSTILE = {
    "nothing": (b"", "is not JSON"),
    "no JSON": (b"\xff{", "is not JSON"),
    "deep nesting": (b"[" * 100_000, "is not JSON"),
    "another document": (b'{"steps": []}', "format: is not 'bandplan plan'"),
    "a list": (b"[]", "format: is not"),
    "a later version": (changed(lambda d: d.update(version=2)), "version: is not 1"),
    "a key too few": (changed(lambda d: d.pop("state")), "state: is missing"),
    "a key too many": (changed(lambda d: d.update(run="rm")), "run: is unknown"),
    "an escape sequence": (changed(lambda d: d.update(commit="\x1b[2J")), "commit: does not have the form"),
    "a workflow command": (
        changed(lambda d: d.update(stack="x\n::set-env name=a::b")),
        "stack: does not have the form",
    ),
    "a path with a line end": (
        changed(lambda d: d["steps"][0]["inputs"].update({"a\n::b": "b" * 24})),
        "is not printable",
    ),
    "no time": (changed(lambda d: d.update(madeAt="2026-99-01T00:00:00.000Z")), "madeAt: is not a time"),
    "a number": (changed(lambda d: d.update(project=1)), "project: does not have the form"),
    "a step of no kind": (changed(lambda d: d["steps"].append(1)), "steps[1]: does not have the keys"),
    "an unknown operation": (changed(lambda d: d["steps"][0].update(op="run")), "steps[0].op: does not have the form"),
    "a step twice": (changed(lambda d: d["steps"].append(d["steps"][0])), "steps: has the same resource twice"),
    "a value in a fingerprint's place": (
        changed(lambda d: d["state"].update({URN: "hunter2"})),
        "does not have the form",
    ),
    "live of another kind": (changed(lambda d: d.update(live=[1])), "live: is not a mapping"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_a_file_that_is_no_plan_is_one_clear_error(case: str, tmp_path: Path) -> None:
    content, expected = HOSTILE[case]
    (tmp_path / "plan.json").write_bytes(content)
    with pytest.raises(BadPlan) as refused:
        read_plan(tmp_path / "plan.json")
    message = str(refused.value)
    assert expected in message
    assert message.isprintable()
    assert "not a plan that this version" in message


# ------------------------------------------------------------------ the update


@pytest.mark.parametrize(
    ("previewed", "wanted", "expected"),
    [
        ({"a": 1, "b": ["x"]}, {"a": 1, "b": ["x"]}, True),
        ({"a": "?", "b": {"c": "?"}}, {"a": {"any": 1}, "b": {"c": [2]}}, True),
        ({"a": 1}, {"a": 2}, False),
        ({"a": 1}, {"a": 1, "b": 2}, False),
        ({"a": ["?"]}, {"a": ["x", "y"]}, False),
        ({"a": {"b": 1}}, {"a": 1}, False),
    ],
)
def test_an_update_may_only_fill_in_what_the_preview_did_not_know(previewed: Any, wanted: Any, expected: bool) -> None:
    assert agrees(previewed, wanted, "?") is expected
