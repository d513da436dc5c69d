"""A serving endpoint on the wire: in full for GET, reduced for the list."""

import json

from bandplan.stub.api.endpoints.configuration import show, summarise
from bandplan.stub.api.endpoints.encoded import Encoded
from bandplan.stub.api.endpoints.new_fields import LEFT_OUT, with_new_fields
from bandplan.stub.json_object import Json
from bandplan.stub.state.behaviour import Behaviours
from bandplan.stub.state.registry.tasks import CHAT
from bandplan.stub.state.serving.configuration import ServedEntity
from bandplan.stub.state.serving.endpoint import UPDATE_FAILED, Endpoint

READY: Json = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
CREATING: Json = {"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": "Creating resources"}

NOTHING_YET: Json = {
    "config_version": 0,
    "served_entities": [],
    "served_models": [],
    "traffic_config": {"routes": []},
}

ECHOED = ("ai_gateway", "email_notifications", "telemetry_config")
SUMMARISED = ("ai_gateway", "telemetry_config")
"""Settings that a read shows. `rate_limits` is accepted but never shown, as on the platform."""


class EndpointView:
    """A view of endpoints for a workspace at `host`."""

    def __init__(self, behaviours: Behaviours, host: str) -> None:
        self._behaviours = behaviours
        self._host = host
        self._details = Encoded(self.detail)
        self._summaries = Encoded(self.summary)

    def detail_text(self, endpoint: Endpoint) -> bytes:
        """Return `detail` as JSON text."""
        return self._details.text(endpoint, self._behaviours.now)

    def list_text(self, endpoints: tuple[Endpoint, ...]) -> bytes:
        """Return the list of endpoints as JSON text."""
        return self._summaries.list(endpoints, self._behaviours.now)

    def detail(self, endpoint: Endpoint) -> Json:
        """Show an endpoint in full; `state` is always included, as the Go clients fail without it."""
        if endpoint.is_pay_per_token:
            return show_pay_per_token(endpoint)
        shown = self._head(endpoint, ECHOED)
        shown["permission_level"] = "CAN_MANAGE"
        shown["route_optimized"] = bool(endpoint.settings.get("route_optimized", False))
        if shown["route_optimized"]:
            shown |= self._data_plane(endpoint)
        if policy := endpoint.settings.get("budget_policy_id"):
            # A read shows this instead of the id that was sent.
            shown["effective_budget_policy_id"] = policy
        if endpoint.config is not None:
            shown["config"] = show(endpoint.config, READY, {}, self._entity_settings)
        elif endpoint.pending is not None and self._behaviours.now.shows_config_while_creating:
            shown["config"] = NOTHING_YET
        if endpoint.pending is not None:
            shown["pending_config"] = {
                **show(endpoint.pending, CREATING, _failed_states(endpoint), self._entity_settings),
                "start_time": endpoint.pending_started_ms,
            }
        if self.adds_new_fields:
            return with_new_fields(shown, endpoint.settings.get(LEFT_OUT, ()))
        return shown

    @property
    def adds_new_fields(self) -> bool:
        return self._behaviours.now.adds_new_fields

    def summary(self, endpoint: Endpoint) -> Json:
        """Show an endpoint as in the list."""
        if endpoint.is_pay_per_token:
            return show_pay_per_token(endpoint)
        shown = self._head(endpoint, SUMMARISED)
        serving = endpoint.config or endpoint.pending
        if serving is not None:
            shown["config"] = summarise(serving)
        return shown

    def _head(self, endpoint: Endpoint, settings: tuple[str, ...]) -> Json:
        is_ready = endpoint.is_ready and (not endpoint.is_updating or self._behaviours.now.stays_ready_while_updating)
        shown: Json = {
            "name": endpoint.name,
            "id": endpoint.id,
            "creator": endpoint.creator,
            "creation_timestamp": endpoint.created_ms,
            "last_updated_timestamp": endpoint.updated_ms,
            "state": {
                "ready": "READY" if is_ready else "NOT_READY",
                "config_update": endpoint.config_update,
            },
            # Always shown, even if empty, unlike tags (recorded case recreate/route-optimized of the CLI).
            "description": endpoint.settings.get("description", ""),
        }
        if endpoint.tags:
            shown["tags"] = show_tags(endpoint)
        if endpoint.task is not None:
            shown["task"] = endpoint.task
        if self._behaviours.now.shows_budget_policy:
            settings = (*settings, "budget_policy_id")
        for key in settings:
            if key in endpoint.settings:
                shown[key] = endpoint.settings[key]
        if self._behaviours.now.fills_in_table_prefix and "ai_gateway" in shown:
            shown["ai_gateway"] = _with_table_prefix(shown["ai_gateway"], endpoint.name)
        return shown

    def _entity_settings(self, entity: ServedEntity) -> Json:
        """Return the compute fields of an entity as a read shows them."""
        settings = entity.settings
        if not self._behaviours.now.shows_burst_scaling:
            settings = {key: value for key, value in settings.items() if key != "burst_scaling_enabled"}
        if self._behaviours.now.resets_scale_to_zero and entity.is_provisioned:
            settings = {**settings, "scale_to_zero_enabled": False}
        return settings

    def _data_plane(self, endpoint: Endpoint) -> Json:
        """Show the URL at which a route-optimized endpoint is queried, and the rights that its token needs."""
        url = f"{self._host}/serving-endpoints/{endpoint.name}/invocations"
        rights = {
            "type": "workspace_permission",
            "object_type": "serving-endpoints",
            "object_path": f"/serving-endpoints/{endpoint.id}",
            "actions": ["query_inference_endpoint"],
        }
        info = {"endpoint_url": url, "authorization_details": json.dumps([rights])}
        return {"endpoint_url": url, "data_plane_info": {"query_info": info}}


