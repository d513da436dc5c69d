"""What the contract suite talks to: a stub of its own, or the workspace that the environment names."""

import json
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import urllib3

ENDPOINTS = "/api/2.0/serving-endpoints"
PERMISSIONS = "/api/2.0/permissions/serving-endpoints"

HOST, TOKEN, PREFIX = "BANDPLAN_CONTRACT_HOST", "BANDPLAN_CONTRACT_TOKEN", "BANDPLAN_CONTRACT_PREFIX"
MODELS = {
    "chat": ("BANDPLAN_CONTRACT_CHAT_MODEL", "system.ai.llama_v3_3_70b_instruct/1"),
    "completions": ("BANDPLAN_CONTRACT_COMPLETIONS_MODEL", "system.ai.mpt_7b_instruct/1"),
    "embeddings": ("BANDPLAN_CONTRACT_EMBEDDINGS_MODEL", "system.ai.gte_large_en_v1_5/1"),
    "units": ("BANDPLAN_CONTRACT_UNITS_MODEL", "system.ai.llama-4-maverick/1"),
}
"""What a model is for, the variable that names it (`catalog.schema.model/version`), and the one on the stub."""


@dataclass(frozen=True)
class Model:
    name: str
    version: str
    chunk: int
    """Tokens per second in one chunk, as the workspace says; 0 for a model in model units."""

    @property
    def served_name(self) -> str:
        """The name that the platform gives to an entity without one."""
        return f"{self.name.rpartition('.')[2]}-{self.version}"


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    headers: Mapping[str, str]

    @property
    def error_code(self) -> str:
        return str(self.body["error_code"])


@dataclass
class Target:
    """A workspace; `state_dir` is that of the stub, None for a real one."""

    host: str
    token: str = field(repr=False)
    prefix: str
    state_dir: Path | None
    pool: urllib3.PoolManager = field(default_factory=lambda: urllib3.PoolManager(maxsize=8), repr=False)
    _models: dict[str, Model] = field(default_factory=dict)

    @property
    def is_stub(self) -> bool:
        return self.state_dir is not None

    @property
    def wait_seconds(self) -> int:
        """How long an update may take."""
        return 100 if self.is_stub else 3600

    def model(self, kind: str) -> Model:
        """The model to use for `kind`, a key of MODELS; its chunk is asked of the workspace, once."""
        if kind not in self._models:
            variable, default = MODELS[kind]
            name, _, version = os.environ.get(variable, default).rpartition("/")
            info = self.ok("GET", f"{ENDPOINTS}/get-model-optimization-info/{name}/{version}")
            assert info["optimizable"] is True, f"{variable}: {name} version {version} takes no provisioned throughput"
            self._models[kind] = Model(name, version, info.get("throughput_chunk_size", 0))
        return self._models[kind]

    def bands(self, kind: str = "chat", low: int = 0, high: int = 1, **fields: Any) -> dict[str, Any]:
        """A served entity from `low` to `high` chunks."""
        model = self.model(kind)
        return {
            "entity_name": model.name,
            "entity_version": model.version,
            "min_provisioned_throughput": low * model.chunk,
            "max_provisioned_throughput": high * model.chunk,
            **fields,
        }

    def send(self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None) -> Answer:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {self.token}", **(headers or {})}
        response = self.pool.request(method, self.host + path, body=data, headers=sent, retries=False, redirect=False)
        received = {key.lower(): value for key, value in response.headers.items()}
        is_json = "json" in received.get("content-type", "")
        return Answer(response.status, json.loads(response.data) if is_json else response.data.decode(), received)

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.send(method, path, body)
        assert answer.status == 200, (method, path, answer.status, answer.body)
        return answer.body

    def settle(self, name: str) -> Any:
        """Read until the update has ended; the last read."""
        deadline = time.monotonic() + self.wait_seconds
        while True:
            endpoint = self.ok("GET", f"{ENDPOINTS}/{name}")
            if endpoint["state"]["config_update"] != "IN_PROGRESS":
                return endpoint
            assert time.monotonic() < deadline, f"{name} does not settle"
            if not self.is_stub:
                time.sleep(10)

    def create(self, name: str, *entities: dict[str, Any], **fields: Any) -> Any:
        """A settled endpoint of the classic form; one chat model in one chunk unless entities are given."""
        served = list(entities) or [self.bands()]
        self.ok("POST", ENDPOINTS, {"name": name, "config": {"served_entities": served}, **fields})
        return self.settle(name)


def refused(answer: Answer) -> tuple[int, str]:
    """Status and code of an error."""
    return answer.status, answer.error_code
