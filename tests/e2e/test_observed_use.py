"""What the local workspace served, as `observe` reads it from the export and `rightsize` from rows of its log."""

import csv
import json
from datetime import UTC, datetime
from typing import Any

from tests.e2e.conftest import FleetProject

MODELS = """\
version: 1
models:
  - {name: chat, task: llm/v1/chat, model: system.ai.llama_v3_3_70b_instruct, version: "1",
     throughput: {bands: {min: 1, max: 2}}}
"""
ASKED = 4


def test_export_and_rows_of_the_log_tell_the_same_requests(fleet: FleetProject) -> None:
    fleet.write_models(MODELS)
    fleet.bandplan("up", "--yes", "--engine", "embedded")  # which sends a query of its own
    for number in range(ASKED):
        body = {"messages": [{"role": "user", "content": "word " * (3 + number)}], "max_tokens": 5}
        fleet.request("POST", "/serving-endpoints/chat/invocations", body)

    fleet.request("POST", "/stub/clock", {"stopped": True})  # the last minute stays the last one, however slow we are

    out = fleet.bandplan("observe")

    # One chunk runs, with four requests in flight.
    assert f"chat: {ASKED + 1} requests, 0 answered 4xx, 0 answered 5xx, provisioned concurrency 4, GPU" in out
    log: list[dict[str, Any]] = fleet.request("GET", "/stub/requests?since=0")["requests"]
    assert len(log) == ASKED + 1
    with (fleet.root / "use.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("request_time", "endpoint_name", "status_code", "input_token_count", "output_token_count"))
        for one in log:
            at = datetime.fromtimestamp(one["arrived_ms"] / 1000, UTC).isoformat()
            rows.writerow((at, one["endpoint"], 200, one["input_tokens"], one["output_tokens"]))
    answer = json.loads(fleet.bandplan("rightsize", "--usage", str(fleet.root / "use.csv"), "--json"))
    (found,) = answer["endpoints"]
    assert found["decision"] == "abstain"
    assert {"few-samples", "short-window"} <= {reason["code"] for reason in found["reasons"]}
    assert found["window"]["requests"] == ASKED + 1
    mean = sum(one["input_tokens"] for one in log) / len(log)
    assert abs(found["window"]["input_tokens"] - mean) < 0.001
