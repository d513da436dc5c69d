"""A serving endpoint as the workspace reports it, as typed values.

Source: docs.databricks.com REST reference, "Serving endpoints", GET /api/2.0/serving-endpoints/{name} (read 2025-11).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bandplan.serving.endpoint.api_fields import CONFIG, ROUTE, unknown
from bandplan.wire.capacity import SERVED_FIELDS

READY = "READY"
NOT_UPDATING, IN_PROGRESS = "NOT_UPDATING", "IN_PROGRESS"
UPDATE_FAILED, UPDATE_CANCELED = "UPDATE_FAILED", "UPDATE_CANCELED"

DEPLOYMENT_READY = "DEPLOYMENT_READY"
DEPLOYMENT_CREATING, DEPLOYMENT_RECOVERING = (
    "DEPLOYMENT_CREATING",
    "DEPLOYMENT_RECOVERING",
)
DEPLOYMENT_FAILED, DEPLOYMENT_ABORTED = "DEPLOYMENT_FAILED", "DEPLOYMENT_ABORTED"


_LONGEST_MESSAGE = 4000
"""Characters kept of a deployment's message; a workspace may answer with any number of them."""
_NUMBERS = frozenset((*SERVED_FIELDS, "min_provisioned_concurrency", "max_provisioned_concurrency", "calls", "tokens"))
"""Fields of entities and rate limits that hold a whole number."""
_MOST_DIGITS = 18
"""Of a whole number that a workspace answers with; a longer one is none."""


@dataclass(frozen=True)
class ServedEntity:
    """A model version behind an endpoint: the progress of its deployment, and its settings with the platform's names.

    `deployment` is one of the DEPLOYMENT_ words, or None where the platform states none; `message` is its explanation.
    """

    name: str
    settings: Mapping[str, Any]
    deployment: str | None = None
    message: str = ""


@dataclass(frozen=True)
class Config:
    """The config that an endpoint runs or is about to run. The two views of its entities hold the same ones in the same
    order.

    `traffic_percent` maps each entity name to its share, in the order of the routes. `unknown_fields`, and those of
    routes by entity name, are fields that this program does not know (`api_fields`).
    """

    version: int | None
    served_entities: tuple[ServedEntity, ...] = ()
    served_models: tuple[ServedEntity, ...] = ()
    traffic_percent: Mapping[str, int] = field(default_factory=dict)
    auto_capture_config: Mapping[str, Any] = field(default_factory=dict)
    unknown_fields: Mapping[str, Any] = field(default_factory=dict)
    unknown_of_routes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)

    @property
    def entities(self) -> tuple[ServedEntity, ...]:
        return self.served_entities or self.served_models


@dataclass(frozen=True)
class LiveEndpoint:
    """An endpoint at one moment: state, running config, config under way, and what surrounds them.

    `config` is absent while the first deployment runs; `pending_config` is kept after a failed update.
    """

    name: str
    id: str
    ready: str
    config_update: str
    config: Config | None = None
    pending_config: Config | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    email_notifications: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    rate_limits: tuple[Mapping[str, Any], ...] | None = None
    ai_gateway: Mapping[str, Any] = field(default_factory=dict)
    telemetry_config: Mapping[str, Any] = field(default_factory=dict)
    endpoint_url: str | None = None
    task: str | None = None
    last_updated_ms: int = 0

    @property
    def is_updating(self) -> bool:
        return self.config_update == IN_PROGRESS

    @property
    def has_failed_update(self) -> bool:
        return self.config_update in (UPDATE_FAILED, UPDATE_CANCELED)

    @classmethod
    def from_response(cls, body: Mapping[str, Any]) -> "LiveEndpoint":
        """Read the endpoint from the body of a GET, POST or PUT; parts that are absent or malformed become empty."""
        state = _mapping(body.get("state"))
        limits = body.get("rate_limits")
        return cls(
            name=str(body.get("name", "")),
            id=str(body.get("id", "")),
            ready=str(state.get("ready", "")),
            config_update=str(state.get("config_update", "")),
            config=_config(body.get("config")),
            pending_config=_config(body.get("pending_config")),
            tags={str(tag["key"]): str(tag.get("value") or "") for tag in _list(body.get("tags")) if "key" in tag},
            description=str(body.get("description") or ""),
            email_notifications={
                kind: tuple(map(str, addresses)) if isinstance(addresses, list) else ()
                for kind, addresses in _mapping(body.get("email_notifications")).items()
            },
            rate_limits=None if limits is None else tuple(_list(limits)),
            ai_gateway=_in_kind(_mapping(body.get("ai_gateway"))),
            telemetry_config=_mapping(body.get("telemetry_config")),
            endpoint_url=_text(body.get("endpoint_url")),
            task=_text(body.get("task")),
            last_updated_ms=_whole_number(body.get("last_updated_timestamp")),
        )


def _config(body: Any) -> Config | None:
    if not isinstance(body, Mapping):
        return None
    version = body.get("config_version")
    routes = _list(_mapping(body.get("traffic_config")).get("routes"))
    others = {_target(route): unknown(route, ROUTE) for route in routes}
    return Config(
        version=None if version is None else _whole_number(version),
        served_entities=tuple(_entity(item) for item in _list(body.get("served_entities"))),
        served_models=tuple(_entity(item) for item in _list(body.get("served_models"))),
        traffic_percent={_target(route): _whole_number(route.get("traffic_percentage")) for route in routes},
        auto_capture_config=_mapping(body.get("auto_capture_config")),
        unknown_fields=unknown(body, CONFIG),
        unknown_of_routes={name: fields for name, fields in others.items() if fields},
    )


def _target(route: Mapping[str, Any]) -> str:
    return str(route.get("served_entity_name") or route.get("served_model_name"))


def _entity(body: Mapping[str, Any]) -> ServedEntity:
    state = _mapping(body.get("state"))
    return ServedEntity(
        name=str(body.get("name") or ""),
        settings={
            key: value for key, value in _in_kind(body).items() if key not in ("state", "creator", "creation_timestamp")
        },
        deployment=_text(state.get("deployment")),
        message=str(state.get("deployment_state_message") or "")[:_LONGEST_MESSAGE],
    )


_PARTS = frozenset(
    ("usage_tracking_config", "inference_table_config", "fallback_config", "guardrails", "input", "output", "pii")
)
_MAPPINGS = _PARTS | {"external_model", "foundation_model", "environment_vars"}
_LISTS = frozenset(("rate_limits", "invalid_keywords", "valid_topics"))


def _in_kind(body: Mapping[str, Any]) -> dict[str, Any]:
    """Without the known fields whose value is of another kind than the API says; unknown fields stay as they are."""
    found: dict[str, Any] = {}
    for name, value in body.items():
        if name in _MAPPINGS and isinstance(value, Mapping):
            found[name] = _in_kind(value) if name in _PARTS else value
        elif name == "rate_limits" and isinstance(value, list):
            found[name] = [_in_kind(limit) for limit in _list(value)]
        elif name in _NUMBERS and isinstance(value, int | float | str):
            found[name] = value if isinstance(value, int) else _whole_number(value)
        elif name not in _MAPPINGS | _NUMBERS and (name not in _LISTS or isinstance(value, list)):
            found[name] = value
    return found


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _whole_number(value: Any) -> int:
    """The number, also one that came as text; 0 for anything else."""
    if isinstance(value, str) and value.isdecimal() and len(value) < _MOST_DIGITS:
        return int(value)
    return int(value) if isinstance(value, (int, float)) and abs(value) < 10**_MOST_DIGITS else 0


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
