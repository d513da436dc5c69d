"""What is refused, and by which code, in plain HTTP."""

from typing import Any

import pytest

from tests.contract.target import ENDPOINTS, PERMISSIONS, Target, refused

REFUSED_CONFIGS: dict[str, Any] = {
    "traffic_that_is_not_100": lambda t: {
        "served_entities": [t.bands(name="a")],
        "traffic_config": {"routes": [{"served_entity_name": "a", "traffic_percentage": 99}]},
    },
    "route_to_an_entity_that_is_gone": lambda t: {
        "served_entities": [t.bands(name="a")],
        "traffic_config": {"routes": [{"served_entity_name": "old", "traffic_percentage": 100}]},
    },
    "two_entities_without_routes": lambda t: {"served_entities": [t.bands(name="a"), t.bands(name="b")]},
    "no_entity": lambda t: {"served_entities": []},
    "s8_no_multiple_of_the_chunk": lambda t: {
        "served_entities": [t.bands(max_provisioned_throughput=t.model("chat").chunk + 1)]
    },
    "s1_units_for_a_model_in_bands": lambda t: {
        "served_entities": [
            {
                "entity_name": t.model("chat").name,
                "entity_version": t.model("chat").version,
                "provisioned_model_units": 50,
            }
        ]
    },
    "s4_no_version": lambda t: {"served_entities": [{**t.bands(), "entity_version": None}]},
}


@pytest.mark.parametrize("config", REFUSED_CONFIGS.values(), ids=REFUSED_CONFIGS.keys())
def test_config_is_refused_and_nothing_is_made(target: Target, name: str, config: Any) -> None:
    answer = target.send("POST", ENDPOINTS, {"name": name, "config": config(target)})
    assert refused(answer) == (400, "INVALID_PARAMETER_VALUE")
    assert target.send("GET", f"{ENDPOINTS}/{name}").status == 404


@pytest.mark.parametrize("bad", ["pt", "a b", "a/b", "é", "", "x" * 64])
def test_name_is_refused(target: Target, bad: str) -> None:
    assert refused(target.send("POST", ENDPOINTS, {"name": bad})) == (400, "INVALID_PARAMETER_VALUE")


def test_used_name_is_refused_by_its_code(target: Target, name: str) -> None:
    target.ok("POST", ENDPOINTS, {"name": name})
    answer = target.send("POST", ENDPOINTS, {"name": name})
    assert answer.error_code == "RESOURCE_ALREADY_EXISTS"
    assert answer.status in (400, 409)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", f"{ENDPOINTS}/bandplan-no-such"),
        ("DELETE", f"{ENDPOINTS}/bandplan-no-such"),
        ("GET", f"{ENDPOINTS}/get-model-optimization-info/system.ai.no_such/1"),
        ("GET", f"{PERMISSIONS}/{'0' * 32}"),
        ("POST", "/serving-endpoints/bandplan-no-such/invocations"),
    ],
)
def test_what_is_not_there_does_not_exist(target: Target, method: str, path: str) -> None:
    assert refused(target.send(method, path, {} if method == "POST" else None)) == (404, "RESOURCE_DOES_NOT_EXIST")


def test_body_that_is_no_json_is_a_bad_request(target: Target) -> None:
    answer = target.send("POST", ENDPOINTS, b"{")
    assert answer.status == 400
    assert answer.error_code


def test_table_of_an_enabled_inference_table_cannot_be_renamed(target: Target, name: str) -> None:
    if not target.is_stub:
        pytest.skip("needs a catalog to write to")
    table = {"catalog_name": "ml", "schema_name": "logs", "table_name_prefix": "a", "enabled": True}
    target.create(name, ai_gateway={"inference_table_config": table})
    gateway, renamed = f"{ENDPOINTS}/{name}/ai-gateway", {**table, "table_name_prefix": "b"}
    answer = target.send("PUT", gateway, {"inference_table_config": renamed})
    assert refused(answer) == (400, "INVALID_PARAMETER_VALUE")
    target.ok("PUT", gateway, {"inference_table_config": {**table, "enabled": False}})
    target.ok("PUT", gateway, {"inference_table_config": renamed})
