"""Scripts with `requests`, as the platform's own pages show them: headers, version as a number, polling by hand.

Pages: "Provisioned throughput Foundation Model APIs" and "Optimized large language model serving", docs.databricks.com.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest
import requests

from tests.contract.target import Target

PARAMS = {"max_tokens": 2, "temperature": 0.5, "stop": ["word1", "word2"], "candidate_count": 1}

FORMATS = {
    "dataframe_split": {"columns": ["prompt"], "index": [0], "data": [["Hello"]]},
    "dataframe_records": [{"prompt": "Hello"}],
    "instances": [{"prompt": "Hello"}],
    "inputs": {"prompt": ["Hello"]},
}


@pytest.fixture
def headers(target: Target) -> dict[str, str]:
    """The pages write `Context-Type`, so what really arrives is a body without a content type."""
    return {"Context-Type": "text/json", "Authorization": f"Bearer {target.token}"}


def test_s5_s9_provisioned_throughput_from_optimization_info_to_the_first_query(
    target: Target, headers: dict[str, str], name: str
) -> None:
    model = target.model("chat")
    info = requests.get(
        url=f"{target.host}/api/2.0/serving-endpoints/get-model-optimization-info/{model.name}/{model.version}",
        headers=headers,
    ).json()
    assert info["optimizable"] is True
    chunk_size = info["throughput_chunk_size"]
    data = {
        "name": name,
        "config": {
            "served_entities": [
                {
                    "entity_name": model.name,
                    "entity_version": int(model.version),
                    "min_provisioned_throughput": 2 * chunk_size,
                    "max_provisioned_throughput": 3 * chunk_size,
                }
            ]
        },
    }
    made = requests.post(url=f"{target.host}/api/2.0/serving-endpoints", json=data, headers=headers)
    assert made.status_code == 200
    for _ in range(target.wait_seconds):
        state = requests.get(f"{target.host}/api/2.0/serving-endpoints/{name}", headers=headers).json()["state"]
        if state["ready"] == "READY" and state["config_update"] == "NOT_UPDATING":
            break
    else:
        pytest.fail(f"{name} never became ready")
    answer = requests.post(
        f"{target.host}/serving-endpoints/{name}/invocations",
        data=json.dumps({"messages": [{"role": "user", "content": "Hello!"}], "max_tokens": 3}),
        headers=headers,
    )
    assert answer.json()["usage"]["completion_tokens"] == 3


def test_s25_legacy_endpoint_is_created_with_served_models(target: Target, headers: dict[str, str], name: str) -> None:
    if not target.is_stub:
        pytest.skip("legacy optimized serving needs GPU workload types, and no workspace makes new ones")
    model = {
        "model_name": "ml.legacy.mpt_7b_instruct",
        "model_version": 3,
        "workload_size": "Small",
        "scale_to_zero_enabled": False,
        "workload_type": "GPU_LARGE",
    }
    body = {"name": name, "config": {"served_models": [model]}}
    made = requests.post(f"{target.host}/api/2.0/serving-endpoints", data=json.dumps(body), headers=headers)
    assert made.status_code == 200
    (served,) = target.settle(name)["config"]["served_models"]
    assert served.items() >= {**model, "model_version": "3", "name": "mpt_7b_instruct-3"}.items()
    for key, rows in FORMATS.items():
        predictions = query(target, headers, name, {key: rows, "params": PARAMS})["predictions"]
        assert [len(prediction["candidates"]) for prediction in predictions] == [1], key


@pytest.mark.parametrize("key", FORMATS)
def test_s29_s30_each_query_format_with_params_goes_to_the_invocations_path(
    target: Target, headers: dict[str, str], endpoint_of: Callable[[str], str], key: str
) -> None:
    answer = query(target, headers, endpoint_of("completions"), {key: FORMATS[key], "params": PARAMS})
    assert len(answer["predictions"]) == 1


def query(target: Target, headers: dict[str, str], name: str, body: dict[str, Any]) -> dict[str, Any]:
    url = f"{target.host}/serving-endpoints/{name}/invocations"
    response = requests.post(url, data=json.dumps(body), headers=headers)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer
