"""/api/2.0/serving-endpoints: create, read, list, update and delete, in the classic and the /pt form."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from stub.api.answers import Answer
from stub.api.configuration import read_classic, read_provisioned, show, summarise
from stub.api.requests import Json, boolean, json_object, objects, read_object, required_text, text, texts
from stub.api.routing import route
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


def routes(endpoints: Endpoints) -> list[Route]:
    handlers = ServingEndpoints(endpoints)
    base = "/api/2.0/serving-endpoints"
    return [
        route("POST", base, handlers.create),
        route("GET", base, handlers.list_all),
        route("POST", f"{base}/pt", handlers.create_provisioned),
        route("GET", f"{base}/{{name}}", handlers.read),
        route("DELETE", f"{base}/{{name}}", handlers.delete),
        route("PUT", f"{base}/{{name}}/config", handlers.update_config),
        route("PUT", f"{base}/pt/{{name}}/config", handlers.update_provisioned_config),
        route("PATCH", f"{base}/{{name}}/tags", handlers.update_tags),
        route("PUT", f"{base}/{{name}}/ai-gateway", handlers.update_ai_gateway),
        route("PATCH", f"{base}/{{name}}/notifications", handlers.update_notifications),
        route("PUT", f"{base}/{{name}}/rate-limits", handlers.update_rate_limits),
        route("PATCH", f"{base}/{{name}}/telemetry-config", handlers.update_telemetry_config),
    ]


class ServingEndpoints:
    """The handlers; each reads the wire, asks the state, shows the result."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    async def create(self, request: Request) -> Response:
        body = await read_object(request)
        config = json_object(body, "config")
        # An empty config means none, too: the Go provider sends one when the block has nothing in it.
        wanted = read_classic(config) if config and (config.keys() - {"name"}) else None
        return self._create(body, wanted)

    async def create_provisioned(self, request: Request) -> Response:
        body = await read_object(request)
        return self._create(body, read_provisioned(json_object(body, "config") or {}))

    def _create(self, body: Json, config: Configuration | None) -> Response:
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
        return Answer(detail(self._endpoints.create(request)))

    async def read(self, request: Request) -> Response:
        return Answer(detail(self._endpoints.read(request.path_params["name"])))

    async def list_all(self, request: Request) -> Response:
        return Answer({"endpoints": [summary(endpoint) for endpoint in self._endpoints.all()]})

    async def delete(self, request: Request) -> Response:
        self._endpoints.delete(request.path_params["name"])
        return Answer({})

    async def update_config(self, request: Request) -> Response:
        # The classic form has the fields of the configuration at the top level, the /pt form wraps them.
        wanted = read_classic(await read_object(request))
        return Answer(detail(self._endpoints.update_config(request.path_params["name"], wanted)))

    async def update_provisioned_config(self, request: Request) -> Response:
        wanted = read_provisioned(json_object(await read_object(request), "config") or {})
        return Answer(detail(self._endpoints.update_config(request.path_params["name"], wanted)))

    async def update_tags(self, request: Request) -> Response:
        body = await read_object(request)
        delete = tuple(texts(body, "delete_tags"))
        endpoint = self._endpoints.update_tags(request.path_params["name"], read_tags(body, "add_tags"), delete)
        return Answer({"tags": show_tags(endpoint)})

    async def update_ai_gateway(self, request: Request) -> Response:
        gateway = await read_object(request)
        self._endpoints.update_setting(request.path_params["name"], "ai_gateway", gateway or None)
        return Answer(gateway)

    async def update_notifications(self, request: Request) -> Response:
        notifications = json_object(await read_object(request), "email_notifications") or {}
        name = request.path_params["name"]
        self._endpoints.update_setting(name, "email_notifications", notifications or None)
        return Answer({"name": name, "email_notifications": notifications})

    async def update_rate_limits(self, request: Request) -> Response:
        limits = objects(await read_object(request), "rate_limits")
        self._endpoints.update_setting(request.path_params["name"], "rate_limits", limits or None)
        return Answer({"rate_limits": limits})

    async def update_telemetry_config(self, request: Request) -> Response:
        telemetry = json_object(await read_object(request), "telemetry_config")
        endpoint = self._endpoints.update_setting(request.path_params["name"], "telemetry_config", telemetry)
        return Answer(detail(endpoint))


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
