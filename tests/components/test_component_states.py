"""The component's inputs are those of states from before: any other would show as an update of every endpoint."""

from typing import Any

import pytest

from bandplan.components.capacity import capacity_inputs
from bandplan.components.fleet import endpoint_summary

LLAMA = "system.ai.meta_llama_v3_3_70b_instruct"
GATEWAY = {"usage_tracking_config": {"enabled": True}}

# Entry and chunk -> what a state written on 2026-11-29 (bandplan 0.1) holds for it.
RECORDED: dict[str, tuple[dict[str, Any], int | None, dict[str, Any]]] = {
    "bands": (
        {
            "name": "code-completions",
            "task": "llm/v1/completions",
            "model": "system.ai.mistral_7b_instruct",
            "version": "1",
            "throughput": {"bands": {"min": 1, "max": 3}},
            "demand": {"requests_per_second": 4, "input_tokens": 450, "output_tokens": 50},
            "headroom_percent": 20,
            "tags": {"team": "ml"},
            "ai_gateway": GATEWAY,
        },
        1120,
        {
            "burst": False,
            "ceilingTokensPerSecond": 3360,
            "chunkTokensPerSecond": 1120,
            "demandTokensPerSecond": 2000,
            "entities": [
                {
                    "ceilingTokensPerSecond": 3360,
                    "chunkTokensPerSecond": 1120,
                    "floorTokensPerSecond": 1120,
                    "maxBands": 3,
                    "minBands": 1,
                    "model": "system.ai.mistral_7b_instruct",
                    "servedName": "mistral_7b_instruct-1",
                    "trafficPercent": 100,
                    "version": "1",
                }
            ],
            "family": "bands",
            "floorTokensPerSecond": 1120,
            "gateway": {"tracksUsage": True},
            "headroom": 1.68,
            "headroomPercent": 20,
            "name": "code-completions",
            "tags": {"team": "ml"},
            "task": "llm/v1/completions",
        },
    ),
    "several entities": (
        {
            "name": "assistant-chat",
            "model": None,
            "version": None,
            "throughput": None,
            "demand": {"requests_per_second": 1.5, "input_tokens": 1800, "output_tokens": 300},
            "entities": [
                {
                    "name": "current",
                    "model": LLAMA,
                    "version": "1",
                    "throughput": {"bands": {"min": 2, "max": 4}},
                    "traffic_percent": 90,
                },
                {
                    "name": "candidate",
                    "model": LLAMA,
                    "version": "2",
                    "throughput": {"bands": {"min": 1, "max": 1}},
                    "traffic_percent": 10,
                },
            ],
        },
        980,
        {
            "burst": False,
            "ceilingTokensPerSecond": 4900,
            "chunkTokensPerSecond": 980,
            "demandTokensPerSecond": 3150,
            "entities": [
                {
                    "ceilingTokensPerSecond": 3920,
                    "chunkTokensPerSecond": 980,
                    "floorTokensPerSecond": 1960,
                    "maxBands": 4,
                    "minBands": 2,
                    "model": LLAMA,
                    "servedName": "current",
                    "trafficPercent": 90,
                    "version": "1",
                },
                {
                    "ceilingTokensPerSecond": 980,
                    "chunkTokensPerSecond": 980,
                    "floorTokensPerSecond": 980,
                    "maxBands": 1,
                    "minBands": 1,
                    "model": LLAMA,
                    "servedName": "candidate",
                    "trafficPercent": 10,
                    "version": "2",
                },
            ],
            "family": "bands",
            "floorTokensPerSecond": 2940,
            "headroom": 1.556,
            "headroomPercent": 20,
            "name": "assistant-chat",
            "task": "llm/v1/chat",
        },
    ),
    "model units": (
        {
            "name": "agent-chat",
            "model": "system.ai.gpt-oss-120b",
            "version": "1",
            "throughput": {"model_units": 100, "burst": True},
            "permissions": [{"group_name": "agents", "permission_level": "CAN_QUERY"}],
        },
        None,
        {
            "access": [{"groupName": "agents", "permissionLevel": "CAN_QUERY"}],
            "burst": True,
            "entities": [
                {
                    "burst": True,
                    "model": "system.ai.gpt-oss-120b",
                    "modelUnits": 100,
                    "servedName": "gpt-oss-120b-1",
                    "trafficPercent": 100,
                    "version": "1",
                }
            ],
            "family": "model_units",
            "modelUnits": 100,
            "name": "agent-chat",
            "task": "llm/v1/chat",
        },
    ),
}


@pytest.mark.parametrize("kind", RECORDED)
def test_the_inputs_are_those_of_a_state_from_before(sizing_of: Any, kind: str) -> None:
    entry, chunk, recorded = RECORDED[kind]

    assert capacity_inputs(sizing_of(chunk=chunk, **entry)) == recorded


def test_a_row_of_the_stack_output_is_that_of_a_state_from_before(sizing_of: Any) -> None:
    entry, chunk, _ = RECORDED["bands"]

    assert endpoint_summary(sizing_of(chunk=chunk, **entry), None) == {
        "name": "code-completions",
        "task": "llm/v1/completions",
        "family": "bands",
        "models": [{"model": "system.ai.mistral_7b_instruct", "version": "1", "traffic_percent": 100}],
        "floor_tokens_per_second": 1120,
        "ceiling_tokens_per_second": 3360,
        "model_units": None,
        "url": None,
    }
