"""A client for the tests: one request, one plain answer."""

import json
from dataclasses import dataclass
from typing import Any

import urllib3

ENDPOINTS = "/api/2.0/serving-endpoints"
MODELS = "/api/2.1/unity-catalog/models"
LLAMA = "system.ai.llama_v3_3_70b_instruct"  # chunk 980 (stated)
MAVERICK = "system.ai.llama-4-maverick"
GTE = "system.ai.gte_large_en_v1_5"
BGE = "system.ai.bge_large_en_v1_5"


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    headers: dict[str, str]

    @property
    def error_code(self) -> str:
        return str(self.body["error_code"])

    @property
    def message(self) -> str:
        return str(self.body["message"])


class StubClient:
    def __init__(self, host: str, token: str | None) -> None:
        self.host = host
        self.pool = urllib3.PoolManager(maxsize=64, retries=False)
        self.authorization = {"Authorization": f"Bearer {token}"} if token is not None else {}

    def raw(self, method: str, path: str, body: bytes | None = None) -> urllib3.BaseHTTPResponse:
        return self.pool.request(method, self.host + path, body=body, headers=self.authorization)

    def send(self, method: str, path: str, body: Any = None) -> Reply:
        response = self.raw(method, path, None if body is None else json.dumps(body).encode())
        headers = {key.lower(): value for key, value in response.headers.items()}
        kind = headers.get("content-type", "")
        return Reply(response.status, json.loads(response.data) if "json" in kind else response.data.decode(), headers)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        reply = self.send(method, path, body)
        assert reply.status == 200, reply
        return reply.body

    def settle(self, name: str) -> Any:
        """Read until the update has ended; the last read."""
        for _ in range(20):
            endpoint = self.ok("GET", f"{ENDPOINTS}/{name}")
            if endpoint["state"]["config_update"] != "IN_PROGRESS":
                return endpoint
        raise AssertionError(f"{name} does not settle")

    def create(self, name: str, *entities: dict[str, Any], **fields: Any) -> Any:
        """A settled classic endpoint; one Llama in bands unless entities are given."""
        config = {"served_entities": list(entities) or [bands()]}
        if len(entities) > 1:
            share = 100 // len(entities)
            routes = [{"served_entity_name": e["name"], "traffic_percentage": share} for e in entities]
            config["traffic_config"] = {"routes": routes}  # type: ignore[assignment]
        self.ok("POST", ENDPOINTS, {"name": name, "config": config, **fields})
        return self.settle(name)


def bands(**changes: Any) -> dict[str, Any]:
    """A valid entity in bands: 1 to 2 chunks of 980."""
    entity = {
        "entity_name": LLAMA,
        "entity_version": "1",
        "min_provisioned_throughput": 980,
        "max_provisioned_throughput": 1960,
    }
    return _changed(entity, changes)


def units(**changes: Any) -> dict[str, Any]:
    """A valid entity in model units."""
    return _changed({"entity_name": MAVERICK, "entity_version": "1", "provisioned_model_units": 50}, changes)


def _changed(entity: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in {**entity, **changes}.items() if value is not ...}