def show_pay_per_token(endpoint: Endpoint) -> Json:
    """Show one of the platform's own endpoints: without id, creator and tags, the same in the list and on its own."""
    config = endpoint.config
    entities = config.entities if config is not None else ()
    return {
        "name": endpoint.name,
        "state": {"ready": "READY", "config_update": endpoint.config_update},
        "config": {"served_entities": [{"name": e.name, **e.settings} for e in entities]},
        "creation_timestamp": endpoint.created_ms,
        "last_updated_timestamp": endpoint.updated_ms,
        "task": endpoint.task,
        "endpoint_type": "FOUNDATION_MODEL_API",
        "permission_level": "CAN_QUERY",
        # The fields are those that were observed; the content of this one is unknown.
        "capabilities": {"function_calling": endpoint.task == CHAT},
    }


def show_tags(endpoint: Endpoint) -> list[Json]:
    return [{"key": key} if value is None else {"key": key, "value": value} for key, value in endpoint.tags]


def _with_table_prefix(gateway: Json, prefix: str) -> Json:
    table = gateway.get("inference_table_config") or {}
    if not table.get("enabled") or table.get("table_name_prefix"):
        return gateway
    return {**gateway, "inference_table_config": {**table, "table_name_prefix": prefix}}


def _failed_states(endpoint: Endpoint) -> dict[str, Json]:
    if endpoint.config_update != UPDATE_FAILED or endpoint.failure is None or endpoint.pending is None:
        return {}
    names = [entity.name for entity in endpoint.pending.entities]
    culprit = endpoint.failure.entity if endpoint.failure.entity in names else names[0]
    aborted = {
        "deployment": "DEPLOYMENT_ABORTED",
        "deployment_state_message": f"Aborted because '{culprit}' failed.",
    }
    states: dict[str, Json] = dict.fromkeys(names, aborted)
    states[culprit or names[0]] = {
        "deployment": "DEPLOYMENT_FAILED",
        "deployment_state_message": endpoint.failure.reason,
    }
    return states
