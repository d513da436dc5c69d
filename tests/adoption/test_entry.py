import json
from typing import Any

import pytest

from bandplan.adoption.entry import Proposal, Skipped, model_versions, proposed
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.spec.loading import load_text
from bandplan.serving.throughput.optimization_info import ModelVersion, OptimizationInfo, Unavailable
from bandplan.serving.throughput.sizing import size
from bandplan.serving.workspace.endpoint_access import Grant
from bandplan.serving.workspace.surveyed import Surveyed
from tests.endpoint.builders import MODEL, live_config, live_served

CALLER = "deployer@example.com"
ANSWERS = {ModelVersion(MODEL, "1"): OptimizationInfo(True, "llama", 980)}


def served(**changes: Any) -> dict[str, Any]:
    """Two to three chunks under the name that the platform gives, without compute."""
    plain = {"workload_type": None, "workload_size": None, "environment_vars": None}
    return live_served("llama_v3_3_70b_instruct-1", **{**plain, **changes})


def endpoint(
    *entities: dict[str, Any], grants: tuple[Grant, ...] | None = (), shares: tuple[int, ...] = (), **changes: Any
) -> Surveyed:
    config = live_config(*(entities or (served(),)))
    for route, share in zip(config["traffic_config"]["routes"], shares, strict=False):
        route["traffic_percentage"] = share
    body = {
        "name": "chat",
        "id": "0" * 32,
        "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
        "config": {**config, **changes.pop("config", {})},
        "task": "llm/v1/chat",
        **changes,
    }
    return Surveyed("chat", LiveEndpoint.from_response(body), body, grants)


def entry(surveyed: Surveyed, answers: Any = ANSWERS) -> dict[str, Any]:
    found = proposed(surveyed, answers, CALLER)
    assert isinstance(found, Proposal), found
    return dict(found.raw)


def reason(surveyed: Surveyed, answers: Any = ANSWERS) -> str:
    found = proposed(surveyed, answers, CALLER)
    assert isinstance(found, Skipped), found
    return found.reason


def test_s8_band_is_counted_in_chunks() -> None:
    # 1960 = 2 x 980, 2940 = 3 x 980
    assert entry(endpoint()) == {
        "name": "chat",
        "task": "llm/v1/chat",
        "model": MODEL,
        "version": "1",
        "throughput": {"bands": {"min": 2, "max": 3}},
    }


def test_absent_minimum_is_a_floor_of_zero() -> None:
    assert entry(endpoint(served(min_provisioned_throughput=None)))["throughput"] == {"bands": {"min": 0, "max": 3}}


def test_bound_that_is_not_in_whole_chunks_is_explained() -> None:
    said = reason(endpoint(served(max_provisioned_throughput=2000)))
    assert "2000" in said and "980" in said and "1960 or 2940" in said


def test_s10_model_units_are_taken_and_what_cannot_be_read_is_said() -> None:
    unit = served(min_provisioned_throughput=None, max_provisioned_throughput=None, provisioned_model_units=50)
    found = proposed(endpoint(unit), {ModelVersion(MODEL, "1"): OptimizationInfo(True, "llama4", None)}, CALLER)
    assert isinstance(found, Proposal)
    assert found.raw["throughput"] == {"model_units": 50}
    assert any("burst" in note for note in found.notes)


def test_s25_legacy_workload_is_taken_with_its_permission_to_be_one() -> None:
    legacy = live_served(
        "mpt_7b_instruct-1",
        min_provisioned_throughput=None,
        max_provisioned_throughput=None,
        environment_vars=None,
        entity_name="ml.legacy.mpt_7b_instruct",
    )
    found = entry(endpoint(legacy, task="llm/v1/completions"), {})
    assert found["workload"] == {"type": "GPU_LARGE", "size": "Small", "parameters_billion": 7}
    assert found["allow_legacy"] is True


@pytest.mark.parametrize("kind", ["CPU", "GPU_SMALL", "GPU_LARGE_2"])
def test_s26_legacy_workload_on_compute_that_is_not_recommended_is_taken(kind: str) -> None:
    legacy = live_served(
        "mpt_7b_instruct-1",
        min_provisioned_throughput=None,
        max_provisioned_throughput=None,
        environment_vars=None,
        entity_name="ml.legacy.mpt_7b_instruct",
        workload_type=kind,
    )
    found = entry(endpoint(legacy, task="llm/v1/completions"), {})
    loaded = load_text(json.dumps({"version": 1, "models": [found]}), "models.yaml", None)
    assert loaded.fleet is not None
    sized = size(loaded.fleet, {}, loaded.source)
    assert {one.severity for one in sized.problems} == {"warning"}
    assert sized.endpoints[0].entities[0].workload_type == kind


def test_several_entities_keep_their_names_and_shares_in_the_order_of_the_routes() -> None:
    found = entry(endpoint(served(name="current"), served(name="next"), shares=(90, 10)))
    assert [(one["name"], one["traffic_percent"]) for one in found["entities"]] == [("current", 90), ("next", 10)]


