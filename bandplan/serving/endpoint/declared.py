"""The declared part of an endpoint, read from the plain inputs of an EndpointReady."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bandplan.wire.guard import KEPT
from bandplan.wire.names import to_api

Api = Literal["classic", "pt"]
"""Which of the two families an endpoint was created in: it determines only the form of a config update."""

EntityKey = Literal["servedEntities", "servedModels"]

_API_LISTS = {
    "onUpdateFailures": "on_update_failure",
    "onUpdateSuccesses": "on_update_success",
}
"""Pulumi pluralises lists; the API's names are singular (package pulumi-databricks 1.118.0, type ModelServing)."""


@dataclass(frozen=True)
class Declared:
    """A declared endpoint. A part that is None is not managed here: the live value is left alone.

    `entities`, `routes` and `ai_gateway` keep Pulumi's property names, so that a difference can name its property path;
    `email_notifications` and `rate_limits` have the platform's. `traffic_percent` is by entity name, `kept` by property
    name: the settings that an endpoint keeps from its creation.
    """

    entity_key: EntityKey
    entities: tuple[Mapping[str, Any], ...]
    traffic_percent: Mapping[str, int] | None = None
    routes: tuple[Mapping[str, Any], ...] | None = None
    description: str | None = None
    email_notifications: Mapping[str, tuple[str, ...]] | None = None
    rate_limits: tuple[Mapping[str, Any], ...] | None = None
    tags: Mapping[str, str] | None = None
    ai_gateway: Mapping[str, Any] | None = None
    kept: Mapping[str, Any] = field(default_factory=dict)
    task: str | None = None

    @classmethod
    def from_inputs(cls, declared: Mapping[str, Any]) -> "Declared":
        """Read the checked, fully known `declared` input."""
        key: EntityKey = "servedEntities" if declared.get("servedEntities") else "servedModels"
        traffic = declared.get("trafficConfig")
        routes = None if traffic is None else tuple(traffic.get("routes") or ())
        notifications = declared.get("emailNotifications")
        limits = declared.get("rateLimits")
        tags = declared.get("tags")
        gateway = declared.get("aiGateway")
        return cls(
            entity_key=key,
            entities=tuple(declared.get(key) or ()),
            routes=routes,
            traffic_percent=None if routes is None else {route_target(r): int(r["trafficPercentage"]) for r in routes},
            description=declared.get("description"),
            email_notifications=None
            if notifications is None
            else {api: tuple(notifications.get(name) or ()) for name, api in _API_LISTS.items()},
            rate_limits=None if limits is None else tuple(to_api(item) for item in limits),
            tags=None if tags is None else {tag["key"]: str(tag.get("value") or "") for tag in tags},
            ai_gateway=gateway,
            kept={setting.name: declared.get(setting.name) or None for setting in KEPT},
            task=declared.get("task") or None,
        )


def route_target(route: Mapping[str, Any]) -> str:
    """Return the entity that a declared route leads to, by either of its two names."""
    return str(route.get("servedEntityName") or route.get("servedModelName") or "")
