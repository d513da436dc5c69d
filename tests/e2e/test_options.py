"""Every option of an endpoint: set, changed and taken away again. Each is seen at the workspace, and leaves no change."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.e2e.conftest import FleetProject, by_name

APPLICATION = "6f1b7c9e-0000-4000-8000-00000000000a"
POLICY, OTHER_POLICY = "b1f0c2d4-0000-4000-8000-000000000001", "b1f0c2d4-0000-4000-8000-000000000002"

BANDS = {
    "task": "llm/v1/chat",
    "model": "system.ai.llama_v3_3_70b_instruct",
    "version": "1",
    "throughput": {"bands": {"min": 1, "max": 2}},
}
UNITS = {**BANDS, "model": "system.ai.llama-4-maverick", "throughput": {"model_units": 50}}
LEGACY = {
    "task": "llm/v1/completions",
    "model": "ml.legacy.mpt_7b_instruct",
    "version": "3",
    "workload": {"type": "GPU_LARGE", "size": "Small", "parameters_billion": 7},
    "allow_legacy": True,
}

Look = Callable[[dict[str, Any]], Any]


@dataclass(frozen=True)
class Option:
    """What an entry states in three deploys, and what `look` then has to find in the endpoint as it is stored."""

    stated: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
    look: Look
    seen: tuple[Any, Any, Any]


def gateway(part: str) -> Look:
    return lambda endpoint: (endpoint.get("ai_gateway") or {}).get(part)


def member(name: str) -> Look:
    return lambda endpoint: endpoint.get(name)


def tags(endpoint: dict[str, Any]) -> Any:
    return {tag["key"]: tag.get("value", "") for tag in endpoint.get("tags", [])}


def mail(endpoint: dict[str, Any]) -> Any:
    return {kind: who for kind, who in (endpoint.get("email_notifications") or {}).items() if who}


def granted(endpoint: dict[str, Any]) -> Any:
    mine = [item for item in endpoint["permissions"] if "user_name" not in item and item.get("group_name") != "admins"]
    return {
        item.get("group_name") or item["service_principal_name"]: [
            one["permission_level"] for one in item["all_permissions"]
        ]
        for item in mine
    }


def traffic(endpoint: dict[str, Any]) -> Any:
    return {
        route["served_entity_name"]: route["traffic_percentage"]
        for route in endpoint["config"]["traffic_config"]["routes"]
    }


def entity(*names: str) -> Look:
    return lambda endpoint: tuple(endpoint["config"]["served_entities"][0].get(name) for name in names)


def table(enabled: bool) -> dict[str, Any]:
    where = {"catalog_name": "ml", "schema_name": "chat", "table_name_prefix": "x"}
    return {"ai_gateway": {"inference_table_config": {"enabled": enabled, **where}}}


def entities(**percents: int) -> dict[str, Any]:
    shared = {key: BANDS[key] for key in ("model", "version", "throughput")}
    return {
        "entities": [{"name": name, **shared, "traffic_percent": percent} for name, percent in percents.items()],
        **dict.fromkeys(shared),
    }


def accepting(want: int, tag: str) -> dict[str, Any]:
    return {"throughput": {"bands": {"min": 1, "want": want, "accept": 2}}, "tags": {"a": tag}}


ON_ANY: dict[str, Option] = {
    "tags": Option(
        ({"tags": {"a": "1"}}, {"tags": {"a": "2", "b": ""}}, {}), tags, ({"a": "1"}, {"a": "2", "b": ""}, {})
    ),
    "usage": Option(
        (
            {"ai_gateway": {"usage_tracking_config": {"enabled": True}}},
            {"ai_gateway": {"usage_tracking_config": {"enabled": False}}},
            {},
        ),
        gateway("usage_tracking_config"),
        ({"enabled": True}, {}, None),
    ),
    "table": Option(
        (table(True), table(False), {}),
        lambda endpoint: (gateway("inference_table_config")(endpoint) or {}).get("enabled"),
        (True, None, None),
    ),
    "guardrails": Option(
        (
            {"ai_gateway": {"guardrails": {"input": {"safety": True, "invalid_keywords": ["a", "b"]}}}},
            {
                "ai_gateway": {
                    "guardrails": {"input": {"invalid_keywords": ["b"]}, "output": {"pii": {"behavior": "MASK"}}}
                }
            },
            {"ai_gateway": {"guardrails": {"output": {"valid_topics": ["cooking"]}}}},
        ),
        gateway("guardrails"),
        (
            {"input": {"safety": True, "invalid_keywords": ["a", "b"]}},
            {"input": {"invalid_keywords": ["b"]}, "output": {"pii": {"behavior": "MASK"}}},
            {"output": {"valid_topics": ["cooking"]}},
        ),
    ),
    "limits": Option(
        (
            {"ai_gateway": {"rate_limits": [{"calls": 10}]}},
            {"ai_gateway": {"rate_limits": [{"calls": 0}, {"tokens": 100, "key": "user_group", "principal": "g"}]}},
            {"ai_gateway": {"rate_limits": []}},
        ),
        gateway("rate_limits"),
        (
            [{"key": "endpoint", "calls": 10, "renewal_period": "minute"}],
            [
                {"key": "endpoint", "calls": 0, "renewal_period": "minute"},
                {"key": "user_group", "principal": "g", "tokens": 100, "renewal_period": "minute"},
            ],
            None,
        ),
    ),
    "fallback": Option(
        (
            {"ai_gateway": {"fallback_config": {"enabled": True}}},
            {"ai_gateway": {"fallback_config": {"enabled": False}}},
            {},
        ),
        gateway("fallback_config"),
        ({"enabled": True}, {"enabled": False}, None),
    ),
    "permissions": Option(
        (
            {"permissions": [{"group_name": "g", "permission_level": "CAN_QUERY"}]},
            {
                "permissions": [
                    {"service_principal_name": APPLICATION, "permission_level": "CAN_QUERY"},
                    {"group_name": "g", "permission_level": "CAN_MANAGE"},
                ]
            },
            {},
        ),
        granted,
        ({"g": ["CAN_QUERY"]}, {APPLICATION: ["CAN_QUERY"], "g": ["CAN_MANAGE"]}, {}),
    ),
    "mail": Option(
        (
            {"notifications": {"on_update_failure": ["a@x.com"]}},
            {"notifications": {"on_update_success": ["b@x.com"]}},
            {"tags": {"another": "change"}},
        ),
        mail,
        ({"on_update_failure": ["a@x.com"]}, {"on_update_success": ["b@x.com"]}, {}),
    ),
    "late": Option(  # notifications that come and go together with something that the endpoint's own resource sends
        ({}, {"notifications": {"on_update_failure": ["a@x.com"]}, "tags": {"a": "1"}}, {}),
        mail,
        ({}, {"on_update_failure": ["a@x.com"]}, {}),
    ),
    "budget": Option(  # no call changes it: said by a warning, and never a change that stays
        ({"budget_policy_id": POLICY}, {"budget_policy_id": OTHER_POLICY}, {}),
        member("budget_policy_id"),
        (POLICY,) * 3,
    ),
    "timeouts": Option(
        ({"timeouts": {"create": "45m"}}, {"timeouts": {"update": "90s"}}, {}), member("description"), ("",) * 3
    ),
}

ON_ONE: dict[str, tuple[dict[str, Any], Option]] = {
    "route": (
        BANDS,
        Option(
            ({"route_optimized": True}, {}, {"route_optimized": True}), member("route_optimized"), (True, False, True)
        ),
    ),
    "old-limits": (
        BANDS,
        Option(
            ({"rate_limits": [{"calls": 5}]}, {"rate_limits": [{"calls": 0, "key": "user"}]}, {}),
            member("rate_limits"),
            (
                [{"calls": 5, "key": "endpoint", "renewal_period": "minute"}],
                [{"calls": 0, "key": "user", "renewal_period": "minute"}],
                None,
            ),
        ),
    ),
    "text": (  # no call changes it: taken away, it stays, and is no change that stays
        BANDS,
        Option(({"description": "first"}, {}, {}), member("description"), ("first", "first", "first")),
    ),
    "floor": (
        BANDS,
        Option(
            (
                {},
                {"throughput": {"bands": {"min": 0, "max": 2}}},
                {"throughput": {"tokens_per_second": {"min": 980, "max": 980}}},
            ),
            entity("min_provisioned_throughput", "max_provisioned_throughput"),
            ((980, 1960), (None, 1960), (980, 980)),
        ),
    ),
    "split": (
        BANDS,
        Option(
            (entities(one=90, two=10), entities(new=30, one=70), entities(two=100)),
            traffic,
            ({"one": 90, "two": 10}, {"new": 30, "one": 70}, {"two": 100}),
        ),
    ),
    "accepted": (
        BANDS,
        Option(
            (accepting(4, "1"), accepting(4, "2"), accepting(5, "3")),
            entity("max_provisioned_throughput"),
            ((3920,), (3920,), (4900,)),
        ),
    ),
    "burst": (
        UNITS,
        Option(
            (
                {},
                {"throughput": {"model_units": 100, "burst": True}},
                {"throughput": {"model_units": 100, "burst": False}},
            ),
            entity("provisioned_model_units", "burst_scaling_enabled"),
            ((50, None), (100, True), (100, False)),
        ),
    ),
    "workload": (
        LEGACY,
        Option(
            (
                {},
                {"workload": {"type": "GPU_LARGE", "size": "Large", "parameters_billion": 7}},
                {"workload": {"type": "CPU", "size": "Small", "parameters_billion": 3, "scale_to_zero": True}},
            ),
            entity("workload_type", "workload_size", "scale_to_zero_enabled"),
            (("GPU_LARGE", "Small", False), ("GPU_LARGE", "Large", False), ("CPU", "Small", True)),
        ),
    ),
}

CASES = {
    **{f"{name}-bands": (BANDS, option) for name, option in ON_ANY.items()},
    **{f"{name}-units": (UNITS, ON_ANY[name]) for name in ("limits", "permissions", "late", "budget")},
    **ON_ONE,
}


def models(deploy: int) -> str:
    entries = [
        {key: value for key, value in {"name": name, **base, **option.stated[deploy]}.items() if value is not None}
        for name, (base, option) in CASES.items()
    ]
    return json.dumps({"version": 1, "models": entries})


def stored(fleet: FleetProject, name: str) -> dict[str, Any]:
    """The endpoint with what no read shows, and who may use it."""
    hidden = fleet.request("GET", f"/stub/endpoints/{name}")["settings"]
    shown = fleet.endpoint(name)
    rights = fleet.request("GET", f"/api/2.0/permissions/serving-endpoints/{shown['id']}")
    return {**hidden, **shown, "permissions": rights["access_control_list"]}


def test_each_option_is_set_changed_and_taken_away_and_leaves_nothing_to_do(fleet: FleetProject, engine: str) -> None:
    for deploy in range(3):
        fleet.write_models(models(deploy))
        if deploy:
            changed = {name.split(" ")[1] for name in by_name(fleet.preview(engine))}
            wanted = {
                name
                for name, (_, option) in CASES.items()
                if option.stated[deploy] != option.stated[deploy - 1] and not name.startswith("timeouts")
            }
            assert {name for name in wanted if not {name, f"{name}-ready", f"{name}-permissions"} & changed} == set()

        fleet.bandplan("up", "--engine", engine, "--no-query")

        assert by_name(fleet.preview(engine)) == {}, f"after deploy {deploy}"
        live = {name: stored(fleet, name) for name in CASES}
        assert "no drift" in fleet.bandplan("drift", "--engine", engine)
        found = {name: option.look(live[name]) for name, (_, option) in CASES.items()}
        assert found == {name: option.seen[deploy] for name, (_, option) in CASES.items()}