def test_entity_under_a_name_of_its_own_keeps_it() -> None:
    (one,) = entry(endpoint(served(name="champion")))["entities"]
    assert one["name"] == "champion" and "traffic_percent" not in one


def test_every_setting_is_taken() -> None:
    found = entry(
        endpoint(
            description="Answers",
            tags=[{"key": "team", "value": "yes"}, {"key": "empty"}],
            ai_gateway={"usage_tracking_config": {}, "rate_limits": [{"calls": 5, "renewal_period": "minute"}]},
            email_notifications={"on_update_failure": ["a@b.example"], "on_update_success": []},
            rate_limits=[{"calls": 7, "key": "user", "renewal_period": "minute"}],
            budget_policy_id="b-1",
            route_optimized=True,
            grants=(
                Grant("group_name", "apps", "CAN_QUERY"),
                Grant("group_name", "admins", "CAN_MANAGE"),
                Grant("user_name", CALLER, "CAN_MANAGE"),
            ),
        )
    )
    assert found["tags"] == {"team": "yes", "empty": ""}
    assert found["ai_gateway"]["usage_tracking_config"] == {"enabled": False}
    assert found["permissions"] == [{"group_name": "apps", "permission_level": "CAN_QUERY"}]
    assert found["notifications"] == {"on_update_failure": ["a@b.example"]}
    assert found["rate_limits"] == [{"calls": 7, "key": "user", "renewal_period": "minute"}]
    assert (found["description"], found["budget_policy_id"], found["route_optimized"]) == ("Answers", "b-1", True)


@pytest.mark.parametrize(
    ("surveyed", "word"),
    [
        (endpoint(config={"served_entities": [], "served_models": []}), "serves nothing"),
        (endpoint(state={"ready": "READY", "config_update": "IN_PROGRESS"}), "settled"),
        (endpoint(state={"ready": "READY", "config_update": "UPDATE_FAILED"}), "settled"),
        (endpoint(served(external_model={"provider": "openai"})), "external model (openai)"),
        (endpoint(served(entity_version=None)), "feature spec or a function"),
        (endpoint(endpoint_type="FOUNDATION_MODEL_API"), "pay-per-token"),
        (endpoint(task="agent/v1/responses"), "agent/v1/responses"),
        (endpoint(served(min_provisioned_throughput=None, max_provisioned_throughput=None)), "custom model on CPU"),
        (
            endpoint(
                served(min_provisioned_throughput=None, max_provisioned_throughput=None), task="agent/v1/responses"
            ),
            "an agent",
        ),
        (endpoint(served(environment_vars={"A": "{{secrets/a/b}}"})), "environment_vars"),
        (endpoint(config={"auto_capture_config": {"enabled": True, "catalog_name": "ml"}}), "auto_capture_config"),
        (endpoint(served(name="a.b")), "'a.b'"),
        (endpoint(name="a b"), "name"),
        (endpoint(shares=(90,)), "90 percent"),
        (Surveyed("chat"), "no such endpoint"),
        (Surveyed("chat", refusal="you lack CAN_VIEW"), "CAN_VIEW"),
    ],
)
def test_endpoint_that_is_not_ours_or_not_settled_is_left_alone_with_the_reason(surveyed: Surveyed, word: str) -> None:
    said = reason(surveyed)
    assert word in said
    assert "secrets" not in said


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (Unavailable("it has no such version"), "no such version"),
        (OptimizationInfo(False), "no longer eligible"),
        (OptimizationInfo(True, "llama4", None), "model units"),
    ],
)
def test_version_that_the_platform_would_not_size_is_left_alone(answer: Any, word: str) -> None:
    assert word in reason(endpoint(), {ModelVersion(MODEL, "1"): answer})


def test_only_versions_on_throughput_are_asked_about() -> None:
    assert model_versions([endpoint(), Surveyed("gone"), endpoint(task="agent/x")]) == (ModelVersion(MODEL, "1"),)


def test_fields_that_nobody_here_knows_stay_as_they_are_and_are_named() -> None:
    found = proposed(
        endpoint(
            served(jailbreak_guard="on"),
            ai_gateway={"usage_tracking_config": {"enabled": True, "level": "full"}, "semantic_cache": {"ttl": 5}},
            config={"region_hint": "eu"},
            carbon_policy="low",
        ),
        ANSWERS,
        CALLER,
    )
    assert isinstance(found, Proposal), found
    assert found.raw["ai_gateway"] == {"usage_tracking_config": {"enabled": True}}
    assert "carbon_policy" not in found.raw
    (note,) = [note for note in found.notes if "does not know" in note]
    for name in (
        "carbon_policy",
        "ai_gateway/usage_tracking_config/level",
        "ai_gateway/semantic_cache",
        "config/region_hint",
        "llama_v3_3_70b_instruct-1/jailbreak_guard",
    ):
        assert name in note
