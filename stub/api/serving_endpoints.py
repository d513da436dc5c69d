"""/api/2.0/serving-endpoints: create, read, list, update and delete, in the classic and the /pt form."""

from stub.api.answers import Answer, json_answer
from stub.api.configuration import read_classic, read_provisioned, show, summarise
from stub.api.requests import Json, Request, boolean, json_object, objects, required_text, text, texts
from stub.api.routing import Router
from stub.state.configuration import Configuration
from stub.state.endpoint import UPDATE_FAILED, Endpoint
from stub.state.endpoints import EndpointRequest, Endpoints

READY: Json = {"deployment": "DEPLOYMENT_READY", "deployment_state_message": ""}
CREATING: Json = {"deployment": "DEPLOYMENT_CREATING", "deployment_state_message": "Creating resources"}

OBJECT_SETTINGS = ("ai_gateway", "email_notifications", "telemetry_config")
TEXT_SETTINGS = ("description", "budget_policy_id")
ECHOED = ("description", "ai_gateway", "email_notifications", "telemetry_config")
"""Settings that a read shows. budget_policy_id and rate_limits are accepted and never shown, as on the platform."""

Tags = tuple[tuple[str, str | None], ...]


def add_routes(router: Router, endpoints: Endpoints) -> None:
    routes = ServingEndpoints(endpoints)
    base = "/api/2.0/serving-endpoints"
    router.add("POST", base, routes.create)
    router.add("GET", base, routes.list_all)
    router.add("POST", f"{base}/pt", routes.create_provisioned)
    router.add("GET", f"{base}/{{name}}", routes.read)
    router.add("DELETE", f"{base}/{{name}}", routes.delete)
    router.add("PUT", f"{base}/{{name}}/config", routes.update_config)
    router.add("PUT", f"{base}/pt/{{name}}/config", routes.update_provisioned_config)
    router.add("PATCH", f"{base}/{{name}}/tags", routes.update_tags)
    router.add("PUT", f"{base}/{{name}}/ai-gateway", routes.update_ai_gateway)
    router.add("PATCH", f"{base}/{{name}}/notifications", routes.update_notifications)
    router.add("PUT", f"{base}/{{name}}/rate-limits", routes.update_rate_limits)
    router.add("PATCH", f"{base}/{{name}}/telemetry-config", routes.update_telemetry_config)


class ServingEndpoints:
    """The routes; each reads the wire, asks the state, shows the result."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def create(self, request: Request) -> Answer:
        body = request.json()
        config = json_object(body, "config")
        # An empty config means none, too: the Go provider sends one when the block has nothing in it.
        wanted = read_classic(config) if config and (config.keys() - {"name"}) else None
        return self._create(body, wanted)

    def create_provisioned(self, request: Request) -> Answer:
        body = request.json()
        return self._create(body, read_provisioned(json_object(body, "config") or {}))

    def _create(self, body: Json, config: Configuration | None) -> Answer:
        settings: Json = {}
        for key in OBJECT_SETTINGS:
            if value := json_object(body, key):  # an empty object says no more than an absent one
                settings[key] = value
        for key in TEXT_SETTINGS:
            if (words := text(body, key)) is not None:
                settings[key] = words
        if (optimized := boolean(body, "route_optimized")) is not None:
            settings["route_optimized"] = optimized
        if limits := objects(body, "rate_limits"):
            settings["rate_limits"] = limits
        request = EndpointRequest(required_text(body, "name"), config, settings, read_tags(body, "tags"))
        return json_answer(detail(self._endpoints.create(request)))

    def read(self, request: Request) -> Answer:
        return json_answer(detail(self._endpoints.read(request.path_values[0])))

    def list_all(self, request: Request) -> Answer:
        return json_answer({"endpoints": [summary(endpoint) for endpoint in self._endpoints.all()]})

    def delete(self, request: Request) -> Answer:
        self._endpoints.delete(request.path_values[0])
        return json_answer({})

    def update_config(self, request: Request) -> Answer:
        # The classic form has the fields of the configuration at the top level, the /pt form wraps them.
        wanted = read_classic(request.json())
        return json_answer(detail(self._endpoints.update_config(request.path_values[0], wanted)))

    def update_provisioned_config(self, request: Request) -> Answer:
        wanted = read_provisioned(json_object(request.json(), "config") or {})
        return json_answer(detail(self._endpoints.update_config(request.path_values[0], wanted)))

    def update_tags(self, request: Request) -> Answer:
        body = request.json()
        delete = tuple(texts(body, "delete_tags"))
        endpoint = self._endpoints.update_tags(request.path_values[0], read_tags(body, "add_tags"), delete)
        return json_answer({"tags": show_tags(endpoint)})

    def update_ai_gateway(self, request: Request) -> Answer:
        gateway = request.json()
        self._endpoints.update_setting(request.path_values[0], "ai_gateway", gateway or None)
        return json_answer(gateway)

    def update_notifications(self, request: Request) -> Answer:
        notifications = json_object(request.json(), "email_notifications") or {}
        name = request.path_values[0]
        self._endpoints.update_setting(name, "email_notifications", notifications or None)
        return json_answer({"name": name, "email_notifications": notifications})

    def update_rate_limits(self, request: Request) -> Answer:
        limits = objects(request.json(), "rate_limits")
        self._endpoints.update_setting(request.path_values[0], "rate_limits", limits or None)
        return json_answer({"rate_limits": limits})

    def update_telemetry_config(self, request: Request) -> Answer:
        telemetry = json_object(request.json(), "telemetry_config")
        endpoint = self._endpoints.update_setting(request.path_values[0], "telemetry_config", telemetry)
        return json_answer(detail(endpoint))


def read_tags(body: Json, key: str) -> Tags:
    return tuple((required_text(tag, "key", f"{key}/"), text(tag, "value", f"{key}/")) for tag in objects(body, key))


def show_tags(endpoint: Endpoint) -> list[Json]:
    return [{"key": key} if value is None else {"key": key, "value": value} for key, value in endpoint.tags]


def detail(endpoint: Endpoint) -> Json:
    """The endpoint as one GET shows it; `state` is always there, as the Go clients fail without it."""
    shown = _head(endpoint)
    shown["permission_level"] = "CAN_MANAGE"
    shown["route_optimized"] = bool(endpoint.settings.get("route_optimized", False))
    for key in ECHOED:
        if key in endpoint.settings:
            shown[key] = endpoint.settings[key]
    if endpoint.config is not None:
        shown["config"] = show(endpoint.config, READY, {})
    if endpoint.pending is not None:
        shown["pending_config"] = {
            **show(endpoint.pending, CREATING, _failed_states(endpoint)),
            "start_time": endpoint.pending_started_ms,
        }
    return shown


def summary(endpoint: Endpoint) -> Json:
    """The endpoint as the list shows it."""
    shown = _head(endpoint)
    for key in ("description", "ai_gateway", "telemetry_config"):
        if key in endpoint.settings:
            shown[key] = endpoint.settings[key]
    serving = endpoint.config or endpoint.pending
    if serving is not None:
        shown["config"] = summarise(serving)
    return shown


def _head(endpoint: Endpoint) -> Json:
    shown: Json = {
        "name": endpoint.name,
        "id": endpoint.id,
        "creator": endpoint.creator,
        "creation_timestamp": endpoint.created_ms,
        "last_updated_timestamp": endpoint.updated_ms,
        "state": {
            "ready": "READY" if endpoint.is_ready else "NOT_READY",
            "config_update": endpoint.config_update,
        },
        "tags": show_tags(endpoint),
    }
    if endpoint.task is not None:
        shown["task"] = endpoint.task
    return shown


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
