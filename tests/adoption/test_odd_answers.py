"""Answers in which a value is of another kind than the API says: every look ends in a finding, never in a traceback."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from bandplan.adoption.entry import model_versions, proposed
from bandplan.drift.fields import field_findings
from bandplan.serving.endpoint.live_endpoint import LiveEndpoint
from bandplan.serving.workspace.endpoint_access import direct_grants
from bandplan.serving.workspace.surveyed import Surveyed
from tests.drift.builders import recorded
from tests.endpoint.builders import declaration, live_config

ODD: tuple[Any, ...] = (None, True, 7, 1.5, float("nan"), "text", "9" * 5000, [], ["a"], [{"a": 1}], {}, {"a": ["b"]})
BODY: dict[str, Any] = {
    "name": "chat",
    "id": "0" * 32,
    "state": {"ready": "READY", "config_update": "NOT_UPDATING"},
    "config": {**live_config(), "auto_capture_config": {"enabled": False}},
    "task": "llm/v1/chat",
    "tags": [{"key": "team", "value": "x"}],
    "description": "Answers",
    "email_notifications": {"on_update_failure": ["a@example.com"]},
    "rate_limits": [{"calls": 5, "key": "user", "renewal_period": "minute"}],
    "ai_gateway": {
        "usage_tracking_config": {"enabled": True},
        "rate_limits": [{"calls": 5, "key": "user", "renewal_period": "minute"}],
        "guardrails": {"input": {"safety": True, "pii": {"behavior": "MASK"}, "invalid_keywords": ["a"]}},
    },
    "telemetry_config": {"table_names": {"logs_table": "m.d.l"}},
    "budget_policy_id": "b1f0c2d4-0000-4000-8000-000000000000",
    "route_optimized": False,
    "endpoint_url": "https://x.example",
    "last_updated_timestamp": 5,
    "permissions": {
        "access_control_list": [
            {"group_name": "apps", "all_permissions": [{"permission_level": "CAN_QUERY", "inherited": False}]}
        ]
    },
}


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if place:
        yield place
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*place, step))


def put(place: tuple[Any, ...], odd: Any) -> dict[str, Any]:
    body = copy.deepcopy(BODY)
    inner: Any = body
    for step in place[:-1]:
        inner = inner[step]
    inner[place[-1]] = odd
    return body


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: repr(odd)[:12])
def test_no_value_of_another_kind_breaks_a_look(odd: Any) -> None:
    declared = recorded(**declaration(aiGateway={"usageTrackingConfig": {"enabled": True}}, tags=[{"key": "team"}]))
    for place in places(BODY):
        body = put(place, odd)
        access = body.pop("permissions")
        live = LiveEndpoint.from_response(body)
        grants = tuple(direct_grants(access if isinstance(access, dict) else {}))
        surveyed = Surveyed("chat", live, body, grants)
        field_findings(declared, live)
        model_versions([surveyed])
        proposed(surveyed, {}, "me@example.com")
