"""Fields of the API that this program has no word for."""

import dataclasses
from typing import Any

import pytest

from bandplan.serving.endpoint.api_fields import (
    CONFIG,
    ENDPOINT,
    ENTITY,
    GATEWAY,
    ROUTE,
    only_known,
    unknown_paths,
    with_unknown,
)

GATEWAY_NOW = {
    "usage_tracking_config": {"enabled": True, "level": "full"},
    "rate_limits": [{"calls": 1, "burst": 2}, {"calls": 3}],
    "semantic_cache": {"ttl": 5},
}


def test_what_is_not_known_is_named_at_any_depth_and_once() -> None:
    assert list(unknown_paths(GATEWAY_NOW, GATEWAY, "ai_gateway/")) == [
        "ai_gateway/usage_tracking_config/level",
        "ai_gateway/rate_limits/burst",
        "ai_gateway/semantic_cache",
    ]


def test_only_what_is_known_is_left() -> None:
    assert only_known(GATEWAY_NOW, GATEWAY) == {
        "usage_tracking_config": {"enabled": True},
        "rate_limits": [{"calls": 1}, {"calls": 3}],
    }


@pytest.mark.parametrize(
    ("limits", "merged"),
    [
        ([{"calls": 9}, {"calls": 9}], [{"calls": 9, "burst": 2}, {"calls": 9}]),
        ([{"calls": 9}], [{"calls": 9}]),  # which of two it is, nobody can tell
    ],
)
def test_wanted_with_what_is_not_known(limits: list[Any], merged: list[Any]) -> None:
    assert with_unknown({"rate_limits": limits}, GATEWAY_NOW, GATEWAY) == {
        "rate_limits": merged,
        "semantic_cache": {"ttl": 5},
    }


@pytest.mark.parametrize(
    ("known", "types"),
    [
        (ENTITY, ("ServedEntityInput", "ServedEntityOutput", "ServedModelInput", "ServedModelOutput", "PtServedModel")),
        (CONFIG, ("EndpointCoreConfigInput", "EndpointCoreConfigOutput", "EndpointPendingConfig")),
        (ROUTE, ("Route",)),
        (GATEWAY, ("AiGatewayConfig",)),
        (GATEWAY["rate_limits"], ("AiGatewayRateLimit",)),
        (GATEWAY["guardrails"]["input"], ("AiGatewayGuardrailParameters",)),
        (GATEWAY["inference_table_config"], ("AiGatewayInferenceTableConfig",)),
        (ENDPOINT, ("ServingEndpointDetailed",)),
    ],
)
def test_every_field_of_the_platforms_own_client_is_known(known: Any, types: tuple[str, ...]) -> None:
    serving = pytest.importorskip("databricks.sdk.service.serving")
    for name in types:
        assert {field.name for field in dataclasses.fields(getattr(serving, name))} <= set(known), name
